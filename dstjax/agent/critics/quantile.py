"""Quantile critics: at fixed levels, and at sampled ones."""

import dataclasses

import flax.linen as nn
import jax
import jax.numpy as jnp

from dstjax import nets
from dstjax.agent.critics.core import Net, Sampled
from dstjax.config import Hyper
from dstjax.math.quantile import midpoint_levels, quantile_huber
from dstjax.types import Array, Key, SobolevSamples


@dataclasses.dataclass(frozen=True, kw_only=True)
class _Quantiles(Sampled):
    """Critics of quantiles, fitted by the quantile Huber loss."""

    def _levels(self, latents: Array) -> Array:
        """`[N]` the levels that the latents stand for."""
        raise NotImplementedError

    def loss(
        self, net: Net, obs: Array, action: Array, target: SobolevSamples, hyper: Hyper, key: Key
    ) -> tuple[Array, SobolevSamples]:
        """Quantile Huber loss of each predicted quantile to every target sample."""
        latents = self.latents(key)
        drawn = self.samples(net, obs, action, latents, hyper)
        return quantile_huber(drawn.value, self._levels(latents), target.value, hyper.huber_threshold), drawn


@dataclasses.dataclass(frozen=True, kw_only=True)
class Quantile(_Quantiles):
    """Quantiles at the fixed levels `(2i - 1) / 2N` (QR-DQN; Dabney et al., 2018), truncated as in TQC.

    The latent of a sample is the one-hot index of its level: the network gives all quantiles at once.
    """

    @property
    def network(self) -> nn.Module:
        """All quantiles, of which the latent picks one."""
        return nets.QuantileCritic(self.width, self.depth)

    def latents(self, key: Key, shape: tuple[int, ...] = ()) -> Array:
        """`[*shape, N, N]`, every level once."""
        del key
        return jnp.broadcast_to(jnp.eye(self.num_samples), (*shape, self.num_samples, self.num_samples))

    def _levels(self, latents: Array) -> Array:
        return latents @ midpoint_levels(self.num_samples)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Implicit(_Quantiles):
    """Quantiles at sampled levels `tau ~ U(0, 1)`, which are the latents (IQN; Dabney et al., 2018).

    Attributes:
      features: cosines that a level is embedded in.
    """

    features: int = 64

    @property
    def network(self) -> nn.Module:
        """One quantile from observation, action and level."""
        return nets.ImplicitCritic(self.width, self.depth, self.features)

    def latents(self, key: Key, shape: tuple[int, ...] = ()) -> Array:
        """`[*shape, N, 1]` uniform levels."""
        return jax.random.uniform(key, (*shape, self.num_samples, 1))

    def _levels(self, latents: Array) -> Array:
        return latents[:, 0]
