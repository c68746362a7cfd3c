"""The point mass among N reward locations, with motion noise: `python -m experiments.toy`.

The paper's figure: return against N, and how far each critic is from the simulator's true Sobolev return. Episodes
start anywhere in the square around the circle of reward locations, rewards are bimodal, and the motion noise is as
strong as the controls, so that it decides which locations are met. Critics are audited at first actions drawn
uniformly: at the policy's own, near an optimum, the true gradient is nearly zero. A run per N and method, its seeds in
one program; interrupted, the same command goes on. `--goals 1 4 --seeds 3` for a taste.
"""

import dataclasses
import itertools
from pathlib import Path

import numpy as np
import tyro

from dstjax.audits import METRICS, audit_run
from dstjax.fields import Config
from dstjax.plan import Plan
from dstjax.report.words import estimate_text
from dstjax.runs import Row, RunDir
from dstjax.stats import Estimate, bootstrap, interquartile_mean, mean_interval
from experiments import common, leads

Cell = tuple[int, str]
"""Number of goals, and method."""
DRAWN = ("joint_energy", "gradient_cosine")
"""Of the audit's metrics."""


@dataclasses.dataclass(frozen=True)
class Args:
    """Which part of the figure, and where to write."""

    out: Path = Path("results/toy")
    """Written are `<out>.png` and `<out>.md`."""
    runs_dir: Path = Path("runs")
    """Where the runs `toy-N-METHOD` are."""
    goals: tuple[int, ...] = (1, 2, 4, 8, 16)
    """Numbers of reward locations."""
    methods: tuple[str, ...] = ("dst", "dst-complete", "dst-mmd", "mmd", "mage", "td3")
    """Rows of the method table to train."""
    leads: tuple[str, ...] = ("dst", "dst-mmd", "mage")
    """Each of these is compared with every other method."""
    seeds: int = 10
    """Members of each program."""
    noise: float = 1.5
    """Standard deviation of the motion noise (velocity unit; full speed is 1)."""
    steps: int = 2500
    """Environment steps per member."""
    chunk: int = 500
    """Environment steps between evaluations."""
    warmup: int = 500
    """Environment steps before learning."""
    states: int = 24
    """States per member of the audit."""
    samples: int = 64
    """True returns per state."""


def train(args: Args, goals: int, method: str) -> list[Row]:
    """The run of one number of goals and one method."""
    config = Config(
        env=f"pointmass:goals={goals},spread=1,bimodal=true", steps=args.steps, chunk_steps=args.chunk,
        warmup_steps=args.warmup, eval_episodes=16, **common.SIZES,
    )  # fmt: skip
    numbers = {"noise.dynamics_std": (args.noise,), "discount": (0.95,), **common.NUMBERS}
    return common.train(Plan(config, (method,), tuple(range(args.seeds)), numbers), name(goals, method), args.runs_dir)


def name(goals: int, method: str) -> str:
    """Of a run."""
    return f"toy-{goals}-{method}"


def audit(args: Args, goals: int, method: str) -> dict[str, np.ndarray]:
    """The audit of a method's critics: metrics `[seeds]`."""
    run = RunDir(args.runs_dir / name(goals, method))
    (found,) = audit_run(run, states=args.states, samples=args.samples, actions="uniform")
    return found.metrics


def middle(values: np.ndarray) -> Estimate:
    """Interquartile mean over seeds: where a policy's return hardly varies, a relative energy has no bound."""
    return bootstrap(interquartile_mean, [values])


def table(rows: dict[Cell, list[Row]], found: dict[Cell, dict[str, np.ndarray]]) -> list[list[str]]:
    """A line per number of goals and method: what it reaches, and its critic's audit."""
    return [
        [
            str(goals), method, *(estimate_text(mean_interval(score)) for score in common.scores(part)),
            *(estimate_text(middle(found[goals, method][metric])) for metric in METRICS),
        ]
        for (goals, method), part in rows.items()
    ]  # fmt: skip


def draw(args: Args, rows: dict[Cell, list[Row]], found: dict[Cell, dict[str, np.ndarray]], path: Path) -> None:
    """Return and audit against the number of goals, a line per method with its interval over seeds."""
    from dstjax.plots import line_marks, new_figure, save

    titles = ("return at the last evaluation", "mean return over training", *DRAWN)
    figure = new_figure(9.0, 6.6)
    axes = figure.subplots(2, 2).ravel()
    places = np.arange(len(args.goals))
    for offset, (method, mark) in enumerate(line_marks(args.methods).items()):
        returns = zip(*(map(mean_interval, common.scores(rows[goals, method])) for goals in args.goals), strict=True)
        audited = ([middle(found[goals, method][metric]) for goals in args.goals] for metric in DRAWN)
        for axis, estimates in zip(axes, [*returns, *audited], strict=True):
            mean, low, high = (np.array([getattr(e, end) for e in estimates]) for end in ("value", "low", "high"))
            bars = np.nan_to_num([mean - low, high - mean])
            place = places + 0.06 * (offset - (len(args.methods) - 1) / 2)
            axis.errorbar(place, mean, bars, capsize=2, marker="o", markersize=4, label=method, **mark)
    for axis, title in zip(axes, titles, strict=True):
        axis.set(title=title.replace("_", " "), xlabel="reward locations N")
        axis.set(xlim=(-0.5, len(places) - 0.5))
        axis.set_xticks(places, map(str, args.goals))
        axis.grid(alpha=0.3, linewidth=0.6)
        if title.endswith("energy"):
            axis.set_yscale("log")
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside upper center", ncols=len(args.methods))
    save(figure, path)


def main(args: Args) -> None:
    """Train, audit, draw and write the table."""
    print(common.command())
    cells = list(itertools.product(args.goals, args.methods))
    rows = {cell: train(args, *cell) for cell in cells}
    found = {cell: audit(args, *cell) for cell in cells}
    args.out.parent.mkdir(parents=True, exist_ok=True)
    draw(args, rows, found, args.out.with_suffix(".png"))
    header = ["N", "method", "return", "over training", *(name.replace("_", " ") for name in METRICS)]
    text = (
        f"{args.seeds} seeds, {args.steps} steps, motion noise {args.noise}. Return: mean of the last evaluation, 16 "
        "episodes [95 % Student interval over seeds]; over training: mean of all evaluations. The "
        f"other columns audit the critic at {args.states} states per seed, and first actions "
        f"drawn uniformly, against {args.samples} true returns each: medians over states, then the interquartile mean "
        "over seeds [95 % bootstrap]. Energies are relative to the return's deviation. No normalisation.\n\n"
    )
    text += common.markdown(header, table(rows, found), 2)
    every = [
        {**row, "env": f"N = {cell[0]}", "member": (*cell, row["member"])}
        for cell, part in rows.items()
        for row in part
    ]
    text += "\n\n" + leads.sections(every, args.leads, "locations, noise")
    common.write(args.out, "Toy: point mass among N reward locations", text)


if __name__ == "__main__":
    main(tyro.cli(Args, description=__doc__))
