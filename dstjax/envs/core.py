"""The environment protocol: pure functions over `EnvState`, unbatched, static environment objects.

An environment is hashable and immutable, so that jitted code may close over it; every number that may vary between
members of a population (`NoiseParams`) is an argument. `vmap` at the call site gives batches.
"""

import dataclasses
from collections.abc import Callable
from typing import Any, Protocol

import jax
import jax.numpy as jnp

from dstjax.config import NoiseParams
from dstjax.envs.draws import Noisy
from dstjax.envs.state import EnvState
from dstjax.types import Array, Key

__all__ = ["AutoReset", "Env", "EnvState", "auto_reset"]


class Env(Noisy, Protocol):
    """A task. Keys are typed (`jax.random.key`) and consumed; actions live in `[-1, 1]^A`."""

    @property
    def time_limit(self) -> int:
        """Control steps after which an episode is truncated."""

    @property
    def terminates(self) -> Callable[[Array], Array] | None:
        """`[S]` noise-free observation -> `[]` bool, or None where the observation does not determine it."""

    def reset(self, key: Key, noise: NoiseParams) -> EnvState:
        """Draw the first state of an episode."""

    def step(self, state: EnvState, action: Array, key: Key, noise: NoiseParams) -> EnvState:
        """One control step with `action` `[A]`. Never resets; stepping on after the end continues the physics."""


@dataclasses.dataclass(frozen=True)
class AutoReset:
    """An environment whose `step` starts the next episode at once; see `auto_reset`."""

    env: Env

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):  # copy and pickle look these up before `env` exists
            raise AttributeError(name)
        return getattr(self.env, name)

    def reset(self, key: Key, noise: NoiseParams) -> EnvState:
        """As the wrapped environment's."""
        return self.env.reset(key, noise)

    def step(self, state: EnvState, action: Array, key: Key, noise: NoiseParams) -> EnvState:
        """One control step; where it ended the episode, a fresh random reset replaces the state and its observation.

        `reward`, `terminated`, `truncated`, `info` and `final_obs` still describe the step that was taken. Of a value
        estimate, bootstrap from `final_obs` unless `terminated`.
        """
        step_key, reset_key = jax.random.split(key)
        stepped = self.env.step(state, action, step_key, noise)
        fresh = self.env.reset(reset_key, noise)
        restarted = stepped.replace(
            physics=fresh.physics,
            noise_state=fresh.noise_state,
            obs=fresh.obs,
            elapsed=fresh.elapsed,
            episode_return=fresh.episode_return,
        )
        return jax.tree.map(lambda new, old: jnp.where(stepped.done, new, old), restarted, stepped)


def auto_reset(env: Env) -> Env:
    """Wrap an environment so that episodes follow one another, with the true successor kept in `final_obs`.

    Each episode starts from a fresh draw. The reset is computed in every step and selected (under `vmap` a conditional
    would be too), hence tasks keep it free of simulation.

    Args:
      env: a task without auto-reset.

    Returns:
      The task with auto-reset, as static and hashable as before.
    """
    return AutoReset(env)
