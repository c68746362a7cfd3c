"""The point mass among N reward locations, with motion noise: `python -m experiments.toy`.

The paper's figure: return against N, and how far each critic is from the simulator's true Sobolev return. Episodes
start anywhere in the square around the circle of reward locations, rewards are bimodal, and the motion noise is as
strong as the controls, so that it decides which locations are met. Critics are audited at first actions drawn
uniformly: at the policy's own, near an optimum, the true gradient is nearly zero. A run per N and method, its seeds in
one program; interrupted, the same command goes on. Table and figure are of all that is in `results/toy/`.
`--goals 1 4 --seeds 3 --out /tmp/toy` for a taste.
"""

import csv
import dataclasses
import itertools
from pathlib import Path

import numpy as np
import tyro

from dstjax.audits import METRICS, audit_run
from dstjax.fields import Config
from dstjax.methods import METHODS
from dstjax.plan import Plan
from dstjax.report.words import estimate_text
from dstjax.runs import Row, RunDir
from dstjax.stats import Estimate, bootstrap, interquartile_mean, mean_interval
from experiments import common, leads

Cell = tuple[int, str]
"""Number of goals, and method."""
Returns = dict[Cell, list[Row]]
Audits = dict[Cell, dict[str, np.ndarray]]
"""Metrics `[seeds]`."""
DRAWN = ("joint_energy", "gradient_cosine")
"""Of the audit's metrics."""


@dataclasses.dataclass(frozen=True)
class Args:
    """Which part of the figure, and where to write."""

    out: Path = Path("results/toy")
    """Rows and audits are in `<out>/`, a file per N and method; `<out>.png` and `<out>.md` are made of all there."""
    runs_dir: Path = Path("runs")
    """Where the runs `toy-N-METHOD` are."""
    goals: tuple[int, ...] = (1, 2, 4, 8, 16)
    """Numbers of reward locations; with none, table and figure are made of what is there."""
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


def measure(args: Args, goals: int, method: str) -> None:
    """Train and audit a method; write its rows, and the audit of its critics, a line per seed."""
    rows = train(args, goals, method)
    run = RunDir(args.runs_dir / name(goals, method))
    (found,) = audit_run(run, states=args.states, samples=args.samples, actions="uniform")
    common.write_rows(rows, args.out / f"{goals}-{method}.csv")
    audits = args.out / "audits" / f"{goals}-{method}.csv"
    audits.unlink(missing_ok=True)
    for seed, values in enumerate(zip(*(found.metrics[metric] for metric in METRICS), strict=True)):
        line = {metric: f"{value:.6g}" for metric, value in zip(METRICS, values, strict=True)}
        common.append_row(audits, {"seed": seed, **line}, ("seed", *METRICS))


def read_measured(out: Path) -> tuple[Returns, Audits]:
    """What `measure` wrote, for every N and method that is there."""
    returns, audits = Returns(), Audits()
    order = list(METHODS)
    for row in sorted(common.read_rows(out), key=lambda row: (_goals(row), order.index(row["method"]))):
        returns.setdefault((_goals(row), row["method"]), []).append(row)
    for goals, method in returns:
        with (out / "audits" / f"{goals}-{method}.csv").open(newline="") as file:
            lines = list(csv.DictReader(file))
        audits[goals, method] = {metric: np.array([float(line[metric]) for line in lines]) for metric in METRICS}
    return returns, audits


def _goals(row: Row) -> int:
    return int(row["env"].partition("goals=")[2].partition(",")[0])


def middle(values: np.ndarray) -> Estimate:
    """Interquartile mean over seeds: where a policy's return hardly varies, a relative energy has no bound."""
    return bootstrap(interquartile_mean, [values])


def table(rows: Returns, found: Audits) -> list[list[str]]:
    """A line per number of goals and method: what it reaches, and its critic's audit."""
    return [
        [
            str(goals), method, *(estimate_text(mean_interval(score)) for score in common.scores(part)),
            *(estimate_text(middle(found[goals, method][metric])) for metric in METRICS),
        ]
        for (goals, method), part in rows.items()
    ]  # fmt: skip


def draw(rows: Returns, found: Audits, path: Path) -> None:
    """Return and audit against the number of goals, a line per method with its interval over seeds."""
    from dstjax.plots import line_marks, new_figure, save

    titles = ("return at the last evaluation", "mean return over training", *DRAWN)
    figure = new_figure(9.0, 6.6)
    axes = figure.subplots(2, 2).ravel()
    numbers, methods = (list(dict.fromkeys(part)) for part in zip(*rows, strict=True))
    for offset, (method, mark) in enumerate(line_marks(methods).items()):
        goals = [number for number in numbers if (number, method) in rows]
        returns = zip(*(map(mean_interval, common.scores(rows[number, method])) for number in goals), strict=True)
        audited = ([middle(found[number, method][metric]) for number in goals] for metric in DRAWN)
        place = np.array(list(map(numbers.index, goals))) + 0.06 * (offset - (len(methods) - 1) / 2)
        for axis, estimates in zip(axes, [*returns, *audited], strict=True):
            mean, low, high = (np.array([getattr(e, end) for e in estimates]) for end in ("value", "low", "high"))
            bars = np.nan_to_num([mean - low, high - mean])
            axis.errorbar(place, mean, bars, capsize=2, marker="o", markersize=4, label=method, **mark)
    for axis, title in zip(axes, titles, strict=True):
        axis.set(title=title.replace("_", " "), xlabel="reward locations N")
        axis.set(xlim=(-0.5, len(numbers) - 0.5))
        axis.set_xticks(range(len(numbers)), map(str, numbers))
        axis.grid(alpha=0.3, linewidth=0.6)
        if title.endswith("energy"):
            axis.set_yscale("log")
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside upper center", ncols=len(methods))
    save(figure, path)


def main(args: Args) -> None:
    """Train and audit, then draw and write the table of all that is there."""
    print(common.command())
    for cell in itertools.product(args.goals, args.methods):
        measure(args, *cell)
    rows, found = read_measured(args.out)
    draw(rows, found, args.out.with_suffix(".png"))
    header = ["N", "method", "return", "over training", *(name.replace("_", " ") for name in METRICS)]
    text = (
        f"{args.seeds} seeds, {args.steps} steps, motion noise {args.noise}. Return: mean of the last evaluation, 16 "
        "episodes [95 % Student interval over seeds]; over training: mean of all evaluations. The "
        f"other columns audit the critic at {args.states} states per seed, and first actions "
        f"drawn uniformly, against {args.samples} true returns each: medians over states, then the interquartile mean "
        "over seeds [95 % bootstrap]. Energies are relative to the return's deviation. No normalisation.\n\n"
    )
    text += common.markdown(header, table(rows, found), 2)
    every = [{**row, "env": f"N = {goals}"} for (goals, _), part in rows.items() for row in part]
    text += "\n\n" + leads.sections(every, args.leads, "locations, noise")
    common.write(args.out, "Toy: point mass among N reward locations", text)


if __name__ == "__main__":
    main(tyro.cli(Args, description=__doc__))
