"""What every world model offers, and the statistics it is normalised by."""

from typing import Protocol

import flax.struct
import jax.numpy as jnp

from dstjax.normalize import RunningStats, init_stats, update_stats
from dstjax.types import Array, Key, Metrics, Params, Transition


@flax.struct.dataclass
class WorldStats:
    """Running statistics of a model's inputs and outputs."""

    obs: RunningStats
    """Of observations, `[S]`."""
    outcome: RunningStats
    """Of `(next_obs - obs, reward)`, `[S + 1]`."""


def init_world_stats(obs_size: int) -> WorldStats:
    """Statistics of no data.

    Args:
      obs_size: `S`.

    Returns:
      Mean 0 and standard deviation 1 of inputs and outputs.
    """
    return WorldStats(obs=init_stats(obs_size), outcome=init_stats(obs_size + 1))


def update_world_stats(stats: WorldStats, batch: Transition) -> WorldStats:
    """Merge transitions into the statistics.

    Args:
      stats: of the transitions before.
      batch: new transitions `[B]`.

    Returns:
      The statistics of all of them.
    """
    return WorldStats(obs=update_stats(stats.obs, batch.obs), outcome=update_stats(stats.outcome, outcome_of(batch)))


def outcome_of(transition: Transition) -> Array:
    """What a model predicts of a transition.

    Args:
      transition: one or a batch.

    Returns:
      `[..., S + 1]`, the change of the observation and the reward.
    """
    return jnp.concatenate([transition.next_obs - transition.obs, transition.reward[..., None]], axis=-1)


class WorldModel(Protocol):
    """A learned one-step model of the environment, differentiable in observation and action."""

    @property
    def noise_size(self) -> int:
        """Dimension of the standard normal noise that `sample` takes."""

    def init(self, key: Key, action_size: int) -> Params:
        """Fresh parameters; consumes `key`."""

    def loss(
        self, params: Params, stats: WorldStats, batch: Transition, key: Key, kl_weight: Array
    ) -> tuple[Array, Metrics]:
        """Training loss on a batch `[B]` of real transitions, and what to log; consumes `key`."""

    def sample(self, params: Params, stats: WorldStats, obs: Array, action: Array, noise: Array) -> tuple[Array, Array]:
        """One reparameterised sample: `obs [S]`, `action [A]`, `noise [noise_size]` to `(next_obs [S], reward [])`."""
