"""Mean regression by an ensemble: the world model of MAGE (D'Oro & Jaskowski, 2020)."""

import dataclasses

import jax
import jax.numpy as jnp
from jax.scipy.special import ndtr, ndtri

from dstjax.nets import MLP, apply, init_ensemble
from dstjax.types import Array, Key, Metrics, Params, Transition
from dstjax.world.core import WorldStats, inputs, normalized, prediction


@dataclasses.dataclass(frozen=True)
class Deterministic:
    """`E` networks, each the conditional mean of `(s' - s, r)` given `(s, a)` on normalised data.

    The noise selects a member, all equally likely: samples differ by what the members do not know, and not by the
    randomness of the environment, which the mean averages away.

    Attributes:
      obs_size: `S`.
      width: hidden units per layer.
      depth: hidden layers.
      members: `E`.
    """

    obs_size: int
    width: int
    depth: int
    members: int

    @property
    def noise_size(self) -> int:
        """One number, whose quantile is the member's."""
        return 1

    @property
    def has_density(self) -> bool:
        """False: the law is `E` points."""
        return False

    @property
    def _net(self) -> MLP:
        return MLP(self.width, self.depth, self.obs_size + 1)

    def init(self, key: Key, action_size: int) -> Params:
        """Fresh parameters, a leading axis of `E` on every leaf; consumes `key`."""
        return init_ensemble(self._net, self.members, key, jnp.zeros(self.obs_size + action_size))

    def loss(
        self, params: Params, stats: WorldStats, batch: Transition, key: Key, kl_weight: Array
    ) -> tuple[Array, Metrics]:
        """Squared error in normalised units, summed over the members, each on its own bootstrap of the batch.

        Args:
          params: of all members.
          stats: input and output statistics.
          batch: real transitions `[B]`.
          key: consumed.
          kl_weight: unused.

        Returns:
          The loss `[]`, and the root of its mean over members, transitions and entries.
        """
        size = batch.reward.shape[0]
        rows = jax.random.randint(key, (self.members, size), 0, size)
        x, y = jax.tree.map(lambda leaf: leaf[rows], normalized(stats, batch))
        errors = ((jax.vmap(self._member)(params, x) - y) ** 2).mean((1, 2))
        return errors.sum(), {"one_step_rmse": jnp.sqrt(errors.mean())}

    def sample(self, params: Params, stats: WorldStats, obs: Array, action: Array, noise: Array) -> tuple[Array, Array]:
        """The prediction of the member that the noise selects, differentiable in `obs` and `action`.

        Args:
          params: of all members.
          stats: input and output statistics.
          obs: `[S]`.
          action: `[A]`.
          noise: `[1]` standard normal.

        Returns:
          `(next_obs [S], reward [])`.
        """
        # All members are evaluated, once for all the noise of a transition: to gather weights would copy them.
        outcomes = self._outcomes(params, inputs(stats, obs, action))
        index = jnp.clip((ndtr(noise[0]) * self.members).astype(int), 0, self.members - 1)
        return prediction(stats, obs, outcomes[index])

    def infer(self, params: Params, stats: WorldStats, transition: Transition, key: Key) -> Array:
        """Noise `[1]` that selects the member nearest to the real outcome; does not use `key`."""
        x, y = normalized(stats, transition)
        nearest = jnp.argmin(((self._outcomes(params, x) - y) ** 2).sum(-1))
        return ndtri((nearest[None] + 0.5) / self.members)

    def log_likelihood(self, params: Params, stats: WorldStats, transition: Transition, key: Key) -> Array:
        """`[]` minus infinity."""
        return jnp.full((), -jnp.inf)

    def _member(self, params: Params, x: Array) -> Array:
        return apply(self._net, params, x)

    def _outcomes(self, params: Params, x: Array) -> Array:
        """`[S + A]` to the normalised outcomes `[E, S + 1]`."""
        return jax.vmap(self._member, in_axes=(0, None))(params, x)
