"""What each part of DST is worth: `python -m experiments.ablation`, or `--only "no truncation" MMD` for a part of it.

Each variant is `dst` with some options changed, on the same seeds, by default on the inverted pendulum without and with
observation noise. A run per variant; interrupted, the same command goes on. Table and figure are of all tasks whose
rows are in `results/ablation/`. On the toy, as `experiments.toy` has it:
`--task pointmass:goals=4,spread=1,bimodal=true --base results/toy/4-dst.csv --noise dynamics_std --levels 1.5
--discount 0.95 --seeds 10 --steps 2500 --episodes 16`.
"""

import dataclasses
import itertools
from pathlib import Path
from typing import Any

import tyro

from dstjax.backend import start_backend
from dstjax.fields import Config
from dstjax.plan import Plan
from dstjax.runs import Row
from experiments import common, effects

BASE = "dst"
VARIANTS: dict[str, dict[str, Any]] = {
    BASE: {},
    "no Sobolev term": {"gradient": "none"},
    "gradient weight 0.1": {"gradient_weight": 0.1},
    "gradient weight 10": {"gradient_weight": 10.0},
    "gradients in state and action": {"gradient": "complete"},
    "gradient in the state alone": {"gradient": "complete", "gradient_weight": 0.0},
    "no truncation": {"drop_share": 0.0},
    "half truncated": {"drop_share": 0.5},
    "a twelfth truncated": {"drop_share": 0.084},
    "the critic of smaller mean": {"pessimism": "minimum"},
    "unbiased statistic": {"statistic": "unbiased"},
    "target smoothing": {"smoothing": "clipped"},
    "one critic": {"critics": 1},
    "MMD": {"distance": "mmd"},
    "sliced MMD": {"distance": "sliced"},
    "5 ascent steps": {"ascent_steps": 5},
    "flow": {"model": "flow"},
    "deterministic model": {"model": "deterministic"},
    "physics as the model": {"model": "physics"},
    "real next states": {"successor": "real"},
    "noise of the real transition": {"model_noise": "posterior"},
    "current policy's actions": {"critic_action": "policy"},
    "N = 3": {"num_samples": 3},
    "N = 12": {"num_samples": 12},
    "bandwidth 1": {"bandwidth": 1.0},
    "bandwidth 10": {"bandwidth": 10.0},
    "Gaussian kernel": {"kernel": "gaussian", "bandwidth": 1.0},
    "UTD 1": {"utd": 1, "policy_delay": 1},
    "UTD 8": {"utd": 8},
}
"""Name to changed options; those that are not fields of `Config` are numbers."""


@dataclasses.dataclass(frozen=True)
class Args:
    """Which part of the table, and where to write."""

    out: Path = Path("results/ablation")
    """Rows are in `<out>/`, a file per task, noise and variant; `<out>.png` and `<out>.md` are made of all there."""
    runs_dir: Path = Path("runs")
    """Where the runs `ablation-TASK-NOISE-VARIANT` are."""
    task: str = "inverted_pendulum"
    """See `dstjax envs`; options of a task, behind a colon, are not part of the files' names."""
    only: tuple[str, ...] = tuple(VARIANTS)
    """Variants to run, and the base; with none of them, table and figure are made of the rows that are there."""
    base: Path | None = None
    """Rows of `dst` with the same options to compare with, such as `results/noise/hopper-dst.csv`; by default they are
    trained."""
    seeds: int = 5
    """Per noise level."""
    noise: str = "obs_scale"
    """Which noise."""
    levels: tuple[float, ...] = (0.0, 0.2)
    """Its levels; for a second noise of a task without 0, which is then there twice."""
    discount: float = 0.99
    """Discount factor."""
    steps: int = 4000
    """Environment steps per member."""
    chunk: int = 500
    """Environment steps between evaluations."""
    warmup: int = 500
    """Environment steps before learning."""
    episodes: int = 8
    """Of an evaluation."""
    minutes: float | None = None
    """Stop after so long, at the next chunk boundary."""


def plan(args: Args, changes: dict[str, Any]) -> Plan:
    """The run of one variant."""
    static = {field.name for field in dataclasses.fields(Config)}
    sizes = {**common.SIZES, **{name: value for name, value in changes.items() if name in static}}
    config = Config(
        env=args.task, steps=args.steps, chunk_steps=args.chunk, warmup_steps=args.warmup, eval_episodes=args.episodes,
        **sizes,
    )  # fmt: skip
    numbers: dict[str, tuple[float, ...]] = {name: (value,) for name, value in changes.items() if name not in static}
    numbers = {**common.NUMBERS, "discount": (args.discount,), f"noise.{args.noise}": args.levels, **numbers}
    return Plan(config, ("dst",), tuple(range(args.seeds)), numbers)


def variant_rows(args: Args, name: str) -> list[Row]:
    """Train a variant; its rows, called by its name."""
    rows = common.train(plan(args, VARIANTS[name]), f"ablation-{_label(args, name)}", args.runs_dir)
    return [{**row, "method": name} for row in rows]


def base_rows(path: Path, args: Args) -> list[Row]:
    """The rows of a file at the noise levels asked for: all that training the base would give, or it is refused."""
    noise = f"noise.{args.noise}"
    wanted = set(itertools.product(args.levels, range(args.seeds), range(args.chunk, args.steps + 1, args.chunk)))
    rows = [
        row
        for row in common.read_csv(path)
        if (row["method"], row["env"]) == (BASE, args.task)
        and not any(value for name, value in row.items() if name.startswith("noise.") and name != noise)
        and (row.get(noise, 0.0), row["seed"], row["step"]) in wanted
    ]
    if len(rows) != len(wanted):
        raise SystemExit(
            f"base: '{path}' has {len(rows)} of {len(wanted)} evaluations; allowed: rows of `{BASE}` on {args.task} at "
            f"{args.noise} {args.levels}, {args.seeds} seeds, every {args.chunk} steps to {args.steps}"
        )
    return rows


def main(args: Args) -> None:
    """Train the variants, write their rows, and make table and figure of all rows that are there."""
    print(common.command())
    start_backend()
    common.stop_after(args.minutes)
    for name in dict.fromkeys([BASE, *args.only]) if args.only else ():
        rows = base_rows(args.base, args) if name == BASE and args.base else variant_rows(args, name)
        common.write_rows(rows, args.out / f"{_label(args, name)}.csv")
    text = effects.sections(common.read_rows(args.out), BASE, args.out.with_suffix(".png"))
    common.write(args.out, "Ablation of DST", text)


def _label(args: Args, name: str) -> str:
    """Task, noise and variant, for names of files."""
    slug = "".join(letter if letter.isalnum() else "-" for letter in name.lower())
    return f"{args.task.partition(':')[0]}-{args.noise}-{slug}"


if __name__ == "__main__":
    main(tyro.cli(Args, description=__doc__))
