"""The environment protocol: pure functions over `EnvState`, unbatched, static environment objects.

An environment is hashable and immutable, so that jitted code may close over it; every number that may vary between
members of a population (`NoiseParams`) is an argument. `vmap` at the call site gives batches.
"""

import dataclasses
from collections.abc import Callable, Iterable
from typing import Any, Protocol

import flax.struct
import jax
import jax.numpy as jnp

from dstjax.config import NoiseParams
from dstjax.errors import UserError
from dstjax.types import Array, Key


@flax.struct.dataclass
class EnvState:
    """Everything an environment carries from step to step, with the outcome of the last one."""

    physics: Any
    """Pytree of the simulator's state; its structure belongs to the task."""
    obs: Array
    """`[S]` what the agent sees, noise applied; after an auto-reset the new episode's first observation."""
    final_obs: Array
    """`[S]` what the agent saw or would have seen as the true successor; differs from `obs` only at an auto-reset."""
    reward: Array
    """`[]` of the last step; 0 after a reset."""
    terminated: Array
    """`[]` bool, the episode ended for good in the last step."""
    truncated: Array
    """`[]` bool, the episode reached its time limit in the last step (it may have terminated as well)."""
    elapsed: Array
    """`[]` int32, control steps in the running episode."""
    episode_return: Array
    """`[]` undiscounted sum of rewards of the running episode."""
    last_return: Array
    """`[]` undiscounted return of the last finished episode; 0 before the first one ends."""
    last_length: Array
    """`[]` int32, control steps of the last finished episode; 0 before the first one ends."""
    info: dict[str, Array]
    """Named terms of the last step's reward, each `[]`; 0 after a reset."""

    @property
    def done(self) -> Array:
        """`[]` bool: the episode ended in the last step, for whichever reason."""
        return self.terminated | self.truncated


class Env(Protocol):
    """A task. Keys are typed (`jax.random.key`) and consumed; actions live in `[-1, 1]^A`."""

    @property
    def name(self) -> str:
        """The name that `make` knows the task by."""

    @property
    def obs_size(self) -> int:
        """S."""

    @property
    def action_size(self) -> int:
        """A."""

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


def begin(physics: Any, obs: Array, info_names: Iterable[str] = ()) -> EnvState:
    """The state of a fresh episode.

    Args:
      physics: the simulator's first state.
      obs: `[S]` first observation, noise applied.
      info_names: names of the reward terms the task reports.

    Returns:
      A state with no step taken and no episode finished.
    """
    zero, count, false = jnp.zeros((), obs.dtype), jnp.zeros((), jnp.int32), jnp.zeros((), bool)
    return EnvState(
        physics=physics,
        obs=obs,
        final_obs=obs,
        reward=zero,
        terminated=false,
        truncated=false,
        elapsed=count,
        episode_return=zero,
        last_return=zero,
        last_length=count,
        info=dict.fromkeys(info_names, zero),
    )


def advance(
    state: EnvState,
    physics: Any,
    obs: Array,
    reward: Array,
    terminated: Array,
    info: dict[str, Array] | None = None,
    *,
    time_limit: int,
) -> EnvState:
    """The state after a control step: books the outcome and applies the time limit.

    Args:
      state: before the step.
      physics: the simulator's state after it.
      obs: `[S]` observation after it, noise applied.
      reward: `[]`.
      terminated: `[]` bool.
      info: named reward terms, the same names as at reset.
      time_limit: control steps per episode.

    Returns:
      The state after the step, not reset.
    """
    elapsed = state.elapsed + 1
    reward = jnp.asarray(reward, state.reward.dtype)
    episode_return = state.episode_return + reward
    truncated = elapsed >= time_limit
    done = terminated | truncated
    return EnvState(
        physics=physics,
        obs=obs,
        final_obs=obs,
        reward=reward,
        terminated=terminated,
        truncated=truncated,
        elapsed=elapsed,
        episode_return=episode_return,
        last_return=jnp.where(done, episode_return, state.last_return),
        last_length=jnp.where(done, elapsed, state.last_length),
        info={name: jnp.asarray(value, reward.dtype) for name, value in (info or {}).items()},
    )


def check_count(field: str, value: int) -> None:
    """Refuse an option that is not a positive integer.

    Args:
      field: the option's name, for the message.
      value: what was given.

    Raises:
      UserError: naming the option and its value.
    """
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise UserError(f"{field}: {value} is not allowed; allowed: an integer of at least 1")


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
            physics=fresh.physics, obs=fresh.obs, elapsed=fresh.elapsed, episode_return=fresh.episode_return
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
