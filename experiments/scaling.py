"""How training scales with members: `python -m experiments.scaling`, about 10 minutes on a CPU core.

Whole training chunks (simulation, replay and updates) of 1, 2, 4 ... members in one program on one device. Each line of
`<out>.csv` is one cell; those that are there are not measured again, so that the same command goes on.
"""

import csv
import dataclasses
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import tyro

from dstjax.backend import start_backend
from dstjax.config import Config, Hyper
from experiments import common

SIZES = {
    "toy": Config(**common.SIZES, env="pointmass", steps=100_000, chunk_steps=40, warmup_steps=0),
    "hopper": Config(env="hopper", steps=100_000, chunk_steps=1, warmup_steps=0),
}
"""The toy with small networks, Hopper with the default ones; a chunk is short, so that many members are still timed."""
MEMORY = ("state, MiB per member", "estimated", "compiled")
TEXT = """\
Whole training chunks in float32 on one device: simulation, replay, every update. Share of peak: operations of the
chunk's matrix products (counted in its trace) per second, over those of a plain product of {0} x {0} matrices, measured
beside each cell. State and estimated: from shapes alone, as a run plans its memory, without the copy for checkpoints;
compiled: XLA's own account of arguments, results and temporaries. The shortest of the calls in {2:g} s, on a CPU in
seconds of its time, so that other programs on the machine do not count; cells whose call would take more than {1:g} s
are left out.

{3}, {4} transitions of replay.
"""

Row = dict[str, Any]


@dataclasses.dataclass(frozen=True)
class Args:
    """What is measured, and where it is written."""

    out: Path = Path("results/scaling-cpu")
    """Written are `<out>.csv` and `<out>.md`."""
    methods: tuple[str, ...] = ("td3", "dst")
    """Rows of the method table."""
    members: tuple[int, ...] = (1, 2, 4, 8, 16, 32, 64, 128, 256)
    """Side by side in one program."""
    seconds: float = 3.0
    """A cell's chunk is called again until they are over."""
    longest: float = 15.0
    """Seconds of a call; cells that would take longer, by the one before, are left out."""
    minutes: float | None = None
    """Stop after the cell that ends later than this; the same command goes on."""


def prepare(config: Config, members: int) -> tuple[Callable[[], None], Row]:
    """A call of one chunk of every member, and their memory each, from shapes and as compiled."""
    import jax
    import jax.numpy as jnp

    from dstjax.agent import init, train_chunk
    from dstjax.memory import work_bytes
    from dstjax.population import Population, grid

    population = Population(config, grid(Hyper(), range(members), {}), jax.local_devices()[:1])
    agent, hyper = population.agent, jax.tree.map(jnp.asarray, population.members.hyper)
    state = jax.jit(jax.vmap(partial(init, agent)))(jax.vmap(jax.random.key)(jnp.arange(members)), hyper)
    step = jnp.int32(0)
    chunk = jax.jit(jax.vmap(partial(train_chunk, agent), in_axes=(0, 0, None)), donate_argnums=0)
    executable: Any = chunk.lower(state, hyper, step).compile()
    state_bytes, memory = population.memory_bytes() / members, executable.memory_analysis()
    total = memory.argument_size_in_bytes + memory.output_size_in_bytes - memory.alias_size_in_bytes
    facts = {
        "state_bytes": state_bytes, "estimated_bytes": state_bytes + work_bytes(config),
        "compiled_bytes": (total + memory.temp_size_in_bytes) / members,
    }  # fmt: skip

    def call() -> None:
        nonlocal state, step
        state, _ = jax.block_until_ready(executable(state, hyper, step))
        step += config.chunk_steps

    return call, facts


def seconds_per_call(call: Callable[[], Any], seconds: float) -> float:
    """The shortest of as many calls as fill the time."""
    clock, times = common.device_clock(), list[float]()
    while sum(times) < seconds:
        start = clock()
        call()
        times.append(clock() - start)
    return min(times)


def updates_per_second(config: Config, members: int, call_s: float) -> float:
    """Critic updates of all members."""
    return members * config.chunk_steps * config.utd / call_s


def peak_width() -> int:
    """Rows and columns of the product that the device's peak is measured by."""
    import jax

    return 2048 if jax.default_backend() == "cpu" else 8192


