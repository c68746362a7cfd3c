"""What an environment carries from step to step, and the bookkeeping of episodes, common to all tasks."""

from collections.abc import Iterable
from typing import Any

import flax.struct
import jax
import jax.numpy as jnp

from dstjax.envs.noise import NoiseState
from dstjax.types import Array

HUGE = 1e10
"""Beyond it a number counts as lost, as in C MuJoCo."""


@flax.struct.dataclass
class EnvState:
    """Everything an environment carries from step to step, with the outcome of the last one."""

    physics: Any
    """Pytree of the simulator's state; its structure belongs to the task."""
    noise_state: NoiseState
    """What the noise remembers within an episode."""
    obs: Array
    """`[S]` what the agent sees, noise applied; after an auto-reset the new episode's first observation."""
    final_obs: Array
    """`[S]` what the agent saw or would have seen as the true successor; differs from `obs` only at an auto-reset."""
    reward: Array
    """`[]` of the last step, noise applied; 0 after a reset."""
    terminated: Array
    """`[]` bool, the episode ended for good in the last step."""
    truncated: Array
    """`[]` bool, the last step reached the time limit (it may have terminated as well), or its physics was lost."""
    elapsed: Array
    """`[]` int32, control steps in the running episode."""
    episode_return: Array
    """`[]` undiscounted sum of rewards of the running episode."""
    last_return: Array
    """`[]` undiscounted return of the last finished episode; 0 before the first one ends."""
    last_length: Array
    """`[]` int32, control steps of the last finished episode; 0 before the first one ends."""
    nonfinite: Array
    """`[]` int32, steps whose physics was lost since the first reset; see `keep_finite`."""
    info: dict[str, Array]
    """Named terms of the last step's reward, noise-free, each `[]`; 0 after a reset."""

    @property
    def done(self) -> Array:
        """`[]` bool: the episode ended in the last step, for whichever reason."""
        return self.terminated | self.truncated


def begin(physics: Any, noise_state: NoiseState, obs: Array, info_names: Iterable[str] = ()) -> EnvState:
    """The state of a fresh episode.

    Args:
      physics: the simulator's first state.
      noise_state: of the episode.
      obs: `[S]` first observation, noise applied.
      info_names: names of the reward terms the task reports.

    Returns:
      A state with no step taken and no episode finished.
    """
    zero, count, false = jnp.zeros((), obs.dtype), jnp.zeros((), jnp.int32), jnp.zeros((), bool)
    return EnvState(
        physics=physics,
        noise_state=noise_state,
        obs=obs,
        final_obs=obs,
        reward=zero,
        terminated=false,
        truncated=false,
        elapsed=count,
        episode_return=zero,
        last_return=zero,
        last_length=count,
        nonfinite=count,
        info=dict.fromkeys(info_names, zero),
    )


def advance(
    state: EnvState,
    physics: Any,
    noise_state: NoiseState,
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
      noise_state: after it.
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
    return state.replace(
        physics=physics,
        noise_state=noise_state,
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


def keep_finite(before: EnvState, after: EnvState, vital: Any) -> EnvState:
    """Guard a step against physics that blew up: NaN, infinity or a number beyond `HUGE`.

    Such a step is undone but for its count in `nonfinite`: reward 0, the state before it, and the episode cut short as
    by a time limit. It tells nothing about the task, so no value is learned from it, and auto-reset starts afresh.

    Args:
      before: the state before the step.
      after: after it.
      vital: numbers of the physics after it that must not be lost, any pytree.

    Returns:
      `after`, or where one of these, of the observation or the reward is lost, the state described above.
    """
    numbers = (vital, after.noise_state, after.obs, after.reward)
    kept = [jnp.all(jnp.abs(leaf) < HUGE) for leaf in jax.tree.leaves(numbers)]  # false for NaN
    lost = ~jnp.all(jnp.stack(kept))
    undone = before.replace(
        final_obs=before.obs,
        reward=jnp.zeros_like(before.reward),
        terminated=jnp.zeros_like(before.terminated),
        truncated=jnp.ones_like(before.truncated),
        elapsed=after.elapsed,
        last_return=before.episode_return,
        last_length=after.elapsed,
        nonfinite=before.nonfinite + 1,
        info=jax.tree.map(jnp.zeros_like, before.info),
    )
    return jax.tree.map(lambda old, new: jnp.where(lost, old, new), undone, after)
