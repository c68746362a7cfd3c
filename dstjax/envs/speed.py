"""How fast a task runs here."""

import time
from typing import NamedTuple

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
    """Environment steps of the whole batch; the best of three rounds."""


def measure_speed(env: Env, *, batch: int, steps: int = 100) -> Speed:
    """Time random actions with auto-reset on the default device.

    Args:
      env: a task, without auto-reset.
      batch: parallel environments.
      steps: control steps of each per round.

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

    begin = time.perf_counter()
    compiled = jax.jit(run).lower(states, jax.random.key(1)).compile()
    compile_seconds = time.perf_counter() - begin
    rounds = []
    for _ in range(3):
        begin = time.perf_counter()
        compiled(states, jax.random.key(1)).block_until_ready()
        rounds.append(time.perf_counter() - begin)
    return Speed(compile_seconds, batch * steps / min(rounds))
