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


def inputs(stats: WorldStats, obs: Array, action: Array) -> Array:
    """What a learned model conditions on.

    Args:
      stats: input statistics.
      obs: `[..., S]`.
      action: `[..., A]`.

    Returns:
      `[..., S + A]`, the normalised observation and the action.
    """
    return jnp.concatenate([stats.obs.normalize(obs), action], axis=-1)


def outcome_of(transition: Transition) -> Array:
    """What a model predicts of a transition.

    Args:
      transition: one or a batch.

    Returns:
      `[..., S + 1]`, the change of the observation and the reward.
    """
    return jnp.concatenate([transition.next_obs - transition.obs, transition.reward[..., None]], axis=-1)


def normalized(stats: WorldStats, batch: Transition) -> tuple[Array, Array]:
    """A learned model's inputs and targets.

    Args:
      stats: input and output statistics.
      batch: one transition or a batch.

    Returns:
      `x [..., S + A]` and `y [..., S + 1]`, the normalised outcome.
    """
    return inputs(stats, batch.obs, batch.action), stats.outcome.normalize(outcome_of(batch))


def prediction(stats: WorldStats, obs: Array, outcome: Array) -> tuple[Array, Array]:
    """The next observation and the reward that a normalised outcome stands for.

    Args:
      stats: output statistics.
      obs: `[S]`.
      outcome: `[S + 1]`, normalised.

    Returns:
      `(next_obs [S], reward [])`.
    """
    outcome = stats.outcome.denormalize(outcome)
    return obs + outcome[:-1], outcome[-1]


class WorldModel(Protocol):
    """A one-step model of the environment, differentiable in observation and action.

    Definitions are frozen and hold no array. All but `loss` take one transition; `vmap` at the call site.
    """

    @property
    def noise_size(self) -> int:
        """Dimension of the standard normal noise that `sample` takes; 0 where the model has no noise."""

    @property
    def has_density(self) -> bool:
        """Whether the law of outcomes has a density, hence finite log-likelihoods."""

    def init(self, key: Key, action_size: int) -> Params:
        """Fresh parameters; consumes `key`."""

    def loss(
        self, params: Params, stats: WorldStats, batch: Transition, key: Key, kl_weight: Array
    ) -> tuple[Array, Metrics]:
        """Training loss on a batch `[B]` of real transitions, and what to log; consumes `key`."""

    def sample(self, params: Params, stats: WorldStats, obs: Array, action: Array, noise: Array) -> tuple[Array, Array]:
        """One reparameterised sample: `obs [S]`, `action [A]`, `noise [noise_size]` to `(next_obs [S], reward [])`."""

    def infer(self, params: Params, stats: WorldStats, transition: Transition, key: Key) -> Array:
        """Noise `[noise_size]` under which `sample` gives a real transition's outcome, as nearly as the model can.

        A draw from the posterior of the noise where several values would do (Heess et al., 2015); consumes `key`.
        """

    def log_likelihood(self, params: Params, stats: WorldStats, transition: Transition, key: Key) -> Array:
        """`[]` log density (nats) of the normalised outcome, or a lower bound of it; consumes `key`.

        Minus infinity where there is none.
        """
