"""Conditional variational autoencoder with a learned prior (Sohn et al., 2015) as a stochastic world model."""

import dataclasses

import flax.linen as nn
import jax
import jax.numpy as jnp

from dstjax.nets import MLP, apply
from dstjax.types import Array, Key, Metrics, Params, Transition
from dstjax.world.core import WorldStats, outcome_of

_LOG_STD_BOUND = (-5.0, 1.0)


class _Networks(nn.Module):
    """Encoder, prior and decoder over normalised inputs `x = (s, a)` and outcomes `y = (s' - s, r)`."""

    out: int
    width: int
    depth: int
    latent: int

    def setup(self) -> None:
        self.encoder = MLP(self.width, self.depth, 2 * self.latent)
        self.prior = MLP(self.width, self.depth, 2 * self.latent)
        self.decoder = MLP(self.width, self.depth, self.out)
        self.log_std = self.param("log_std", nn.initializers.zeros, (self.out,))

    def encode(self, x: Array, y: Array) -> tuple[Array, Array]:
        return _gaussian(self.encoder(jnp.concatenate([x, y], axis=-1)))

    def condition(self, x: Array) -> tuple[Array, Array]:
        return _gaussian(self.prior(x))

    def decode(self, x: Array, latent: Array) -> tuple[Array, Array]:
        """Mean `[D]` and residual log standard deviation `[D]` of the outcome."""
        return self.decoder(jnp.concatenate([x, latent], axis=-1)), _soft_bound(self.log_std)

    def __call__(self, x: Array, y: Array) -> tuple[Array, Array]:
        """Touch every part once, so that `init` makes all parameters."""
        self.condition(x)
        return self.decode(x, self.encode(x, y)[0])


@dataclasses.dataclass(frozen=True)
class CVAE:
    """The generative world model of DST.

    `z ~ p(z|s,a)`, `(s' - s, r) = mu(z,s,a) + sigma * eps`, every part a diagonal Gaussian on normalised data. The
    learned residual `sigma` keeps samples from being smoother than the data; it does not depend on `(s, a)`, whatever
    does is left to `z`.

    Attributes:
      obs_size: `S`.
      width: hidden units per layer of each part.
      depth: hidden layers of each part.
      latent: dimension of `z`.
    """

    obs_size: int
    width: int
    depth: int
    latent: int

    @property
    def noise_size(self) -> int:
        """Noise of `z` and of the residual."""
        return self.latent + self.obs_size + 1

    @property
    def _net(self) -> _Networks:
        return _Networks(self.obs_size + 1, self.width, self.depth, self.latent)

    def init(self, key: Key, action_size: int) -> Params:
        """Fresh parameters; consumes `key`."""
        return self._net.init(key, jnp.zeros(self.obs_size + action_size), jnp.zeros(self.obs_size + 1))

    def loss(
        self, params: Params, stats: WorldStats, batch: Transition, key: Key, kl_weight: Array
    ) -> tuple[Array, Metrics]:
        """Negative ELBO per transition, `E_q[-log p(y|z,x)] + beta KL(q(z|x,y) || p(z|x))`, in normalised units.

        Args:
          params: of all three parts.
          stats: input and output statistics.
          batch: real transitions `[B]`.
          key: consumed.
          kl_weight: beta.

        Returns:
          The loss `[]` and its parts.
        """
        net = self._net
        x = _inputs(stats, batch.obs, batch.action)
        y = stats.outcome.normalize(outcome_of(batch))
        mean_q, log_std_q = apply(net, params, x, y, method="encode")
        mean_p, log_std_p = apply(net, params, x, method="condition")
        latent = mean_q + jnp.exp(log_std_q) * jax.random.normal(key, mean_q.shape)
        mean, log_std = apply(net, params, x, latent, method="decode")
        nll = (0.5 * ((y - mean) * jnp.exp(-log_std)) ** 2 + log_std + 0.5 * jnp.log(2 * jnp.pi)).sum(-1).mean()
        kl = _kl_divergence(mean_q, log_std_q, mean_p, log_std_p).mean()
        error = jnp.sqrt(((y - mean) ** 2).mean())
        return nll + kl_weight * kl, {"nll": nll, "kl": kl, "reconstruction_rmse": error}

    def sample(self, params: Params, stats: WorldStats, obs: Array, action: Array, noise: Array) -> tuple[Array, Array]:
        """One prior sample of the next observation and reward, differentiable in `obs` and `action`.

        Args:
          params: of all three parts.
          stats: input and output statistics.
          obs: `[S]`.
          action: `[A]`.
          noise: `[noise_size]` standard normal.

        Returns:
          `(next_obs [S], reward [])`.
        """
        net = self._net
        x = _inputs(stats, obs, action)
        mean_p, log_std_p = apply(net, params, x, method="condition")
        latent = mean_p + jnp.exp(log_std_p) * noise[: self.latent]
        mean, log_std = apply(net, params, x, latent, method="decode")
        outcome = stats.outcome.denormalize(mean + jnp.exp(log_std) * noise[self.latent :])
        return obs + outcome[: self.obs_size], outcome[self.obs_size]


def _inputs(stats: WorldStats, obs: Array, action: Array) -> Array:
    return jnp.concatenate([stats.obs.normalize(obs), action], axis=-1)


def _gaussian(out: Array) -> tuple[Array, Array]:
    mean, raw = jnp.split(out, 2, axis=-1)
    return mean, _soft_bound(raw)


def _soft_bound(raw: Array) -> Array:
    """Log standard deviation bounded smoothly, so that no sample or gradient leaves float32."""
    low, high = _LOG_STD_BOUND
    raw = high - jax.nn.softplus(high - raw)
    return low + jax.nn.softplus(raw - low)


def _kl_divergence(mean_q: Array, log_std_q: Array, mean_p: Array, log_std_p: Array) -> Array:
    """`KL(q || p)` of diagonal Gaussians, summed over the last axis."""
    ratio = jnp.exp(2.0 * (log_std_q - log_std_p))
    shift = ((mean_q - mean_p) * jnp.exp(-log_std_p)) ** 2
    return 0.5 * (ratio + shift - 1.0).sum(-1) + (log_std_p - log_std_q).sum(-1)
