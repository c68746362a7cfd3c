"""Conditional variational autoencoder with a learned prior (Sohn et al., 2015) as a stochastic world model."""

import dataclasses

import flax.linen as nn
import jax
import jax.numpy as jnp

from dstjax.nets import MLP, apply
from dstjax.types import Array, Key, Metrics, Params, Transition
from dstjax.world.core import WorldStats, inputs, normalized, prediction
from dstjax.world.gaussian import gaussian, kl_divergence, log_density

_BOUND_SAMPLES = 64
"""Draws of the encoder per transition in the reported log-likelihood."""


class _Networks(nn.Module):
    """Encoder, prior and decoder over normalised inputs `x = (s, a)` and outcomes `y = (s' - s, r)`."""

    out: int
    width: int
    depth: int
    latent: int

    def setup(self) -> None:
        self.encoder = MLP(self.width, self.depth, 2 * self.latent)
        self.prior = MLP(self.width, self.depth, 2 * self.latent)
        self.decoder = MLP(self.width, self.depth, 2 * self.out)

    def encode(self, x: Array, y: Array) -> tuple[Array, Array]:
        return gaussian(self.encoder(jnp.concatenate([x, y], axis=-1)))

    def condition(self, x: Array) -> tuple[Array, Array]:
        return gaussian(self.prior(x))

    def decode(self, x: Array, latent: Array) -> tuple[Array, Array]:
        """Mean `[D]` and residual log standard deviation `[D]` of the outcome."""
        return gaussian(self.decoder(jnp.concatenate([x, latent], axis=-1)))

    def __call__(self, x: Array, y: Array) -> tuple[Array, Array]:
        """Touch every part once, so that `init` makes all parameters."""
        self.condition(x)
        return self.decode(x, self.encode(x, y)[0])


