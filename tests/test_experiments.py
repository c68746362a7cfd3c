"""Experiments at tiny sizes: what `results/` is made with must run from end to end."""

import dataclasses
import subprocess
import sys
from pathlib import Path

import jax
import pytest

from experiments import ablation, bench, claims, common, effects, pooled

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


def rows_of(method, noise, lasts, env="task"):
    """Two evaluations of a seed each: 0, then its last return."""
    return [
        {"member": (method, noise, seed), "method": method, "env": env, "seed": seed, "noise.obs_scale": noise}
        | {"step": step, "eval/return": value}
        for seed, last in enumerate(lasts)
        for step, value in ((100, 0.0), (200, last))
    ]


@pytest.fixture
def variants():
    """A base, a variant that is ahead without noise and behind under it, and one that is under noise only."""
    quiet = rows_of("dst", 0.0, (8.0, 12.0)) + rows_of("variant", 0.0, (18.0, 22.0))
    noisy = (
        rows_of("dst", 0.2, (30.0, 30.0)) + rows_of("variant", 0.2, (15.0, 15.0)) + rows_of("new", 0.2, (24.0, 30.0))
    )
    return quiet + noisy


def test_effects_are_leads_on_the_scale_of_each_panel(variants):
    found = effects.overall(variants, "dst")
    assert {part: list(of_variant) for part, of_variant in found.items()} == {
        "without noise": ["variant"],
        "under noise": ["variant", "new"],
    }
    panels, (last, area) = found["without noise"]["variant"]
    assert (panels, last.count) == (1, 2)
    # Both seeds are ahead by 10 of a scale of 20, so that a paired interval has no width.
    assert (last.value, last.low, last.high) == pytest.approx((0.5, 0.5, 0.5))
    assert area.value == pytest.approx(0.25)
    assert found["under noise"]["variant"][1][0].value == -0.5
    assert found["under noise"]["new"][1][0].value == pytest.approx(-0.1)


def test_pooling_keeps_panels_that_have_every_method(variants):
    last, _ = pooled.pooled(variants, True, ("dst", "variant", "new"))
    assert {name: [list(scores) for scores in strata] for name, strata in last.items()} == {
        "dst": [[1.0, 1.0]],
        "variant": [[0.5, 0.5]],
        "new": [[0.8, 1.0]],
    }
    assert pooled.pooled(variants, False, ("dst", "new")) == ({}, {})


def test_claims_are_leads_in_bold_where_zero_is_outside(variants):
    pairs = ("variant", "dst"), ("new", "dst")
    assert claims.by_panel(claims.in_panels(variants, pairs), claims.PARTS[claims.LAST]) == [
        ["no noise", "**0.5 [0.5, 0.5]**", ""],
        ["obs_scale 0.2", "**-0.5 [-0.5, -0.5]**", "-0.1 [-1.37, 1.17]"],
    ]
    assert claims.together(variants, pairs, 0, ["task"]) == [
        ["**all, without noise**", "**0.5 [0.5, 0.5]**", ""],
        ["**all, under noise**", "**-0.5 [-0.5, -0.5]**", "-0.1 [-1.37, 1.17]"],
    ]


def test_a_base_is_what_training_it_would_give(variants, tmp_path):
    common.write_rows([{**row, "member": index // 2} for index, row in enumerate(variants)], tmp_path / "rows.csv")
    args = ablation.Args(task="task", seeds=2, levels=(0.0, 0.2), steps=200, chunk=100)
    assert [row["eval/return"] for row in ablation.base_rows(tmp_path / "rows.csv", args)] == [
        0.0, 8.0, 0.0, 12.0, 0.0, 30.0, 0.0, 30.0
    ]  # fmt: skip
    noisy = dataclasses.replace(args, levels=(0.2,))
    assert [row["eval/return"] for row in ablation.base_rows(tmp_path / "rows.csv", noisy)] == [0.0, 30.0, 0.0, 30.0]
    with pytest.raises(SystemExit, match=r"base: .* has 8 of 12 evaluations; allowed: rows of `dst` on task"):
        ablation.base_rows(tmp_path / "rows.csv", dataclasses.replace(args, seeds=3))


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
