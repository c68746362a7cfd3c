"""Sweeps on disk: shards together are the whole, whatever stops them; their states; what a damaged manifest says."""

import csv
import json
import os
import signal
from pathlib import Path

import pytest
from fakes import fake_builder

from dstjax.cli import main
from dstjax.errors import UserError
from dstjax.gather import gather
from dstjax.runs import RunDir, line_label
from dstjax.sweep import words
from dstjax.sweep.file import from_words
from dstjax.sweep.merged import merge, open_sweep, run_directories
from dstjax.sweep.shards import split
from dstjax.sweep.state import hold, progress
from dstjax.sweep.store import SweepDir
from dstjax.sweep.train import run_shard

TEXT = """
methods: [dst, td3]
tasks: pointmass
seeds: 3
static: {steps: 600, chunk_steps: 100, warmup_steps: 100, checkpoint_every: 2, width: [8, 16]}
numbers: {noise.obs_scale: [0, 0.2]}
"""


def spec(text=TEXT):
    return from_words(words.parse(text, "f.yaml"), "f", "f.yaml")


def prepared(path, count, text=TEXT):
    sweep = SweepDir(path)
    sweep.create(split(spec(text), count), {"tracker": "none"}, "dstjax sweep f.yaml")
    return sweep


def run_all(sweep, builder=fake_builder):
    for shard in sweep.load()[0]:
        assert run_shard(sweep, shard.index, builder()) == 0


def numbers(rows):
    """Rows without the wall clock."""
    return [{name: value for name, value in row.items() if not name.startswith("time/")} for row in rows]


def states(sweep, queue=None):
    return [progress(sweep, shard, queue).state for shard in sweep.load()[0]]


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """The sweep in one shard per program, done."""
    sweep = prepared(tmp_path_factory.mktemp("sweeps") / "whole", 1)
    run_all(sweep)
    return sweep


def test_shards_cover_the_members_in_order():
    whole, parts = split(spec(), 1), split(spec(), 4)
    assert [shard.name for shard in whole] == [
        "pointmass-dst-width=8", "pointmass-dst-width=16", "pointmass-td3-width=8", "pointmass-td3-width=16",
    ]  # fmt: skip
    assert [shard.members() for shard in parts] == [1, 2, 1, 2] * 4
    assert [shard.first_member for shard in parts[:5]] == [0, 1, 3, 4, 6]
    rows = [{**row, "member": 0} for shard in parts for row in shard.plan.members().rows()]
    assert rows == [{**row, "member": 0} for shard in whole for row in shard.plan.members().rows()]
    with pytest.raises(UserError, match="shards: 7 is not allowed; allowed: at most 6"):
        split(spec(), 7)


def test_merged_rows_are_those_of_all_members_once(whole):
    rows = whole.rows()
    assert [(row["method"], row["width"], row["step"], row["member"]) for row in rows] == [
        (method, width, step, 12 * i + 6 * j + member)
        for i, method in enumerate(("dst", "td3"))
        for j, width in enumerate((8, 16))
        for step in range(100, 700, 100)
        for member in range(6)
    ]
    assert line_label(rows[-1]) == "td3, width 16"
    assert states(whole) == ["done"] * 4
    assert merge(whole) == merge(whole) == 144
    assert whole.merged.rows() == rows
    members = list(csv.DictReader(whole.merged.members_file.open()))
    assert [int(row["member"]) for row in members] == list(range(24))
    assert {(row["method"], row["width"]) for row in members} == {(m, w) for m in ("dst", "td3") for w in ("8", "16")}


def test_stopped_and_killed_shards_go_on_and_end_with_the_same_rows(tmp_path):
    """Fakes are chaotic in their state and draw one stream for all members: one member per shard is comparable."""
    text = TEXT.replace("seeds: 3", "seeds: 1").replace("[8, 16]", "8").replace("[dst, td3]", "td3")
    sweep, straight = prepared(tmp_path / "sweep", 2, text), prepared(tmp_path / "straight", 2, text)
    run_all(straight)
    first, second = sweep.load()[0]

    def at_chunk(chunk, action):
        return fake_builder(lambda program: action() if program.chunks == chunk else None)

    def crash():
        raise MemoryError("no more")

    assert states(sweep) == ["queued", "queued"]
    assert run_shard(sweep, 0, at_chunk(2, lambda: os.kill(os.getpid(), signal.SIGTERM))) == 0
    assert states(sweep) == ["stopped", "queued"]
    assert progress(sweep, first).share == 0.5
    with pytest.raises(MemoryError):
        run_shard(sweep, 1, at_chunk(3, crash))
    assert states(sweep) == ["stopped", "failed"]
    assert progress(sweep, second).note == "MemoryError: no more"
    assert states(sweep, {0: "running", 1: "queued"}) == ["running", "queued"]
    assert len(sweep.rows()) == 6
    run_all(sweep)
    assert states(sweep) == ["done", "done"]
    assert numbers(sweep.rows()) == numbers(straight.rows())


def test_a_shard_killed_while_its_directory_is_made_begins_again(tmp_path):
    sweep = prepared(tmp_path / "sweep", 3)
    shard = sweep.load()[0][0]
    run = sweep.run(shard)
    run.path.mkdir()
    run.members_file.write_text("mem")
    assert run_shard(sweep, 0, fake_builder()) == 0
    assert progress(sweep, shard).state == "done"


