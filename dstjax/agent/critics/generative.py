"""The generative critic of distributional Sobolev training, and of MMD on returns alone."""

import dataclasses
from typing import Literal

import flax.linen as nn
import jax

from dstjax import nets
from dstjax.agent.critics.core import Net, Sampled
from dstjax.config import Hyper
from dstjax.math.kernels import KERNELS
from dstjax.math.mmd import mmd2, msmmd2, sliced_mmd2
from dstjax.math.slicing import mean_direction, random_directions
from dstjax.math.sobolev import concat
from dstjax.types import Array, Key, SobolevSamples


@dataclasses.dataclass(frozen=True, kw_only=True)
class Generative(Sampled):
    """`Z(s, a, xi)` with `xi ~ N(0, I_K)`, fitted by a maximum mean discrepancy between samples.

    Attributes:
      noise_dim: `K`.
      noise: where it enters the network: `early`, its first layer, or `late`, its last hidden one.
      distance: max-sliced, sliced (one random direction per transition and ascent step, plus one), or plain.
      unbiased: whether of the distance's statistics the unbiased one is taken. The biased one of `N` samples is least
        for a law narrower than the target's, by 1/6 at N = 10. Bootstrapping wants that: spread that a critic has only
        because it does not fit yet is handed on by each backup, and shrinks by no more than the discount.
      kernel: name of it.
      ascent_steps: of the search for the direction.
    """

    noise_dim: int
    noise: str = "early"
    distance: Literal["msmmd", "sliced", "mmd"]
    unbiased: bool = False
    kernel: str = "multiquadric"
    ascent_steps: int = 3

    @property
    def network(self) -> nn.Module:
        """One return from observation, action and noise."""
        return (nets.LateCritic if self.noise == "late" else nets.Critic)(self.width, self.depth)

    def latents(self, key: Key, shape: tuple[int, ...] = ()) -> Array:
        """`[*shape, N, K]` standard normal."""
        return jax.random.normal(key, (*shape, self.num_samples, self.noise_dim))

    def loss(
        self, net: Net, obs: Array, action: Array, target: SobolevSamples, hyper: Hyper, key: Key
    ) -> tuple[Array, SobolevSamples]:
        """The distance between fresh samples and the target's, as vectors of return and weighted gradients."""
        latent_key, direction_key = jax.random.split(key)
        drawn = self.samples(net, obs, action, self.latents(latent_key), hyper)
        x, y = (concat(samples, hyper.gradient_weight, hyper.dobs_weight) for samples in (drawn, target))
        return self._distance(x, y, hyper, direction_key), drawn

    def _distance(self, x: Array, y: Array, hyper: Hyper, key: Key) -> Array:
        kernel = KERNELS[self.kernel](hyper.bandwidth)
        if self.distance == "mmd":
            return mmd2(x, y, kernel, unbiased=self.unbiased)
        if self.distance == "sliced":
            directions = random_directions(key, 1 + self.ascent_steps, x.shape[1])
            return sliced_mmd2(x, y, directions, kernel, unbiased=self.unbiased)
        start = mean_direction(x, y, key)
        return msmmd2(x, y, start, hyper.ascent_step, kernel, num_steps=self.ascent_steps, unbiased=self.unbiased)[0]
