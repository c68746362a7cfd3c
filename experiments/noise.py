"""Tasks x noises x methods, the paper's main table: `python -m experiments.noise --tasks hopper --piece 1/3`.

A run is one task and one method; seeds and noises are its members. `--piece i/n` takes every n-th run, `--minutes`
stops at the next chunk boundary, and the same command goes on from there. What each run has measured goes into
`<out>/TASK-METHOD.csv`; the table and the figure are made of all files there, whichever machine they came from.
On a GPU: `--seeds 5 --steps 100000 --chunk 5000 --large`.
"""

import dataclasses
from pathlib import Path

import tyro

from dstjax import plots
from dstjax.backend import start_backend
from dstjax.fields import Config
from dstjax.plan import Plan
from dstjax.report.words import estimate_text
from dstjax.runs import Row, RunDir
from dstjax.stats import (
    area_under_curve,
    bootstrap,
    curve,
    groups,
    interquartile_mean,
    mean_interval,
    paired_scores,
)
from experiments import common, leads, pooled

NOISES = {"obs_scale": 0.2, "dynamics_std": 0.1, "action_std": 0.2, "friction_scale": 0.5}
"""One at a time, beside none; a task has those that change anything in it."""


@dataclasses.dataclass(frozen=True)
class Args:
    """Which part of the table, and where to write."""

    out: Path = Path("results/noise")
    """Directory of the rows; beside it `<out>.md` and `<out>.png`."""
    runs_dir: Path = Path("runs")
    """Where the runs `noise-TASK-METHOD` are."""
    tasks: tuple[str, ...] = ("inverted_pendulum", "inverted_double_pendulum", "hopper")
    """See `dstjax envs`."""
    methods: tuple[str, ...] = ("dst", "dst-complete", "dst-mmd", "mmd", "mage", "td3")
    """Rows of the method table to train."""
    leads: tuple[str, ...] = ("dst", "dst-complete")
    """Each of these is compared with every other method that has rows."""
    noises: tuple[str, ...] = tuple(NOISES)
    """Keys of `NOISES`, beside none."""
    seeds: int = 5
    """Per noise level."""
    steps: int = 20_000
    """Environment steps per member."""
    chunk: int = 1000
    """Environment steps between evaluations."""
    warmup: int = 1000
    """Environment steps before learning."""
    large: bool = False
    """The default sizes of networks, samples and updates instead of those for a CPU."""
    piece: str = "1/1"
    """Which of how many pieces to train, such as `2/6`; `0/1` trains nothing and makes the table."""
    minutes: float | None = None
    """Stop after so long, at the next chunk boundary."""


def plan(args: Args, task: str, method: str) -> Plan:
    """The run of one task and method: all seeds under no noise, and under each noise that the task has."""
    from dstjax import envs

    names = [name for name in args.noises if name in envs.make(task).noises]
    levels = {f"noise.{name}": (0.0, *(NOISES[name] * (name == other) for other in names)) for name in names}
    sizes = {} if args.large else common.SIZES
    numbers = {} if args.large else common.NUMBERS
    config = Config(env=task, steps=args.steps, chunk_steps=args.chunk, warmup_steps=args.warmup, **sizes)
    return Plan(config, (method,), tuple(range(args.seeds)), {**numbers, **levels}, zipped=tuple(levels))


def pieces(args: Args) -> list[tuple[str, str]]:
    """Task and method of the runs of this piece."""
    index, count = map(int, args.piece.split("/"))
    every = [(task, method) for task in args.tasks for method in args.methods]
    return every[index - 1 :: count] if index else []


def returns(rows: list[Row]) -> list[list[str]]:
    """What each method reaches, panel by panel."""
    lines = []
    for panel, found in groups(rows).items():
        for line, part in found.items():
            drawn = curve(part)
            scores = paired_scores(part, part)[0]
            middle = bootstrap(interquartile_mean, [scores]) if len(scores) else mean_interval([])
            area = mean_interval(area_under_curve(drawn.steps, drawn.members))
            values = (mean_interval(scores), middle, area)
            lines.append([panel, line, str(len(scores)), f"{drawn.steps[-1]:,}", *map(estimate_text, values)])
    return lines


def main(args: Args) -> None:
    """Train this piece, write its rows, and make table and figure of all rows that are there."""
    print(common.command())
    start_backend()
    common.stop_after(args.minutes)
    for task, method in pieces(args):
        name = f"{task}-{method}"
        try:
            common.train(plan(args, task, method), f"noise-{name}", args.runs_dir)
        finally:
            rows = RunDir(args.runs_dir / f"noise-{name}").rows()
            if rows:
                common.write_rows(rows, args.out / f"{name}.csv")
    rows = common.read_rows(args.out)
    if not rows:
        raise SystemExit(f"out: there are no rows in {args.out}; train a piece first, such as --piece 1/1")
    plots.plot_curves(rows, args.out.with_suffix(".png"))
    text = [
        "Mean [95 % Student interval] and IQM [bootstrap] of the last evaluation, and mean return over training.\n",
        common.markdown(["task, noise", "method", "seeds", "steps", "mean", "IQM", "over training"], returns(rows), 2),
        leads.sections(rows, args.leads, "task, noise"),
        pooled.sections(rows, args.leads[0], args.out.with_name(f"{args.out.name}-overall.png")),
    ]
    common.write(args.out, "Noise: tasks, noises and methods", "\n".join(text))


if __name__ == "__main__":
    main(tyro.cli(Args, description=__doc__))