def test_one_process_per_shard_and_a_lock_that_the_system_releases(tmp_path):
    sweep = prepared(tmp_path / "sweep", 1)
    shard = sweep.load()[0][0]
    with hold(sweep, shard):
        assert states(sweep)[0] == "running"
        with pytest.raises(UserError, match="another process is at 'pointmass-dst-width=8'"):
            run_shard(sweep, 0, fake_builder())
    assert states(sweep)[0] == "stopped"


def test_a_process_that_ends_without_a_word_has_failed(tmp_path):
    sweep = prepared(tmp_path / "sweep", 1)
    (sweep.jobs / "pointmass-dst-width=8.json").write_text(json.dumps({"state": "running", "note": ""}))
    shard = sweep.load()[0][0]
    assert progress(sweep, shard).state == "failed"
    assert "killed" in progress(sweep, shard).note


def test_a_sweep_is_not_overwritten_nor_continued_by_another(whole):
    with pytest.raises(UserError, match="already holds a sweep"):
        whole.create(split(spec(), 1), {}, "")
    whole.require_same(split(spec(), 1))
    for text, complaint in (
        (TEXT.replace("seeds: 3", "seeds: 4"), "seeds: 0 1 2 3 is not what shard 'pointmass-dst-width=8' has, 0 1 2;"),
        (TEXT.replace("[8, 16]", "[8, 32]"), "width: 32 is not what shard 'pointmass-dst-width=16' has, 16"),
        (TEXT.replace("[dst, td3]", "dst"), "shards: 2 are not the 4"),
    ):
        with pytest.raises(UserError, match=complaint):
            whole.require_same(split(spec(text), 1))


@pytest.mark.parametrize("name", ["../out", "/etc/out", "", ".", "a/b"])
def test_no_shard_lies_outside_its_sweep(tmp_path, name):
    sweep = prepared(tmp_path / "sweep", 1)
    manifest = json.loads(sweep.manifest_file.read_text())
    manifest["shards"][0]["name"] = name
    sweep.manifest_file.write_text(json.dumps(manifest))
    with pytest.raises(UserError, match="is not allowed; allowed: names inside"):
        sweep.load()


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"shards": [{}], "options": {}}', '{"shards": 3}', '{"a": '])
def test_a_damaged_manifest_is_one_line(tmp_path, text):
    sweep = prepared(tmp_path / "sweep", 1)
    sweep.manifest_file.write_text(text)
    with pytest.raises(UserError, match="is damaged"):
        sweep.load()


def test_options_that_are_damaged_are_one_line(tmp_path):
    sweep = prepared(tmp_path / "sweep", 1)
    sweep.manifest_file.write_text(sweep.manifest_file.read_text().replace('"tracker"', '"runs_dir"'))
    with pytest.raises(UserError, match=r"the options in .* are damaged"):
        run_shard(sweep, 0, fake_builder())


def test_status_and_merge_on_the_command_line(whole, tmp_path, capsys, monkeypatch):
    assert main(["status", str(whole.path)]) == 0
    assert "4 done" in capsys.readouterr().out
    assert main(["merge", str(whole.path)]) == 0
    assert "144 rows of 4 finished and 0 other shards" in capsys.readouterr().out
    run = whole.path / "pointmass-td3-width=8"
    assert main(["status", str(run)]) == 0
    assert "1 done" in capsys.readouterr().out
    assert open_sweep(run)[1][0].plan == RunDir(run).plan()
    sweep = prepared(tmp_path / "sweep", 1)
    (sweep.jobs / "pointmass-dst-width=8.json").write_text(json.dumps({"state": "failed", "note": "disk full"}))
    assert main(["status", str(sweep.path)]) == 1
    out = capsys.readouterr().out
    assert "disk full" in out
    assert "1 failed, 3 queued" in out
    monkeypatch.chdir(tmp_path)
    for command, complaint in (
        ("status nowhere", "no sweep in 'nowhere'"),
        ("merge nowhere", "no sweep in 'nowhere'"),
        ("merge sweep", "no rows in 'sweep' yet"),
        ("status", "0 directories given"),
        ("sweep", "0 files given"),
        ("sweep nowhere.yaml", "nowhere.yaml: No such file"),
        ("sweep sweep --shard 4", "shard: 4 is not allowed; allowed: 0 to 3"),
        ("sweep f.yaml --launcher slrum", "--launcher: 'slrum' is not allowed; allowed: local, slurm, hosts, none"),
    ):
        assert main(command.split()) == 2
        error = capsys.readouterr().err
        assert error.startswith("dstjax: error: ")
        assert complaint in error
        assert error.count("\n") == 1


def test_a_sweep_stands_for_its_runs_where_commands_take_runs(whole, tmp_path):
    names = [str(whole.path), str(whole.path / "pointmass-td3-width=8")]
    directories = run_directories(names)
    assert directories == [*(whole.run(shard).path for shard in whole.load()[0]), Path(names[1])]
    lines = {line_label(row) for row in gather(run_directories(names[:1])).rows}
    assert lines == {f"{method}, width {width}" for method in ("dst", "td3") for width in (8, 16)}
    with pytest.raises(UserError, match=r"no metrics in .* yet"):
        run_directories([str(prepared(tmp_path / "sweep", 1).path)])


def test_shards_have_names_that_are_distinct_and_safe():
    tasks = "['pointmass:goals=2', 'pointmass:goals=3', pointmass]"
    names = [shard.name for shard in split(spec(f"tasks: {tasks}\nmethods: td3\nseeds: 2"), 2)]
    assert names[0] == "pointmass_goals=2-td3-1of2"
    assert len(set(names)) == 6
