"""Learning is the proof: every row of the method table, and the quickstart as a user starts it."""

import itertools
import json
import subprocess
import sys
from pathlib import Path

import pytest

from dstjax.methods import METHODS
from experiments.learning import TASKS, pass_mark, train


@pytest.mark.slow
@pytest.mark.parametrize(("method", "task"), list(itertools.product(METHODS, TASKS)))
def test_each_method_learns(method, task, tmp_path):
    rows = train(task, method, 3, tmp_path)
    last = [row["eval/return"] for row in rows if row["step"] == TASKS[task][1]]
    assert len(last) == 3
    assert min(last) >= pass_mark(task), [(row["step"], row["eval/return"]) for row in rows]


@pytest.mark.slow
def test_the_quickstart_learns(tmp_path):
    command = [sys.executable, "-m", "experiments.quickstart", "--runs-dir", str(tmp_path), "--name", "q"]
    done = subprocess.run(
        [*command, "--tracker", "none"], cwd=Path(__file__).parents[1], check=True, capture_output=True, text=True
    )
    rows = [json.loads(line) for line in (tmp_path / "q" / "metrics.jsonl").read_text().splitlines()]
    last = [row for row in rows if row["step"] == 6000]
    assert len(last) == 8
    for row in last:
        if row["noise.obs_scale"] == 0.0:
            assert row["eval/return"] >= 900, row
    assert (tmp_path / "q" / "curves.png").stat().st_size > 10_000
    assert "curves.png" in done.stdout
    assert "interval" in done.stdout
