"""The categorical critic: probabilities of fixed returns (C51 and D4PG)."""

import dataclasses
from collections.abc import Sequence

import flax.linen as nn
import jax
import jax.numpy as jnp

from dstjax import nets
from dstjax.agent.critics.core import Backup, Net
from dstjax.config import Hyper
from dstjax.math.categorical import cross_entropy, project
from dstjax.types import Array, Key, SobolevSamples


@dataclasses.dataclass(frozen=True, kw_only=True)
class Categorical:
    """Probabilities of evenly spaced returns, fitted by cross-entropy (Bellemare et al. 2017; Barth-Maron et al. 2018).

    Its samples are the atoms with their probabilities as weights. Of two target critics, the law of smaller mean is
    taken. The support's ends are traced numbers.

    Attributes:
      width: hidden units per layer.
      depth: hidden layers.
      atoms: `Q`.
      num_draws: samples of the next state per transition; more than 1 is of use with a stochastic model only.
    """

    width: int
    depth: int
    atoms: int = 51
    num_draws: int = 1

    @property
    def network(self) -> nn.Module:
        """Logits `[Q]`."""
        return nets.CategoricalCritic(self.width, self.depth, self.atoms)

    @property
    def num_latents(self) -> int:
        """Draws of the next state; the law itself needs no noise."""
        return self.num_draws

    def latents(self, key: Key, shape: tuple[int, ...] = ()) -> Array:
        """`[*shape, num_draws, 0]`, nothing."""
        del key
        return jnp.zeros((*shape, self.num_draws, 0))

    def support(self, hyper: Hyper) -> Array:
        """`[Q]` the returns."""
        return hyper.support_low + hyper.support_size * jnp.linspace(0.0, 1.0, self.atoms)

    def samples(self, net: Net, obs: Array, action: Array, latents: Array, hyper: Hyper) -> SobolevSamples:
        """The atoms, weighted by their probabilities; a categorical law has no gradients of single samples."""
        return self._weighted(self.support(hyper), net(obs, action, latents[0]))

    def mean(self, net: Net, obs: Array, action: Array, latents: Array, hyper: Hyper) -> Array:
        """`[]` the law's mean."""
        return jax.nn.softmax(net(obs, action, latents[0])) @ self.support(hyper)

    def target(self, critics: Sequence[Net], backup: Backup, latents: Array, hyper: Hyper) -> SobolevSamples:
        """`num_draws * Q` weighted returns: the shifted and scaled atoms of each next state."""
        atoms = self.support(hyper)

        def one(noise: Array, latent: Array) -> tuple[Array, Array]:
            next_obs, reward = backup.model_fn(backup.obs, backup.action, noise)
            next_action = backup.policy_fn(next_obs)
            laws = jnp.stack([jax.nn.softmax(net(next_obs, next_action, latent)) for net in critics])
            law = laws[jnp.argmin(laws @ atoms)]
            end = backup.terminated(next_obs) if callable(backup.terminated) else backup.terminated
            return reward + backup.discount * (1.0 - end) * atoms, law / self.num_draws

        value, weight = jax.vmap(one)(backup.noise, latents)
        return SobolevSamples(value.ravel(), jnp.zeros((value.size, 0)), weight=weight.ravel())

    def loss(
        self, net: Net, obs: Array, action: Array, target: SobolevSamples, hyper: Hyper, key: Key
    ) -> tuple[Array, SobolevSamples]:
        """Cross-entropy to the target projected onto the atoms."""
        logits, atoms = net(obs, action, self.latents(key)[0]), self.support(hyper)
        weight = jnp.full_like(target.value, 1.0 / target.value.size) if target.weight is None else target.weight
        return cross_entropy(logits, project(target.value, weight, atoms)), self._weighted(atoms, logits)

    def _weighted(self, atoms: Array, logits: Array) -> SobolevSamples:
        return SobolevSamples(atoms, jnp.zeros((self.atoms, 0)), weight=jax.nn.softmax(logits))
