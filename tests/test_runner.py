"""Runs as a whole: what is on disk, and that stopping or crashing and resuming changes no number."""

import os
import shutil
import signal

import numpy as np
import pytest
from fakes import fake_builder

from dstjax import backend, runner
from dstjax.errors import UserError
from dstjax.fields import Config
from dstjax.plan import Plan
from dstjax.runner import Place
from dstjax.runs import RunDir

PLAN = Plan(
    Config(env="pointmass", steps=800, chunk_steps=100, checkpoint_every=3, warmup_steps=100),
    ("dst", "td3"), (0, 1), {"noise.obs_scale": (0.0, 0.2)},
)  # fmt: skip


def numbers(rows):
    """Rows without the wall clock."""
    return [{name: value for name, value in row.items() if not name.startswith("time/")} for row in rows]


def at_chunk(method, chunk, action):
    """Calls `action` before a chunk, counted from where the process began."""

    def before_chunk(program):
        if program.config.method == method and program.chunks == chunk:
            action()

    return before_chunk


def train(tmp_path, name, build=None, plan=PLAN, resume=False, **given):
    place = Place(name, tmp_path, resume, tracker="none")
    return runner.train(None if resume else plan, place, given, build or fake_builder())


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """An uninterrupted run."""
    path = tmp_path_factory.mktemp("runs")
    assert train(path, "whole") == 0
    return RunDir(path / "whole")


def test_a_run_leaves_everything_on_disk(whole):
    rows = whole.rows()
    assert [(row["method"], row["step"], row["member"]) for row in rows] == [
        (method, step, 4 * index + member)
        for index, method in enumerate(PLAN.methods)
        for step in range(100, 900, 100)
        for member in range(4)
    ]
    assert [row["seed"] for row in rows[:4]] == [0, 1, 0, 1]
    assert [row["noise.obs_scale"] for row in rows[:4]] == [0.0, 0.0, 0.2, 0.2]
    assert len(whole.members_file.read_text().splitlines()) == 1 + 8
    assert whole.figure_file.exists()
    assert whole.plan() == PLAN
    for method in PLAN.methods:
        assert {path.name for path in whole.checkpoints(method).iterdir()} == {"600", "800"}


@pytest.mark.parametrize(("method", "chunk"), [("dst", 0), ("dst", 4), ("td3", 2), ("td3", 7)])
@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 0), (signal.SIGINT, 130)])
def test_a_stopped_and_resumed_run_has_the_same_numbers(method, chunk, number, code, whole, tmp_path, capsys):
    stop = at_chunk(method, chunk, lambda: os.kill(os.getpid(), number))
    finished_anyway = (method, chunk) == ("td3", 7)
    assert train(tmp_path, "run", fake_builder(stop)) == (0 if finished_anyway else code)
    if not finished_anyway:
        assert f"dstjax train --resume --name run --runs-dir {tmp_path}" in capsys.readouterr().out
        assert numbers(RunDir(tmp_path / "run").rows()) == numbers(whole.rows())[: len(RunDir(tmp_path / "run").rows())]
        build = fake_builder()
        assert train(tmp_path, "run", build, resume=True) == 0
        done = 8 * PLAN.methods.index(method) + chunk + 1
        assert sum(program.chunks for program in build.made) == 16 - done
    assert numbers(RunDir(tmp_path / "run").rows()) == numbers(whole.rows())


@pytest.mark.parametrize(("method", "chunk"), [("dst", 2), ("dst", 5), ("td3", 0)])
def test_a_crashed_and_resumed_run_has_the_same_numbers(method, chunk, whole, tmp_path):
    def crash():
        raise MemoryError

    with pytest.raises(MemoryError):
        train(tmp_path, "run", fake_builder(at_chunk(method, chunk, crash)))
    assert train(tmp_path, "run", resume=True) == 0
    assert numbers(RunDir(tmp_path / "run").rows()) == numbers(whole.rows())


def test_a_damaged_newest_checkpoint_costs_only_the_time_since_the_one_before(whole, tmp_path):
    stop = at_chunk("dst", 6, lambda: os.kill(os.getpid(), signal.SIGTERM))
    train(tmp_path, "run", fake_builder(stop))
    run = RunDir(tmp_path / "run")
    for path in (run.checkpoints("dst") / "700").rglob("*"):
        if path.is_file() and path.name != "_CHECKPOINT_METADATA":
            path.write_bytes(b"")
    assert train(tmp_path, "run", resume=True) == 0
    assert numbers(run.rows()) == numbers(whole.rows())


