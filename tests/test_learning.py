"""Learning is the proof: the quickstart as a user starts it."""

import dataclasses
import json
import subprocess
import sys
from pathlib import Path

import pytest

from dstjax.config import Config, Hyper
from dstjax.methods import METHODS
from dstjax.population import Population, grid

PENDULUM = Config(
    env="inverted_pendulum", steps=6000, chunk_steps=500, warmup_steps=500, utd=4, width=64, model_width=64,
    batch_size=64, num_samples=5, drop_samples=5, ascent_steps=1,
)  # fmt: skip
POINTMASS = dataclasses.replace(PENDULUM, env="pointmass", steps=4000)
RATES = Hyper(actor_lr=1e-3, critic_lr=1e-3, tau=0.02)
"""The quickstart's sizes and rates."""


def evaluations(config: Config) -> list:
    """Every evaluation's mean return, `[chunks, seeds]`, of three seeds."""
    population = Population(config, grid(RATES, range(3), {}))
    state, returns = population.init(), []
    for _ in range(config.steps // config.chunk_steps):
        state, metrics = population.run_chunk(state)
        returns.append(metrics["eval/return"].tolist())
    return returns


@pytest.mark.slow
@pytest.mark.parametrize("method", METHODS)
def test_each_method_learns_the_inverted_pendulum(method):
    returns = evaluations(dataclasses.replace(PENDULUM, method=method))
    assert min(returns[-1]) >= 950, returns


@pytest.mark.slow
@pytest.mark.parametrize("method", METHODS)
def test_each_method_learns_the_point_mass(method):
    returns = evaluations(dataclasses.replace(POINTMASS, method=method))
    # The first evaluation, still of an untrained policy, is of one that hardly moves.
    assert min(last - first for first, last in zip(returns[0], returns[-1], strict=True)) > 5.0, returns


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
