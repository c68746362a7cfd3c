"""What a distance costs: `python -m experiments.bench_distances [--out results/distances-cpu]`.

Milliseconds (the shortest of several calls) of MMD, sliced MMD and max-sliced MMD, value alone and with the gradient in
the critic's samples, against batch, samples and dimension, with the memory of temporaries; then the exponent of the
batch in the cost.
"""

import dataclasses
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import tyro

from dstjax.backend import describe, start_backend

BATCHES, SAMPLES, DIMS = (64, 256, 1024, 4096), (5, 10, 20, 40, 80), (2, 8, 16, 32, 64)
BASE = {"batch": 256, "samples": 10, "dim": 16}
SLICES, STEPS = 8, 3


@dataclasses.dataclass(frozen=True)
class Args:
    """Benchmark settings."""

    out: Path | None = None
    """Write the tables here, as `<out>.md`; by default they are only printed."""
    rounds: int = 15
    """Timed calls per entry; the entries of a row take turns, and the shortest is reported: others use the machine."""


def distances(dim: int) -> dict[str, Callable[..., Any]]:
    """The distances by name, each of one transition's samples."""
    import jax

    from dstjax.math import mean_direction, mmd2, msmmd2, multiquadric, random_directions, sliced_mmd2

    kernel, directions = multiquadric(100.0), random_directions(jax.random.key(1), SLICES, dim)

    def max_sliced(x: jax.Array, y: jax.Array, key: jax.Array) -> jax.Array:
        return msmmd2(x, y, mean_direction(x, y, key), 0.3, kernel, num_steps=STEPS)[0]

    return {
        "MMD": lambda x, y, key: mmd2(x, y, kernel),
        f"sliced, {SLICES}": lambda x, y, key: sliced_mmd2(x, y, directions, kernel),
        f"max-sliced, {STEPS} steps": max_sliced,
    }


def measure(rounds: int, batch: int, samples: int, dim: int) -> dict[str, tuple[float, float, float]]:
    """Milliseconds of the value and of value and gradient, and MiB of the latter's temporaries, by distance."""
    import jax

    x_key, y_key, key = jax.random.split(jax.random.key(0), 3)
    x = jax.random.normal(x_key, (batch, samples, dim))
    y = 0.5 + jax.random.normal(y_key, (batch, samples, dim))
    inputs = (x, y, jax.random.split(key, batch))
    programs = {}
    for name, distance in distances(dim).items():
        programs[name, "value"] = jax.jit(jax.vmap(distance)).lower(*inputs).compile()
        programs[name, "gradient"] = jax.jit(jax.vmap(jax.value_and_grad(distance))).lower(*inputs).compile()
    times: dict[Any, list[float]] = {entry: [] for entry in programs}
    for _ in range(rounds + 1):
        for entry, program in programs.items():
            start = time.perf_counter()
            jax.block_until_ready(program(*inputs))
            times[entry].append(1e3 * (time.perf_counter() - start))
    result = {}
    for name in distances(dim):
        memory: Any = programs[name, "gradient"].memory_analysis()
        value, gradient = (min(times[name, kind][1:]) for kind in ("value", "gradient"))
        result[name] = (value, gradient, memory.temp_size_in_bytes / 2**20)
    return result


def main(args: Args) -> None:
    """Measure, print and perhaps write the tables."""
    start_backend()
    names, about = list(distances(1)), describe()
    device = f"{about['device']['kind']} ({about['device']['platform']}), jax {about['versions']['jax']}"
    base = ", ".join(f"{axis} {value}" for axis, value in BASE.items())
    lines = [
        "# What a distance costs",
        "",
        f"`python -m experiments.bench_distances` on {device}; shortest of {args.rounds} calls.",
        "Value / value and gradient in ms (MiB of the latter's temporaries);",
        f"`samples` in each of the two sets; what a row does not name is {base}.",
        "",
        "| | " + " | ".join(names) + " |",
        "|---|" + "---:|" * len(names),
    ]
    print("\n".join(lines))
    by_batch: dict[str, list[float]] = {name: [] for name in names}
    for axis, values in (("batch", BATCHES), ("samples", SAMPLES), ("dim", DIMS)):
        for value in values:
            found = measure(args.rounds, **(BASE | {axis: value}))
            cells = [f"{a:.2f} / {b:.2f} ({mib:.1f})" for a, b, mib in (found[name] for name in names)]
            lines.append(f"| {axis} {value} | " + " | ".join(cells) + " |")
            print(lines[-1], flush=True)
            if axis == "batch":
                for name in names:
                    by_batch[name].append(found[name][1])
    slopes = [np.polyfit(np.log(BATCHES), np.log(by_batch[name]), 1)[0] for name in names]
    lines.append("| exponent of the batch | " + " | ".join(f"{slope:.2f}" for slope in slopes) + " |")
    print(lines[-1])
    if args.out is not None:
        args.out.parent.mkdir(parents=True, exist_ok=True)
        args.out.with_suffix(".md").write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main(tyro.cli(Args, description=__doc__))
