"""How fast a task runs here."""

import time
from collections.abc import Callable
from statistics import median
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from dstjax.config import NoiseParams
from dstjax.envs.core import Env, EnvState, auto_reset
from dstjax.types import Array, Key


class Speed(NamedTuple):
    """Of one task at one batch size."""

    compile_seconds: float
    """Of a scan of steps with auto-reset and one copy of the physics; nearly 0 where a cache holds the program."""
    steps_per_second: float
    """Environment steps of the whole batch, in the median round."""
    bytes_per_env: float
    """The program's memory, inputs and outputs included, over the batch."""


def measure_speed(
    env: Env,
    *,
    batch: int,
    steps: int = 100,
    seconds: float = 1.0,
    clock: Callable[[], float] = time.perf_counter,
) -> Speed:
    """Time random actions with auto-reset on the default device.

    Args:
      env: a task, without auto-reset.
      batch: parallel environments.
      steps: control steps of each per round.
      seconds: that the rounds take together at least; there are three or more.
      clock: in seconds. With `time.process_time`, what else a CPU does is left out.

    Returns:
      The speed.
    """
    task = auto_reset(env)
    noise = jax.tree.map(jnp.float32, NoiseParams())
    states = jax.jit(jax.vmap(task.reset, in_axes=(0, None)))(jax.random.split(jax.random.key(0), batch), noise)

    def run(states: EnvState, key: Key) -> Array:
        def tick(states: EnvState, key: Key) -> tuple[EnvState, None]:
            action_key, step_key = jax.random.split(key)
            actions = jax.random.uniform(action_key, (batch, env.action_size), minval=-1.0)
            step = jax.vmap(task.step, in_axes=(0, 0, 0, None))
            return step(states, actions, jax.random.split(step_key, batch), noise), None

        return jax.lax.scan(tick, states, jax.random.split(key, steps))[0].obs

    begin = clock()
    compiled = jax.jit(run).lower(states, jax.random.key(1)).compile()
    compile_seconds = clock() - begin
    round_seconds = median_seconds(lambda: compiled(states, jax.random.key(1)).block_until_ready(), seconds, clock)
    sizes: Any = compiled.memory_analysis()
    size = sizes.temp_size_in_bytes + sizes.argument_size_in_bytes + sizes.output_size_in_bytes
    return Speed(compile_seconds, batch * steps / round_seconds, size / batch)


def median_seconds(work: Callable[[], Any], seconds: float, clock: Callable[[], float]) -> float:
    """The median of timed calls, after one that is not.

    Args:
      work: what is timed; it returns when it is done.
      seconds: that the calls take together at least; there are three or more.
      clock: in seconds.

    Returns:
      Seconds of a call.
    """
    work()
    rounds: list[float] = []
    while len(rounds) < 3 or sum(rounds) < seconds:
        begin = clock()
        work()
        rounds.append(clock() - begin)
    return median(rounds)
