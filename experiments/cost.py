"""What each method costs: `python -m experiments.cost`, about 10 minutes on a CPU.

One update of both critics of each method: milliseconds and FLOPs, what MSMMD adds to MMD, scaling with batch and
members.
"""

import dataclasses
from math import log
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import tyro

from dstjax.backend import start_backend
from dstjax.report.words import estimate_text
from dstjax.stats import bootstrap
from experiments import bench, common

SCALED = ("td3", "mmd", "dst-mmd", "dst")


@dataclasses.dataclass(frozen=True)
class Args:
    """Sizes, and where to write."""

    out: Path = Path("results/cost")
    """Written are `<out>.png` and `<out>.md`."""
    methods: tuple[str, ...] = tuple(bench.METHODS)
    """Of the first table: rows of the benchmark."""
    batches: tuple[int, ...] = (64, 128, 256, 512, 1024)
    """Transitions per update."""
    members: tuple[int, ...] = (1, 2, 4, 8)
    """Side by side in one program, at width 64 and batch 64."""
    rounds: int = 7
    """Timed calls per entry, in turns."""
    width: int = 256
    """Hidden units of every network."""


def sizes(args: Args, width: int | None = None) -> bench.Args:
    """The benchmark's sizes."""
    return bench.Args(width=width or args.width, rounds=args.rounds)


def flops(args: Args, method: str, batch: int) -> float:
    """Floating-point operations of one update as XLA counts them; NaN where it does not."""
    import jax

    function, inputs = bench.critic_update(sizes(args), method, batch)
    found = jax.jit(function).lower(*inputs).compile().cost_analysis() or {}
    return float(found.get("flops", np.nan))


def measure(args: Args) -> dict[tuple[str, int], list[float]]:
    """Seconds of every timed call by method and batch; the calls alternate, so that rounds are paired."""
    grid = [(method, 256) for method in args.methods]
    grid += [(method, batch) for method in SCALED for batch in args.batches if (method, batch) not in grid]
    calls = {}
    for method, batch in grid:
        function, inputs = bench.critic_update(sizes(args), method, batch)
        calls[method, batch] = bench.compiled(function, *inputs)[0]
        print(f"compiled {method}, batch {batch}", flush=True)
    rounds = [bench.take_turns(calls, 1) for _ in range(args.rounds)]
    return {key: [found[key] for found in rounds] for key in calls}


def side_by_side(args: Args) -> dict[str, list[float]]:
    """Seconds per member of `args.members` members in one program."""
    found = {}
    for method in ("td3", "dst"):
        calls = {
            count: bench.compiled(function, *inputs)[0]
            for count in args.members
            for function, inputs in [bench.critic_update(sizes(args, 64), method, 64, count)]
        }
        seconds = bench.take_turns(calls, args.rounds)
        found[method] = [seconds[count] / count for count in args.members]
    return found


def slope(xs: tuple[int, ...], ys: list[float]) -> float:
    """Growth exponent by least squares on logarithms; 1 is linear."""
    return float(np.polyfit([log(x) for x in xs], [log(y) for y in ys], 1)[0])


def overhead(ours: list[float], other: list[float]) -> Any:
    """Median ratio of paired rounds, with its bootstrap interval."""
    return bootstrap(lambda sample: np.median(sample[0], axis=-1), [np.asarray(ours) / np.asarray(other)])


def draw(args: Args, seconds: dict[tuple[str, int], list[float]], members: dict[str, list[float]], path: Path) -> None:
    """Time against the batch, and time per member against members."""
    from dstjax.plots import line_marks, new_figure, save

    figure = new_figure(8.6, 3.8)
    left, right = figure.subplots(1, 2)
    marks = line_marks(SCALED)
    for method in SCALED:
        times = [1e3 * median(seconds[method, batch]) for batch in args.batches]
        left.loglog(
            args.batches, times, marker="o", label=f"{method} (slope {slope(args.batches, times):.2f})", **marks[method]
        )
    for method, times in members.items():
        right.semilogx(args.members, [1e3 * value for value in times], marker="o", label=method, **marks[method])
    left.set(xlabel="transitions per update", ylabel="ms per update of both critics")
    right.set(xlabel="members in one program", ylabel="ms per member and update", ylim=(0, None))
    for axis, ticks in ((left, args.batches), (right, args.members)):
        axis.set_xticks(ticks, map(str, ticks))
        axis.minorticks_off()
        axis.grid(alpha=0.3, linewidth=0.6)
        axis.legend(fontsize=8)
    save(figure, path)


def main(args: Args) -> None:
    """Measure, draw and write the tables."""
    print(common.command())
    start_backend(devices=1)
    seconds, members = measure(args), side_by_side(args)
    args.out.parent.mkdir(parents=True, exist_ok=True)
    draw(args, seconds, members, args.out.with_suffix(".png"))
    at = {method: seconds[method, 256] for method in args.methods}
    costs = [
        [
            method, f"{1e3 * median(at[method]):.1f}", f"{flops(args, method, 256) / 1e9:.2f}",
            estimate_text(overhead(at[method], at["td3"])) if "td3" in at else "",
        ]
        for method in args.methods
    ]  # fmt: skip
    growth = [
        [method, *(f"{1e3 * median(seconds[method, batch]):.1f}" for batch in args.batches),
         f"{slope(args.batches, [median(seconds[method, batch]) for batch in args.batches]):.2f}"]
        for method in SCALED
    ]  # fmt: skip
    extra = overhead(seconds["dst", 256], seconds["dst-mmd", 256])
    text = [
        f"One update of both critics, S = 17, A = 6, width {args.width}, N = 10; medians of {args.rounds} calls in "
        "turns, on a CPU of its own time; ratios are of paired calls [95 % bootstrap interval].\n",
        f"MSMMD over MMD (`dst` over `dst-mmd`): {estimate_text(extra)}.\n",
        common.markdown(["method", "ms at batch 256", "GFLOP", "over td3"], costs),
        "\n### ms by batch\n",
        common.markdown(["method", *map(str, args.batches), "growth exponent"], growth),
        "\n### ms per member and update, by members in one program (width 64, batch 64)\n",
        common.markdown(
            ["method", *map(str, args.members)],
            [[method, *(f"{1e3 * value:.2f}" for value in times)] for method, times in members.items()],
        ),
    ]
    common.write(args.out, "Cost of an update", "\n".join(text))


if __name__ == "__main__":
    main(tyro.cli(Args, description=__doc__))
