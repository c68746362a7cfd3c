"""The point mass among N reward locations, with motion noise: `python -m experiments.toy`.

The paper's figure: return against N, and how far each critic is from the simulator's true Sobolev return. A run per N
and all seeds of a method in one program; interrupted, the same command goes on. `--goals 1 4 --seeds 3` for a taste.
"""

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import tyro

from dstjax.audits import METRICS, audit_run
from dstjax.fields import Config
from dstjax.plan import Plan
from dstjax.report.words import estimate_text
from dstjax.runs import Row, RunDir
from dstjax.stats import Estimate, bootstrap, interquartile_mean, mean_difference, mean_interval, paired_scores
from experiments import common

AUDITED = ("joint_energy", "return_energy", "gradient_error", "gradient_cosine")


@dataclasses.dataclass(frozen=True)
class Args:
    """Which part of the figure, and where to write."""

    out: Path = Path("results/toy")
    """Written are `<out>.png` and `<out>.md`."""
    runs_dir: Path = Path("runs")
    """Where the runs `toy-N` are."""
    goals: tuple[int, ...] = (1, 2, 4, 8, 16)
    """Numbers of reward locations."""
    methods: tuple[str, ...] = ("dst", "dst-mmd", "mmd", "mage", "td3")
    """The first is compared with each other one."""
    seeds: int = 10
    """Members of each program."""
    noise: float = 0.5
    """Standard deviation of the motion noise (velocity unit; full speed is 1)."""
    steps: int = 6000
    """Environment steps per member."""
    chunk: int = 1000
    """Environment steps between evaluations."""
    warmup: int = 1000
    """Environment steps before learning."""
    states: int = 12
    """States per member of the audit."""
    samples: int = 64
    """True returns per state."""


def train(args: Args, goals: int) -> list[Row]:
    """The run of one number of goals."""
    config = Config(
        env=f"pointmass:goals={goals}", steps=args.steps, chunk_steps=args.chunk, warmup_steps=args.warmup,
        eval_episodes=16, **common.SIZES,
    )  # fmt: skip
    numbers = {"noise.dynamics_std": (args.noise,), "discount": (0.95,), **common.NUMBERS}
    plan = Plan(config, args.methods, tuple(range(args.seeds)), numbers)
    return common.train(plan, f"toy-{goals}", args.runs_dir)


def audits(args: Args, goals: int) -> dict[str, dict[str, np.ndarray]]:
    """The audit of each method's critics: metrics `[seeds]`."""
    found = audit_run(RunDir(args.runs_dir / f"toy-{goals}"), states=args.states, samples=args.samples)
    return {audit.rows[0]["method"]: audit.metrics for audit in found}


def final(rows: list[Row]) -> np.ndarray:
    """Finite returns of the members' last evaluations."""
    return paired_scores(rows, rows)[0]


def middle(values: np.ndarray) -> Estimate:
    """Interquartile mean over seeds: where a policy's return hardly varies, a relative energy has no bound."""
    return bootstrap(interquartile_mean, [values])


def table(args: Args, rows: dict[int, list[Row]], found: dict[int, Any]) -> list[list[str]]:
    """A line per number of goals and method."""
    lines = []
    for goals in args.goals:
        by_method = {name: [row for row in rows[goals] if row["method"] == name] for name in args.methods}
        first = by_method[args.methods[0]]
        for name, part in by_method.items():
            scores = final(part)
            ours, other = paired_scores(first, part)
            lead = "" if part is first else estimate_text(bootstrap(mean_difference, [ours], [other], paired=True))
            audited = (estimate_text(middle(found[goals][name][metric])) for metric in METRICS)
            lines.append([str(goals), name, estimate_text(mean_interval(scores)), lead, *audited])
    return lines


def draw(args: Args, rows: dict[int, list[Row]], found: dict[int, Any], path: Path) -> None:
    """Return and audit against the number of goals, a line per method with its interval over seeds."""
    from dstjax.plots import line_marks, new_figure, save

    figure = new_figure(3.6 * (1 + len(AUDITED)), 4.0)
    axes = figure.subplots(1, 1 + len(AUDITED))
    places = np.arange(len(args.goals))
    for offset, (name, mark) in enumerate(line_marks(args.methods).items()):
        scores = [final([row for row in rows[goals] if row["method"] == name]) for goals in args.goals]
        audited = ([middle(found[goals][name][metric]) for goals in args.goals] for metric in AUDITED)
        for axis, estimates in zip(axes, [[mean_interval(values) for values in scores], *audited], strict=True):
            mean, low, high = (np.array([getattr(e, end) for e in estimates]) for end in ("value", "low", "high"))
            bars = np.nan_to_num([mean - low, high - mean])
            place = places + 0.06 * (offset - (len(args.methods) - 1) / 2)
            axis.errorbar(place, mean, bars, capsize=2, marker="o", markersize=4, label=name, **mark)
    for axis, title in zip(axes, ("return at the last evaluation", *AUDITED), strict=True):
        axis.set(title=title.replace("_", " "), xlabel="reward locations N")
        axis.set(xlim=(-0.5, len(places) - 0.5))
        axis.set_xticks(places, map(str, args.goals))
        axis.grid(alpha=0.3, linewidth=0.6)
        if title.endswith(("energy", "error")):
            axis.set_yscale("log")
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside upper center", ncols=len(args.methods))
    save(figure, path)


def main(args: Args) -> None:
    """Train, audit, draw and write the table."""
    print(common.command())
    rows = {goals: train(args, goals) for goals in args.goals}
    found = {goals: audits(args, goals) for goals in args.goals}
    args.out.parent.mkdir(parents=True, exist_ok=True)
    draw(args, rows, found, args.out.with_suffix(".png"))
    header = ["N", "method", "return", f"{args.methods[0]} ahead by", *(name.replace("_", " ") for name in METRICS)]
    text = (
        f"{args.seeds} seeds, {args.steps} steps, motion noise {args.noise}. Return: mean of the last evaluation, 16 "
        "episodes [95 % Student interval over seeds]; the lead is paired by seed [95 % bootstrap]. The other columns "
        f"audit the critic at {args.states} states per seed against {args.samples} true returns each: medians over "
        "states, then the interquartile mean over seeds [95 % bootstrap]. Energies are relative to the return's "
        "deviation. No normalisation.\n\n"
    )
    text += common.markdown(header, table(args, rows, found), 2)
    common.write(args.out, "Toy: point mass among N reward locations", text)


if __name__ == "__main__":
    main(tyro.cli(Args, description=__doc__))
