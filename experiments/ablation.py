"""What each part of DST is worth: `python -m experiments.ablation`, or `--only "no truncation" MMD` for a part of it.

Each variant is `dst` with some options changed, on the same seeds, by default on the inverted pendulum without and with
observation noise. A run per variant; interrupted, the same command goes on. On the toy, as `experiments.toy` has it:
`--task pointmass:goals=4,spread=1,bimodal=true --noise dynamics_std --levels 1.5 --discount 0.95 --seeds 10
--steps 2500`.
"""

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import tyro

from dstjax.backend import start_backend
from dstjax.fields import Config
from dstjax.plan import Plan
from dstjax.report.words import estimate_text
from dstjax.runs import Row
from dstjax.stats import Estimate, bootstrap, groups, mean_difference, mean_interval
from experiments import common

BASE = "dst"
SCORES = ("last return", "over training")
Line = tuple[str, str, list[Estimate], list[Estimate]]
"""Variant, noise level, its `SCORES`, and their leads over the base."""
VARIANTS: dict[str, dict[str, Any]] = {
    BASE: {},
    "no Sobolev term": {"gradient": "none"},
    "gradient weight 0.1": {"gradient_weight": 0.1},
    "gradient weight 10": {"gradient_weight": 10.0},
    "gradients in state and action": {"gradient": "complete"},
    "gradient in the state alone": {"gradient": "complete", "gradient_weight": 0.0},
    "no truncation": {"drop_share": 0.0},
    "half truncated": {"drop_share": 0.5},
    "the critic of smaller mean": {"pessimism": "minimum"},
    "unbiased statistic": {"statistic": "unbiased"},
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
    """Written are `<out>-TASK.png` and `<out>-TASK.md`."""
    runs_dir: Path = Path("runs")
    """Where the runs `ablation-TASK-VARIANT` are."""
    task: str = "inverted_pendulum"
    """See `dstjax envs`; options of a task, behind a colon, are not part of the files' names."""
    only: tuple[str, ...] = ()
    """Variants to run; by default all."""
    base: str = ""
    """Name of a run of `dst` in `runs_dir` to compare with, such as `noise-hopper-dst`, with the same options; by
    default `ablation-TASK-dst`."""
    seeds: int = 5
    """Per noise level."""
    noise: str = "obs_scale"
    """Which noise."""
    levels: tuple[float, ...] = (0.0, 0.2)
    """Its levels."""
    discount: float = 0.99
    """Discount factor."""
    steps: int = 4000
    """Environment steps per member."""
    chunk: int = 500
    """Environment steps between evaluations."""
    warmup: int = 500
    """Environment steps before learning."""
    minutes: float | None = None
    """Stop after so long, at the next chunk boundary."""


def plan(args: Args, changes: dict[str, Any]) -> Plan:
    """The run of one variant."""
    static = {field.name for field in dataclasses.fields(Config)}
    sizes = {**common.SIZES, **{name: value for name, value in changes.items() if name in static}}
    config = Config(env=args.task, steps=args.steps, chunk_steps=args.chunk, warmup_steps=args.warmup, **sizes)
    numbers: dict[str, tuple[float, ...]] = {name: (value,) for name, value in changes.items() if name not in static}
    numbers = {**common.NUMBERS, "discount": (args.discount,), f"noise.{args.noise}": args.levels, **numbers}
    return Plan(config, ("dst",), tuple(range(args.seeds)), numbers)


def lines(found: dict[str, list[Row]]) -> list[Line]:
    """What each variant reaches at each noise level, and how far ahead of the base that is, paired by seed."""
    base, table = groups(found[BASE]), list[Line]()
    for name, rows in found.items():
        for noise, panel in groups(rows).items():
            (part,), (reference,) = panel.values(), base[noise].values()
            pairs = list(zip(common.scores(part), common.scores(reference), strict=True))
            reached = [mean_interval(ours) for ours, _ in pairs]
            leads = [bootstrap(mean_difference, [ours], [other], paired=True) for ours, other in pairs]
            table.append((name, noise, reached, leads))
    return table


def draw(table: list[Line], path: Path) -> None:
    """Differences to the base with their intervals, a row per variant, a panel per noise level."""
    from dstjax.plots import COLORS, new_figure, save

    noises = list(dict.fromkeys(line[1] for line in table))
    names = [name for name in dict.fromkeys(line[0] for line in table) if name != BASE]
    figure = new_figure(2.5 + 3.4 * len(noises), 1.4 + 0.27 * max(len(names), 3))
    axes = figure.subplots(1, len(noises), sharey=True, squeeze=False)[0]
    for axis, noise in zip(axes, noises, strict=True):
        of_variant = {name: leads for name, where, _, leads in table if where == noise}
        for index, (what, marker) in enumerate(zip(SCORES, "os", strict=True)):
            leads = [of_variant[name][index] for name in names]
            middles = np.array([lead.value for lead in leads])
            ends = np.nan_to_num([middles - [lead.low for lead in leads], [lead.high for lead in leads] - middles])
            places = np.arange(len(names)) + 0.24 * (index - 0.5)
            axis.errorbar(
                middles, places, xerr=ends, fmt=marker, color=COLORS[index], capsize=2, markersize=4, label=what
            )
        axis.axvline(0.0, color="0.5", linewidth=0.8)
        axis.set(title=noise, xlabel=f"return more than {BASE}")
        axis.grid(axis="x", alpha=0.3, linewidth=0.6)
    axes[0].set_yticks(range(len(names)), names, fontsize=8)
    axes[0].set_ylim(len(names) - 0.5, -0.5)
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside upper center", ncols=len(SCORES))
    save(figure, path)


def main(args: Args) -> None:
    """Train the variants, draw and write the table."""
    print(common.command())
    start_backend()
    common.stop_after(args.minutes)
    task = args.task.partition(":")[0]
    names = {name: f"ablation-{task}-{_slug(name)}" for name in dict.fromkeys([BASE, *(args.only or VARIANTS)])}
    names[BASE] = args.base or names[BASE]
    found = {name: common.train(plan(args, VARIANTS[name]), run, args.runs_dir) for name, run in names.items()}
    out = args.out.with_name(f"{args.out.name}-{task}")
    out.parent.mkdir(parents=True, exist_ok=True)
    table = lines(found)
    draw(table, out.with_suffix(".png"))
    text = (
        f"{args.seeds} seeds, {args.steps} steps. Last return and mean return over training: mean [95 % Student "
        f"interval over seeds]. Each followed by how far ahead of '{BASE}' it is: paired by seed [95 % bootstrap "
        "interval].\n\n"
    )
    cells = [
        [name, noise, *(estimate_text(found) for pair in zip(reached, leads, strict=True) for found in pair)]
        for name, noise, reached, leads in table
    ]
    text += common.markdown(["variant", "noise", *(word for what in SCORES for word in (what, "ahead by"))], cells, 2)
    common.write(out, f"Ablation of DST on {task}", text)


def _slug(name: str) -> str:
    return "".join(letter if letter.isalnum() else "-" for letter in name.lower())


if __name__ == "__main__":
    main(tyro.cli(Args, description=__doc__))
