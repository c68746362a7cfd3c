"""What an update costs: `python -m experiments.bench [--out results/bench]`.

Prints medians on the machine at hand: milliseconds per critic update of each method and their ratios, the cost against
the batch size, compile seconds. Members side by side are in `experiments.scaling`, tasks in `experiments.envs`.
"""

import dataclasses
import time
from collections.abc import Callable
from math import log
from pathlib import Path
from statistics import median
from typing import Any

import tyro

from dstjax.backend import describe, start_backend
from experiments import common

METHODS: dict[str, dict[str, Any]] = {
    **{name: {"method": name} for name in ("td3", "mmd", "dst-mmd", "dst")},
    "dst, late": {"method": "dst", "critic_noise": "late"},
}
"""What is compared, by name: fields of the config."""
BATCHES = (64, 128, 256, 512, 1024)


@dataclasses.dataclass(frozen=True)
class Args:
    """Benchmark settings."""

    out: Path | None = None
    """Write the tables here, as `<out>.md`; by default they are only printed."""
    rounds: int = 7
    """Timed calls per entry; the entries of a table take turns, and medians are reported."""
    width: int = 256
    """Hidden units of every network."""
    obs_size: int = 17
    """S"""
    action_size: int = 6
    """A"""


@dataclasses.dataclass(frozen=True)
class Sizes:
    """Stands in for an environment where only its sizes matter."""

    obs_size: int
    action_size: int
    terminates: None = None


Call = Callable[[], Any]


def compiled(function: Callable[..., Any], *args: Any) -> tuple[Call, float]:
    """A call of the compiled function, and the seconds to trace, lower and compile it."""
    import jax

    start = time.perf_counter()
    executable = jax.jit(function).lower(*args).compile()
    return lambda: jax.block_until_ready(executable(*args)), time.perf_counter() - start


def take_turns(calls: dict[Any, Call], rounds: int) -> dict[Any, float]:
    """Median seconds of each call; the calls alternate, so that a drift of the machine's speed meets all of them.

    An untimed call comes before each: caches and allocator are then as the call leaves them, not its predecessor. On a
    CPU they are seconds of its time, which other programs on the machine do not add to.
    """
    clock = common.device_clock()
    times: dict[Any, list[float]] = {name: [] for name in calls}
    for _ in range(rounds):
        for name, call in calls.items():
            call()
            start = clock()
            call()
            times[name].append(clock() - start)
    return {name: median(values) for name, values in times.items()}


def critic_update(args: Args, method: str, batch_size: int, members: int = 0) -> tuple[Callable[..., Any], Any]:
    """One update of both critics and its arguments, `vmap`ped over members where there are any."""
    import jax
    import jax.numpy as jnp

    from dstjax.agent.core import Agent
    from dstjax.agent.update import update_critic
    from dstjax.config import Config, Hyper
    from dstjax.types import Transition

    config = Config(**METHODS[method], width=args.width, model_width=args.width, batch_size=batch_size)
    agent = Agent(config, Sizes(args.obs_size, args.action_size))  # type: ignore[arg-type]

    def inputs(key: jax.Array) -> tuple[Any, ...]:
        obs_key, action_key, next_key, learner_key, key = jax.random.split(key, 5)
        obs, next_obs = (jax.random.normal(k, (batch_size, args.obs_size)) for k in (obs_key, next_key))
        action = jax.random.uniform(action_key, (batch_size, args.action_size), minval=-1.0)
        zeros = jnp.zeros(batch_size)
        batch = Transition(obs=obs, action=action, reward=zeros, next_obs=next_obs, terminated=zeros)
        return agent.init_learner(learner_key), batch, jax.tree.map(jnp.float32, Hyper()), key

    def update(learner: Any, batch: Any, hyper: Any, key: jax.Array) -> Any:
        return update_critic(agent, learner, batch, hyper, key)

    if members:
        return jax.vmap(update), jax.vmap(inputs)(jax.random.split(jax.random.key(0), members))
    return update, inputs(jax.random.key(0))


def update_costs(args: Args) -> tuple[list[list[str]], list[list[str]]]:
    """Critic update of every method: at batch 256 with ratios and compile time, and against the batch size."""
    prepared = {
        (m, b): compiled(f, *inputs) for m in METHODS for b in BATCHES for f, inputs in [critic_update(args, m, b)]
    }
    ms = {key: 1e3 * value for key, value in take_turns({k: c for k, (c, _) in prepared.items()}, args.rounds).items()}
    at_256 = [
        [m, f"{ms[m, 256]:.1f}", *(f"{ms[m, 256] / ms[other, 256]:.2f}" for other in METHODS),
         f"{prepared[m, 256][1]:.1f}"]
        for m in METHODS
    ]  # fmt: skip
    slope = {m: log(ms[m, BATCHES[-1]] / ms[m, BATCHES[0]]) / log(BATCHES[-1] / BATCHES[0]) for m in METHODS}
    by_batch = [[m, *(f"{ms[m, b]:.1f}" for b in BATCHES), f"{slope[m]:.2f}"] for m in METHODS]
    return at_256, by_batch


def show(title: str, header: list[str], rows: list[list[str]]) -> str:
    """Print a table, and return it as Markdown."""
    from rich.console import Console
    from rich.table import Table

    table = Table(title=title, title_justify="left")
    for index, name in enumerate(header):
        table.add_column(name, justify="left" if index == 0 else "right")
    for row in rows:
        table.add_row(*row)
    Console().print(table)
    lines = ["| " + " | ".join(row) + " |" for row in [header, ["---"] * len(header), *rows]]
    return "\n".join([f"### {title}", "", *lines, ""])


def main(args: Args) -> None:
    """Run every benchmark and print its table."""
    start_backend(devices=1)
    import jax

    # Compile times are measured: nothing may come from the disk.
    jax.config.update("jax_enable_compilation_cache", False)
    about = describe()
    sizes = f"S={args.obs_size}, A={args.action_size}, width {args.width}, N=10"
    device = f"{about['device']['kind']} ({about['device']['platform']}), jax {about['versions']['jax']}"
    print(f"{device}; medians of {args.rounds} calls; {sizes}")
    at_256, by_batch = update_costs(args)
    tables = [
        show("Critic update, batch 256", ["method", "ms", *(f"over {m}" for m in METHODS), "compile s"], at_256),
        show("Critic update in ms by batch", ["method", *map(str, BATCHES), "log-log slope"], by_batch),
    ]
    if args.out is not None:
        args.out.parent.mkdir(parents=True, exist_ok=True)
        command = "python -m experiments.bench"
        head = f"# Benchmark\n\n`{command}` on {device}; medians of {args.rounds} calls; {sizes}.\n\n"
        args.out.with_suffix(".md").write_text(head + "\n".join(tables))


if __name__ == "__main__":
    main(tyro.cli(Args, description=__doc__))