def test_rows_without_any_checkpoint_are_not_dropped(tmp_path):
    assert train(tmp_path, "run") == 0
    run = RunDir(tmp_path / "run")
    before = run.metrics_file.read_bytes()
    shutil.rmtree(run.checkpoints("dst"))
    with pytest.raises(UserError, match=r"resume: no checkpoint of dst in .*, which has rows to step 800"):
        train(tmp_path, "run", resume=True)
    assert run.metrics_file.read_bytes() == before


def test_resuming_a_finished_run_computes_nothing(tmp_path):
    assert train(tmp_path, "run") == 0
    before = RunDir(tmp_path / "run").metrics_file.read_bytes()
    build = fake_builder()
    assert train(tmp_path, "run", build, resume=True) == 0
    assert sum(program.chunks for program in build.made) == 0
    assert RunDir(tmp_path / "run").metrics_file.read_bytes() == before


def test_resuming_with_another_plan_names_the_field_and_changes_nothing(tmp_path):
    train(tmp_path, "run", fake_builder(at_chunk("dst", 1, lambda: os.kill(os.getpid(), signal.SIGTERM))))
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")}
    with pytest.raises(UserError, match="utd: 3 is not what the run has, 10"):
        train(tmp_path, "run", resume=True, utd=3)
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")} == before


def test_one_process_per_run(tmp_path):
    train(tmp_path, "run", fake_builder(at_chunk("dst", 1, lambda: os.kill(os.getpid(), signal.SIGTERM))))
    rows = RunDir(tmp_path / "run").rows()
    with RunDir(tmp_path / "run").lock(), pytest.raises(UserError, match="another process"):
        train(tmp_path, "run", resume=True)
    assert RunDir(tmp_path / "run").rows() == rows
    assert train(tmp_path, "run", resume=True) == 0


def test_memory_is_checked_before_anything_is_written(tmp_path):
    with pytest.raises(UserError, match=r"replay_capacity: 800 transitions for each of 1 members need \d+\.\d GiB"):
        train(tmp_path, "run", fake_builder(bytes=8 * backend.available_bytes()))
    assert list(tmp_path.iterdir()) == []


def by_step(rows):
    return sorted(numbers(rows), key=lambda row: (row["method"], row["step"], row["member"]))


def test_members_that_do_not_fit_take_turns(whole, tmp_path, capsys):
    one_member = backend.available_bytes() // 5  # Two copies of the state of each of the four: half of them fit.

    def stop(lane):
        if lane.chunks == 3 and lane.members.hyper.noise.obs_scale[0] == np.float32(0.2):
            os.kill(os.getpid(), signal.SIGTERM)

    assert train(tmp_path, "run", fake_builder(stop, bytes=4 * one_member)) == 0
    assert "2 lanes of 2 members, one after the other" in capsys.readouterr().out
    run = RunDir(tmp_path / "run")
    assert {(row["member"], row["step"]) for row in run.rows()} == (
        {(member, step) for member in (0, 1) for step in range(100, 900, 100)}
        | {(member, step) for member in (2, 3) for step in (100, 200, 300, 400)}
    )
    place = Place("run", tmp_path, resume=True, tracker="none", members_per_program=3)
    with pytest.raises(UserError, match="members_per_program: 3 is not what the run has, 2"):
        runner.train(None, place, {}, fake_builder())
    assert train(tmp_path, "run", resume=True) == 0, "in lanes of the same size, although all would fit now"
    assert by_step(run.rows()) == by_step(whole.rows())


def test_handlers_are_put_back(tmp_path):
    before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    train(tmp_path, "run")
    assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == before


def test_the_real_population_resumes_bit_for_bit(tmp_path, monkeypatch):
    """SIGTERM in the third chunk of a real, tiny population: warm-up, updates and a full replay lie before it."""
    config = Config(
        env="pointmass", steps=80, chunk_steps=20, warmup_steps=20, batch_size=8, width=8, depth=1, utd=2,
        eval_episodes=2, checkpoint_every=2, replay_capacity=50,
    )  # fmt: skip
    plan = Plan(config, ("td3",), (0, 1), {"noise.obs_scale": (0.1,)})
    assert train(tmp_path, "whole", runner.build_programs, plan) == 0

    def build(plan):
        programs = runner.build_programs(plan)
        run_chunk, calls = programs[0].run_chunk, []

        def stopping(state):
            calls.append(1)
            if len(calls) == 3:
                os.kill(os.getpid(), signal.SIGTERM)
            return run_chunk(state)

        monkeypatch.setattr(programs[0], "run_chunk", stopping)
        return programs

    assert train(tmp_path, "run", build, plan) == 0
    assert len(RunDir(tmp_path / "run").rows()) == 6
    assert train(tmp_path, "run", runner.build_programs, resume=True) == 0
    rows = numbers(RunDir(tmp_path / "run").rows())
    assert rows == numbers(RunDir(tmp_path / "whole").rows())
    assert all(row["critic/loss"] is not None for row in rows[2:])