def peak(seconds: float) -> float:
    """Floating-point operations per second of a plain product of two matrices."""
    import jax
    import jax.numpy as jnp

    matrix = jax.random.normal(jax.random.key(0), (peak_width(), peak_width()))
    product = jax.jit(jnp.matmul)
    product(matrix, matrix).block_until_ready()
    return 2.0 * peak_width() ** 3 / seconds_per_call(lambda: product(matrix, matrix).block_until_ready(), seconds)


def scale(args: Args, size: str, method: str, done: dict[int, float]) -> Iterator[Row]:
    """The cells that are not done, up to the first that takes too long or does not fit; `done`: seconds by members."""
    import jax

    from dstjax.agent import Agent
    from dstjax.agent.budget import chunk_flops
    from dstjax.envs import make

    config = dataclasses.replace(SIZES[size], method=method)
    for members in args.members:
        if done and max(done.values()) * members / max(done) > args.longest:
            return
        if members in done:
            continue
        try:
            call, facts = prepare(config, members)
            call_s = seconds_per_call(call, args.seconds)
        except jax.errors.JaxRuntimeError as error:
            print(f"{size}, {method}, {members} members: {str(error).splitlines()[0]}")
            return
        done[members] = call_s
        flops = members * chunk_flops(Agent(config, make(config.env)))
        yield {
            "size": size, "method": method, "members": members, "call_s": call_s,
            "updates_per_s": updates_per_second(config, members, call_s),
            "peak_share": flops / call_s / peak(args.seconds / 3), **facts,
        }  # fmt: skip


def read(path: Path) -> list[Row]:
    """The cells so far."""
    if not path.exists():
        return []
    with path.open(newline="") as file:
        return [
            {name: value if name in ("size", "method", "where") else float(value) for name, value in row.items()}
            | {"members": int(row["members"])}
            for row in csv.DictReader(file)
        ]


def measure(args: Args, path: Path) -> None:
    """Measure the cells that are not there, a line of the file at a time."""
    known, until = read(path), time.monotonic() + 60.0 * (args.minutes or float("inf"))
    for size in SIZES:
        for method in args.methods:
            done = {row["members"]: row["call_s"] for row in known if (row["size"], row["method"]) == (size, method)}
            for row in scale(args, size, method, done):
                row = {name: f"{value:.5g}" if isinstance(value, float) else value for name, value in row.items()}
                print(row, flush=True)
                common.append_row(path, {**row, "where": common.about()}, [*row, "where"])
                if time.monotonic() > until:
                    return


def mib(row: Row) -> list[str]:
    """The columns of `MEMORY`."""
    return [f"{row[name] / 2**20:.2f}" for name in ("state_bytes", "estimated_bytes", "compiled_bytes")]


def about_size(name: str) -> str:
    """What a size means for the cost."""
    config = SIZES[name]
    sizes = f"width {config.width}, batch {config.batch_size}, N = {config.num_samples}"
    return f"{name.capitalize()}: UTD {config.utd}, {sizes}"


def table(rows: list[Row]) -> str:
    """A line per cell."""
    rows = sorted(rows, key=lambda row: (list(SIZES).index(row["size"]), row["method"], row["members"]))
    fewest = {(row["size"], row["method"]): row["updates_per_s"] for row in reversed(rows)}
    cells = [
        [row["size"], row["method"], str(row["members"]), f"{row['updates_per_s']:,.1f}",
         f"{row['updates_per_s'] / fewest[row['size'], row['method']]:.2f}", f"{row['peak_share']:.0%}",
         *mib(row)]
        for row in rows
    ]  # fmt: skip
    header = ["size", "method", "members", "member-updates/s", "over the fewest", "share of peak", *MEMORY]
    return common.markdown(header, cells, 2)


def main(args: Args) -> None:
    """Measure what is missing, and write the table of all there is."""
    print(common.command())
    start_backend(devices=1)
    path = args.out.with_suffix(".csv")
    measure(args, path)
    sizes = "; ".join(map(about_size, SIZES))
    text = TEXT.format(peak_width(), args.longest, args.seconds, sizes, f"{SIZES['toy'].steps:,}")
    common.write(args.out, "Scaling with members", f"{text}\n{table(read(path))}")


if __name__ == "__main__":
    main(tyro.cli(Args, description=__doc__))
