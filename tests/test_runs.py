import csv
import json

import numpy as np
import pytest
import yaml

from dstjax.errors import UserError
from dstjax.fields import Config
from dstjax.plan import Plan
from dstjax.runs import RunDir, line_label, noise_label

PLAN = Plan(Config(), ("dst", "td3"), (0, 1))
MEMBERS = [{"member": 0, "seed": 0, "method": "dst"}, {"member": 1, "seed": 1, "method": "dst"}]


def row(method, step, **more):
    return {"member": int(method == "td3"), "method": method, "env": "hopper", "seed": 0, "step": step, **more}


@pytest.fixture
def run(tmp_path):
    run = RunDir(tmp_path / "runs" / "mine")
    run.create(PLAN, {"command": "dstjax train", "versions": {"jax": "0"}}, MEMBERS)
    return run


def test_creation_writes_config_and_members(run):
    record = yaml.safe_load(run.config_file.read_text())
    assert record["command"] == "dstjax train"
    assert record["config"]["env"] == Config().env
    assert run.plan() == PLAN
    assert [r["seed"] for r in csv.DictReader(run.members_file.open())] == ["0", "1"]


def test_a_run_is_not_overwritten(run):
    before = {path: path.read_bytes() for path in run.path.iterdir()}
    with pytest.raises(UserError, match="already holds a run"):
        run.create(PLAN, {}, MEMBERS)
    assert {path: path.read_bytes() for path in run.path.iterdir()} == before


def test_other_peoples_files_are_not_mixed_with_a_run(tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(UserError, match="not empty"):
        RunDir(tmp_path).create(PLAN, {}, MEMBERS)
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]


def test_a_place_that_cannot_be_written_is_a_user_error(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="runs_dir"):
        RunDir(tmp_path / "file" / "run").create(PLAN, {}, MEMBERS)


def test_no_run_and_a_damaged_config_are_user_errors(tmp_path):
    with pytest.raises(UserError, match="no run in"):
        RunDir(tmp_path).plan()
    (tmp_path / "config.yaml").write_text("config: [")
    with pytest.raises(UserError, match="damaged"):
        RunDir(tmp_path).plan()


def test_rows_come_back_bit_for_bit_and_not_a_number_is_null(run):
    values = np.random.default_rng(0).standard_normal(50).astype(np.float32)
    run.append([row("dst", i, **{"eval/return": value}) for i, value in enumerate(values)])
    run.append([row("dst", 50, **{"eval/return": np.float32("nan"), "critic/loss": float("inf")})])
    rows = run.rows()
    assert [np.float32(r["eval/return"]) for r in rows[:-1]] == list(values)
    assert (rows[-1]["eval/return"], rows[-1]["critic/loss"]) == (None, None)
    for line in run.metrics_file.read_text().splitlines():
        json.loads(line, parse_constant=lambda word: pytest.fail(f"{word} is not JSON"))


def test_truncation_drops_what_lies_beyond_the_checkpoint_of_one_program(run):
    run.append([row("dst", step) for step in (1, 2, 3)] + [row("td3", step) for step in (1, 2)])
    assert run.count({1}, 1) == 1
    assert run.count({0, 1}, 2) == 4
    kept = run.truncate({1}, 1)
    assert [r["step"] for r in kept] == [1]
    assert [(r["method"], r["step"]) for r in run.rows()] == [("dst", 1), ("dst", 2), ("dst", 3), ("td3", 1)]


def test_a_line_cut_short_by_a_crash_is_dropped(run):
    run.append([row("dst", 1), row("dst", 2)])
    text = run.metrics_file.read_text()
    run.metrics_file.write_text(text[:-9])
    assert [r["step"] for r in run.rows()] == [1]
    run.truncate({0}, 2)
    run.append([row("dst", 2)])
    assert run.metrics_file.read_text() == text


def test_a_damaged_line_in_the_middle_is_a_user_error(run):
    run.append([row("dst", 1)])
    run.metrics_file.write_text("garbage\n" + run.metrics_file.read_text())
    with pytest.raises(UserError, match="damaged"):
        run.rows()


def test_labels():
    noisy = row("dst", 1, **{"noise.obs_scale": 0.2, "noise.dynamics_std": 0.0, "critic_lr": 1e-3, "eval/return": 1.0})
    assert noise_label(noisy) == "obs_scale 0.2"
    assert line_label(noisy) == "dst, critic_lr 0.001"
    assert noise_label(row("dst", 1, **{"noise.obs_scale": 0.0})) == "no noise"
