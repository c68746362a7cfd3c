"""What each part of DST is worth: `python -m experiments.ablation`, or `--only "no truncation" MMD` for a part of it.

Each variant is `dst` with some options changed, on the same seeds, without and with observation noise. A run per
variant; interrupted, the same command goes on.
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
from dstjax.stats import area_under_curve, bootstrap, curve, groups, mean_difference, mean_interval, paired_scores
from experiments import common

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
    """See `dstjax envs`."""
    only: tuple[str, ...] = ()
    """Variants to run; by default all."""
    seeds: int = 5
    """Per noise level."""
    noise: float = 0.2
    """Multiplicative observation noise of the second noise level (share)."""
    steps: int = 6000
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
    numbers = {**common.NUMBERS, "noise.obs_scale": (0.0, args.noise), **numbers}
    return Plan(config, ("dst",), tuple(range(args.seeds)), numbers)


def lines(found: dict[str, list[Row]]) -> list[tuple[str, str, Any, Any, Any]]:
    """Variant, noise, last return, mean return over training, and what is lost on the base, paired by seed."""
    base, table = groups(found[BASE]), []
    for name, rows in found.items():
        for noise, panel in groups(rows).items():
            (part,), (reference,) = panel.values(), base[noise].values()
            drawn = curve(part)
            ours, other = paired_scores(part, reference)
            lead = bootstrap(mean_difference, [ours], [other], paired=True)
            area = mean_interval(area_under_curve(drawn.steps, drawn.members))
            table.append((name, noise, mean_interval(ours), area, lead))
    return table


def draw(table: list[tuple[str, str, Any, Any, Any]], path: Path) -> None:
    """Difference to the base with its interval, a row per variant, a panel per noise level."""
    from dstjax.plots import COLORS, new_figure, save

    noises = list(dict.fromkeys(line[1] for line in table))
    names = [name for name in dict.fromkeys(line[0] for line in table) if name != BASE]
    figure = new_figure(2.5 + 3.4 * len(noises), 1.4 + 0.27 * max(len(names), 3))
    axes = figure.subplots(1, len(noises), sharey=True, squeeze=False)[0]
    for axis, noise in zip(axes, noises, strict=True):
        leads = {name: lead for name, where, _, _, lead in table if where == noise and name != BASE}
        for place, name in enumerate(names):
            lead = leads[name]
            ends = np.nan_to_num([[lead.value - lead.low], [lead.high - lead.value]])
            axis.errorbar(lead.value, place, xerr=ends, fmt="o", color=COLORS[0], capsize=2, markersize=4)
        axis.axvline(0.0, color="0.5", linewidth=0.8)
        axis.set(title=noise, xlabel=f"return more than {BASE}")
        axis.grid(axis="x", alpha=0.3, linewidth=0.6)
    axes[0].set_yticks(range(len(names)), names, fontsize=8)
    axes[0].invert_yaxis()
    save(figure, path)


def main(args: Args) -> None:
    """Train the variants, draw and write the table."""
    print(common.command())
    start_backend()
    common.stop_after(args.minutes)
    chosen = dict.fromkeys([BASE, *(args.only or VARIANTS)])
    found = {
        name: common.train(plan(args, VARIANTS[name]), f"ablation-{args.task}-{_slug(name)}", args.runs_dir)
        for name in chosen
    }
    out = args.out.with_name(f"{args.out.name}-{args.task}")
    out.parent.mkdir(parents=True, exist_ok=True)
    table = lines(found)
    draw(table, out.with_suffix(".png"))
    text = (
        f"{args.seeds} seeds, {args.steps} steps. Last return and mean return over training: mean [95 % Student "
        f"interval over seeds]. Difference to '{BASE}': paired by seed [95 % bootstrap interval].\n\n"
    )
    cells = [[name, noise, *map(estimate_text, rest)] for name, noise, *rest in table]
    text += common.markdown(["variant", "noise", "last return", "over training", "difference"], cells, 2)
    common.write(out, f"Ablation of DST on {args.task}", text)


def _slug(name: str) -> str:
    return "".join(letter if letter.isalnum() else "-" for letter in name.lower())


if __name__ == "__main__":
    main(tyro.cli(Args, description=__doc__))
