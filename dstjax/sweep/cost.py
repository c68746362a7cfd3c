"""What the programs of a sweep cost, before any of them runs: members, memory, floating-point operations, time."""

import dataclasses
import datetime
import math
import time
from collections.abc import Sequence

import jax
import jax.numpy as jnp
from rich.table import Table

from dstjax.agent.budget import chunk_flops
from dstjax.config import Config
from dstjax.population import Population
from dstjax.sweep.shards import Shard


@dataclasses.dataclass(frozen=True)
class Cost:
    """Of one shard.

    Attributes:
      memory: bytes of its training state (replay, networks, optimizers, environments), from shapes alone.
      flops: of all matrix products of its training.
      seconds: that these products take at the speed that this machine's devices reach with such matrices. Simulation,
        all other operations and compiling come on top.
    """

    memory: int
    flops: float
    seconds: float


def estimate(shard: Shard) -> Cost:
    """The cost of a shard, from shapes, traces and a moment's measurement; trains nothing.

    Args:
      shard: of a sweep.

    Returns:
      Its cost.
    """
    config, members = shard.plan.config, shard.members()
    population = Population(config, shard.plan.members())
    # Warm-up does no update: those are nearly all of the products.
    learning = max(config.steps - config.warmup_steps, 0) / config.chunk_steps
    flops = members * learning * chunk_flops(population.agent)
    return Cost(population.memory_bytes(), flops, flops / products_per_second(config, members))


def products_per_second(config: Config, members: int, repeats: int = 8) -> float:
    """Speed of matrix products of the critics' hidden size, for all members at once.

    Args:
      config: gives batch, samples and width.
      members: multiplied side by side, spread over the devices.
      repeats: products that follow one another in the measurement.

    Returns:
      Floating-point operations per second of all devices that members are spread over.
    """
    devices = min(members, jax.local_device_count())
    lanes, rows, width = min(-(-members // devices), 64), config.batch_size * config.num_samples, config.width

    @jax.jit
    def chain(matrix: jax.Array) -> jax.Array:
        x = jnp.ones((lanes, rows, width))
        return jax.lax.fori_loop(0, repeats, lambda _, x: jnp.tanh(x @ matrix), x)

    matrix = jnp.full((lanes, width, width), 1 / width)
    chain(matrix).block_until_ready()
    seconds = []
    for _ in range(3):
        start = time.perf_counter()
        chain(matrix).block_until_ready()
        seconds.append(time.perf_counter() - start)
    return devices * 2.0 * repeats * lanes * rows * width**2 / min(seconds)


def cost_table(shards: Sequence[Shard], title: str) -> Table:
    """The table that `dstjax sweep --dry-run` prints: a line per program.

    Args:
      shards: of a sweep.
      title: of the table.

    Returns:
      A table to print.
    """
    table = Table(
        title=title,
        caption=f"memory: training state of one shard; FLOPs: matrix products; time: these products on this machine "
        f"({jax.local_device_count()} x {jax.local_devices()[0].device_kind}), simulation and compiling come on top",
    )
    for heading in ("program", "members", "shards", "memory", "FLOPs", "time"):
        table.add_column(heading, justify="left" if heading == "program" else "right")
    total = Cost(0, 0.0, 0.0)
    for first in (shard for shard in shards if shard.plan.part[0] == 0):
        count, cost = first.plan.part[1], estimate(first)
        share = first.plan.grid_size() / first.members()
        program = Cost(cost.memory, share * cost.flops, share * cost.seconds)
        total = Cost(max(total.memory, program.memory), total.flops + program.flops, total.seconds + program.seconds)
        name = first.name.removesuffix(f"-1of{count}")
        table.add_row(name, str(first.plan.grid_size()), str(count), *_texts(program))
    table.add_section()
    table.add_row("all", str(sum(shard.members() for shard in shards)), str(len(shards)), *_texts(total))
    return table


def _texts(cost: Cost) -> tuple[str, str, str]:
    duration = datetime.timedelta(seconds=math.ceil(cost.seconds))
    return f"{cost.memory / 2**20:,.1f} MiB", f"{cost.flops:.2e}", str(duration)
