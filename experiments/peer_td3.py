"""TD3 here against an independent TD3 at the same settings: `python -m experiments.peer_td3`.

Stable-Baselines3's half runs first, in an environment of its own: `python -m experiments.peer_sb3`. This trains ours
and compares all rows of `<out>`, evaluation by evaluation. `--minutes` stops at the next chunk boundary; the same
command goes on from there.
"""

import dataclasses
from pathlib import Path

import tyro

from dstjax import plots
from dstjax.backend import start_backend
from dstjax.fields import Config
from dstjax.plan import Plan
from dstjax.report.words import estimate_text
from dstjax.runs import Row
from dstjax.stats import Estimate, area_under_curve, curve, groups, mean_interval
from experiments import common
from experiments import peer_sb3 as peer

LEGEND = f"""
Both at {peer.DEPTH} layers of {peer.WIDTH} swish units, batch {peer.BATCH}, Adam {peer.RATE:g}, tau {peer.TAU:g},
discount {peer.DISCOUNT:g}, {peer.WARMUP:,} uniformly random steps, then {peer.UTD} updates per step and one of the
actor per {peer.DELAY}, exploration {peer.EXPLORATION:g}, smoothing {peer.SMOOTHING:g} within {peer.CLIP:g}, squared
errors, observations normalised by running statistics, bootstrapping at truncation, one environment; {peer.EPISODES}
episodes an evaluation without exploration. Ours simulates in MJX, theirs in C MuJoCo. `sb3` starts from PyTorch's
initial weights, `sb3-flax` from ours. Means over seeds with 95 % Student intervals.
"""


@dataclasses.dataclass(frozen=True)
class Args:
    """Which runs, and where to write."""

    out: Path = Path("results/peer-td3")
    """Directory of both halves' rows; beside it `<out>.md` and `<out>.png`."""
    runs_dir: Path = Path("runs")
    """Where our runs `peer-td3-TASK` are."""
    tasks: tuple[str, ...] = tuple(peer.TASKS)
    """Keys of `peer_sb3.TASKS`."""
    seeds: int = peer.SEEDS
    """Members of each run."""
    minutes: float | None = None
    """Stop after so long, at the next chunk boundary."""


def plan(task: str, seeds: int) -> Plan:
    """Our run of a task at the settings of `peer_sb3`."""
    config = Config(
        env=task, steps=peer.TASKS[task][1], chunk_steps=peer.EVERY, warmup_steps=peer.WARMUP, utd=peer.UTD,
        policy_delay=peer.DELAY, batch_size=peer.BATCH, width=peer.WIDTH, depth=peer.DEPTH, eval_episodes=peer.EPISODES,
    )  # fmt: skip
    numbers = {
        "actor_lr": peer.RATE, "critic_lr": peer.RATE, "tau": peer.TAU, "discount": peer.DISCOUNT,
        "exploration_std": peer.EXPLORATION, "smoothing_std": peer.SMOOTHING, "smoothing_clip": peer.CLIP,
        "huber_threshold": 1e6,
    }  # fmt: skip
    return Plan(config, ("td3",), tuple(range(seeds)), {name: (value,) for name, value in numbers.items()})


def overlap(ours: Estimate, theirs: Estimate) -> bool:
    """Whether two intervals have a point in common."""
    return ours.low <= theirs.high and theirs.low <= ours.high


def summary(found: dict[str, list[Row]], task: str) -> list[list[str]]:
    """Of each method: last return, return over training, and how often its interval overlaps with ours."""
    lines = []
    ours = curve(found["td3"])
    for method, rows in found.items():
        theirs = curve(rows)
        met = [overlap(*pair) for pair in zip(ours.estimates, theirs.estimates, strict=True)]
        apart = ", ".join(f"{step:,}" for step, both in zip(ours.steps, met, strict=True) if not both)
        area = mean_interval(area_under_curve(theirs.steps, theirs.members))
        share = "" if method == "td3" else f"{sum(met)} of {len(met)}"
        last = theirs.estimates[-1]
        lines.append([task, method, str(last.count), estimate_text(last), estimate_text(area), share, apart])
    return lines


def evaluations(found: dict[str, list[Row]]) -> str:
    """Mean return of each method at each evaluation."""
    curves = {method: curve(rows) for method, rows in found.items()}
    lines = zip(*([estimate_text(e) for e in drawn.estimates] for drawn in curves.values()), strict=True)
    steps = curves["td3"].steps
    return common.markdown(["step", *curves], [[f"{step:,}", *line] for step, line in zip(steps, lines, strict=True)])


def main(args: Args) -> None:
    """Train ours, and compare with what is there of theirs."""
    print(common.command())
    start_backend()
    common.stop_after(args.minutes)
    for task in args.tasks:
        rows = common.train(plan(task, args.seeds), f"peer-td3-{task}", args.runs_dir)
        common.write_rows(rows, args.out / f"{task}-td3.csv")
    rows = common.read_rows(args.out)
    plots.plot_curves(rows, args.out.with_suffix(".png"))
    panels = groups(rows)
    header = ["task", "method", "seeds", "last return", "over training", "evaluations that overlap", "apart at"]
    text = [LEGEND, common.markdown(header, [line for panel in panels for line in summary(panels[panel], panel)], 2)]
    text += [f"\n## {panel}\n\n{evaluations(found)}" for panel, found in panels.items()]
    common.write(args.out, "TD3 against Stable-Baselines3", "\n".join(text))


if __name__ == "__main__":
    main(tyro.cli(Args, description=__doc__))
