"""Experiments at tiny sizes: what `results/` is made with must run from end to end."""

import subprocess
import sys
from pathlib import Path

import jax
import pytest

from experiments import bench

SHORT = ["--steps", "200", "--chunk", "100", "--warmup", "100", "--seeds", "2"]
TINY = {
    "toy": ["--goals", "1", "4", "--methods", "dst", "td3", "--states", "2", "--samples", "4", *SHORT],
    "noise": ["--tasks", "pointmass", "--noises", "obs_scale", "--methods", "dst", "td3", *SHORT],
    "ablation": ["--task", "pointmass", "--only", "no truncation", "gradient in the state alone", *SHORT],
    "cost": ["--rounds", "2", "--width", "8", "--batches", "128", "256", "--members", "1", "2"],
}
"""Arguments of each; all of them write `<out>*.md` and a figure beside it."""


@pytest.mark.parametrize("method", bench.METHODS)
def test_what_is_timed_traces(method):
    function, inputs = bench.critic_update(bench.Args(width=8), method, 16)
    learner, metrics = jax.eval_shape(function, *inputs)
    assert jax.tree.structure(learner) == jax.tree.structure(inputs[0])
    assert metrics["critic/loss"].shape == ()


@pytest.mark.slow
@pytest.mark.parametrize("name", TINY)
def test_experiments_write_their_table_and_figure(name, tmp_path):
    command = [sys.executable, "-m", f"experiments.{name}", *TINY[name], "--out", str(tmp_path / "found")]
    runs = [] if name == "cost" else ["--runs-dir", str(tmp_path / "runs")]
    done = subprocess.run([*command, *runs], cwd=Path(__file__).parents[1], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    (table,) = tmp_path.glob("found*.md")
    text = table.read_text()
    assert f"python -m experiments.{name}" in text
    for word in ("dst", "td3") if name != "ablation" else ("no truncation", "gradient in the state alone"):
        assert f"| {word} |" in text
    assert table.with_suffix(".png").stat().st_size > 5_000
