"""Point critics: one value, with or without a term on its gradient."""

import dataclasses

import flax.linen as nn
import jax.numpy as jnp

from dstjax import nets
from dstjax.agent.critics.core import Net, Sampled
from dstjax.config import Hyper
from dstjax.math.losses import huber, mage_loss
from dstjax.types import Array, Key, SobolevSamples

MAGE_WEIGHT = 5.0
"""Published weight of the gradient term for a value term of weight 1 (D'Oro & Jaśkowski, 2020)."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Point(Sampled):
    """`Q(s, a)`: one value, fitted by the Huber loss (Fujimoto et al., 2018), or with its gradient by MAGE's."""

    @property
    def network(self) -> nn.Module:
        """The generative network without noise."""
        return nets.Critic(self.width, self.depth)

    def latents(self, key: Key, shape: tuple[int, ...] = ()) -> Array:
        """`[*shape, N, 0]`, nothing."""
        del key
        return jnp.zeros((*shape, self.num_samples, 0))

    def loss(
        self, net: Net, obs: Array, action: Array, target: SobolevSamples, hyper: Hyper, key: Key
    ) -> tuple[Array, SobolevSamples]:
        """Huber loss of the error, and of the norm of its action gradient where samples carry one."""
        drawn = self.samples(net, obs, action, self.latents(key), hyper)
        if self.gradient == "none":
            return huber(drawn.value - target.value, hyper.huber_threshold).mean(), drawn
        return mage_loss(drawn, target, 1.0, MAGE_WEIGHT * hyper.gradient_weight), drawn