@dataclasses.dataclass(frozen=True)
class CVAE:
    """The generative world model of DST.

    `z ~ p(z|s,a)`, `(s' - s, r) = mu(z,s,a) + sigma(z,s,a) * eps`, every part a diagonal Gaussian on normalised data.
    The residual `sigma` keeps samples from being smoother than the data. It depends on the transition: one for all has
    the error of the hardest, and gives it to the samples of those that are easy.

    Trained on the importance-weighted bound (Burda et al., 2016). With one particle, the ELBO, the latents that decode
    to one of two modes must hold a whole Gaussian of the encoder, which the rarer mode affords more cheaply than the
    frequent one: the best ELBO overweights the frequent mode. More particles forgive an encoder that overlaps.

    Attributes:
      obs_size: `S`.
      width: hidden units per layer of each part.
      depth: hidden layers of each part.
      latent: dimension of `z`.
      particles: draws of the encoder per transition in the loss, `P`.
    """

    obs_size: int
    width: int
    depth: int
    latent: int
    particles: int = 8

    @property
    def noise_size(self) -> int:
        """Noise of `z` and of the residual."""
        return self.latent + self.obs_size + 1

    @property
    def has_density(self) -> bool:
        """True."""
        return True

    @property
    def _net(self) -> _Networks:
        return _Networks(self.obs_size + 1, self.width, self.depth, self.latent)

    def init(self, key: Key, action_size: int) -> Params:
        """Fresh parameters; consumes `key`."""
        return self._net.init(key, jnp.zeros(self.obs_size + action_size), jnp.zeros(self.obs_size + 1))

    def loss(
        self, params: Params, stats: WorldStats, batch: Transition, key: Key, kl_weight: Array
    ) -> tuple[Array, Metrics]:
        """Negative bound per transition, `-log 1/P sum_i p(y|z_i,x) (p(z_i|x) / q(z_i|x,y))^beta`, in normalised units.

        Args:
          params: of all three parts.
          stats: input and output statistics.
          batch: real transitions `[B]`.
          key: consumed.
          kl_weight: beta.

        Returns:
          The loss `[]` and its parts.
        """
        x, y = normalized(stats, batch)
        latent, log_likelihood, log_ratio = self._particles(params, x, y, key, self.particles)
        bound = _log_mean_exp(log_likelihood + kl_weight * log_ratio).mean()
        mean, _ = apply(self._net, params, x, latent[0], method="decode")
        kl = kl_divergence(
            *apply(self._net, params, x, y, method="encode"), *apply(self._net, params, x, method="condition")
        )
        return -bound, {
            "nll": -log_likelihood.mean(),
            "kl": kl.mean(),
            "reconstruction_rmse": jnp.sqrt(((y - mean) ** 2).mean()),
        }

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
        x = inputs(stats, obs, action)
        mean_p, log_std_p = apply(self._net, params, x, method="condition")
        latent = mean_p + jnp.exp(log_std_p) * noise[: self.latent]
        mean, log_std = apply(self._net, params, x, latent, method="decode")
        return prediction(stats, obs, mean + jnp.exp(log_std) * noise[self.latent :])

    def infer(self, params: Params, stats: WorldStats, transition: Transition, key: Key) -> Array:
        """Posterior noise of a real transition, of which `sample` makes the same outcome.

        The latent is one of `P` draws of the encoder, chosen by importance weight; the rest is the residual's.

        Args:
          params: of all three parts.
          stats: input and output statistics.
          transition: one, its outcome within 10 standard deviations.
          key: consumed.

        Returns:
          `[noise_size]`
        """
        draw_key, choice_key = jax.random.split(key)
        x, y = normalized(stats, transition)
        latents, log_likelihood, log_ratio = self._particles(params, x, y, draw_key, self.particles)
        latent = latents[jax.random.categorical(choice_key, log_likelihood + log_ratio)]
        mean_p, log_std_p = apply(self._net, params, x, method="condition")
        mean, log_std = apply(self._net, params, x, latent, method="decode")
        return jnp.concatenate([(latent - mean_p) * jnp.exp(-log_std_p), (y - mean) * jnp.exp(-log_std)])

    def log_likelihood(self, params: Params, stats: WorldStats, transition: Transition, key: Key) -> Array:
        """`[]` the importance-weighted bound with many particles; consumes `key`."""
        _, log_likelihood, log_ratio = self._particles(params, *normalized(stats, transition), key, _BOUND_SAMPLES)
        return _log_mean_exp(log_likelihood + log_ratio)

    def _particles(self, params: Params, x: Array, y: Array, key: Key, num: int) -> tuple[Array, Array, Array]:
        """Latents `[P, ..., L]` of the encoder, `log p(y|z,x)` and `log p(z|x) - log q(z|x,y)` `[P, ...]`."""
        mean_q, log_std_q = apply(self._net, params, x, y, method="encode")
        prior = apply(self._net, params, x, method="condition")
        latent = mean_q + jnp.exp(log_std_q) * jax.random.normal(key, (num, *mean_q.shape))
        decoded = apply(self._net, params, jnp.broadcast_to(x, (num, *x.shape)), latent, method="decode")
        log_ratio = log_density(latent, *prior) - log_density(latent, mean_q, log_std_q)
        return latent, log_density(y, *_balanced(*decoded)), log_ratio


def _balanced(mean: Array, log_std: Array) -> tuple[Array, Array]:
    """The same Gaussians `[..., D]`, the gradient in their means times the deviation over its geometric mean.

    A likelihood divides errors by the variance, so that what is not fitted yet becomes noise, and then hardly counts:
    the rewards of rare states would not be learnt. Dividing by the deviation alone (Seitzer et al., 2022, beta = 1/2)
    keeps both.
    """
    fixed = jax.lax.stop_gradient(mean)
    relative = jnp.exp(log_std - log_std.mean(axis=tuple(range(log_std.ndim - 1))))
    return fixed + jax.lax.stop_gradient(relative) * (mean - fixed), log_std


def _log_mean_exp(x: Array) -> Array:
    """Over the first axis."""
    return jax.nn.logsumexp(x, axis=0) - jnp.log(x.shape[0])
