"""Conditional normalising flow of the outcome: exact likelihood, exact inference of the noise."""

import dataclasses

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np

from dstjax.nets import MLP, apply
from dstjax.types import Array, Key, Metrics, Params, Transition
from dstjax.world.core import WorldStats, inputs, normalized, prediction
from dstjax.world.gaussian import LOG_STD_BOUND, log_density, soft_bound
from dstjax.world.spline import Spline, apply_spline, invert_spline, num_parameters, spline

JITTER = float(np.exp(LOG_STD_BOUND[0]))
"""Noise on the outcomes of the training data, in standard deviations: no law is fitted that is narrower."""


class _Coupling(nn.Module):
    """Shift, scale and spline of some entries of `y`, given `x` and the other entries."""

    moving: tuple[int, ...]
    fixed: tuple[int, ...]
    width: int
    depth: int
    bins: int

    def setup(self) -> None:
        # Near the identity at first.
        self.conditioner = MLP(
            self.width, self.depth, len(self.moving) * (2 + num_parameters(self.bins)), out_scale=1e-2
        )

    def _maps(self, x: Array, y: Array) -> tuple[Array, Array, Spline]:
        out = self.conditioner(jnp.concatenate([x, y[..., self.fixed]], axis=-1))
        out = out.reshape(*out.shape[:-1], len(self.moving), -1)
        return out[..., 0], soft_bound(out[..., 1]), spline(out[..., 2:])

    def __call__(self, x: Array, y: Array) -> tuple[Array, Array]:
        """From the outcome's side to the noise's, and the log determinant `[...]`."""
        shift, log_scale, bend = self._maps(x, y)
        moved, log_slope = apply_spline(bend, (y[..., self.moving] - shift) * jnp.exp(-log_scale))
        return y.at[..., self.moving].set(moved), (log_slope - log_scale).sum(-1)

    def inverse(self, x: Array, noise: Array) -> Array:
        """From the noise's side to the outcome's."""
        shift, log_scale, bend = self._maps(x, noise)
        moved = shift + jnp.exp(log_scale) * invert_spline(bend, noise[..., self.moving])
        return noise.at[..., self.moving].set(moved)


class _Networks(nn.Module):
    out: int
    width: int
    depth: int
    layers: int
    bins: int

    def setup(self) -> None:
        self.couplings = [
            _Coupling(moving, fixed, self.width, self.depth, self.bins)
            for moving, fixed in couplings(self.out, self.layers)
        ]

    def __call__(self, x: Array, y: Array) -> tuple[Array, Array]:
        log_determinant = jnp.zeros(y.shape[:-1])
        for coupling in self.couplings:
            y, change = coupling(x, y)
            log_determinant += change
        return y, log_determinant

    def inverse(self, x: Array, noise: Array) -> Array:
        for coupling in reversed(self.couplings):
            noise = coupling.inverse(x, noise)
        return noise


def couplings(size: int, layers: int) -> list[tuple[tuple[int, ...], tuple[int, ...]]]:
    """Which entries each layer moves, and which it keeps: those whose index has or lacks one binary digit, in turn.

    Args:
      size: entries, at least 2.
      layers: number of layers.

    Returns:
      `(moved, kept)` per layer; with two layers per digit, each entry meets each other one.
    """
    digits = (size - 1).bit_length()
    found = []
    for layer in range(layers):
        digit = (layer // 2) % digits
        sides = [tuple(i for i in range(size) if (i >> digit) % 2 == side) for side in (0, 1)]
        found.append((sides[layer % 2], sides[1 - layer % 2]))
    return found


@dataclasses.dataclass(frozen=True)
class Flow:
    """`(s' - s, r) = f(e; s, a)` with `e ~ N(0, I)` and `f` invertible, on normalised data.

    Couplings (Dinh et al., 2017) of a shift, a scale and a monotone spline per entry, whose parameters are a network of
    `(s, a)` and of the entries that the layer keeps.

    Attributes:
      obs_size: `S`.
      width: hidden units per layer of each coupling's network.
      depth: hidden layers of each coupling's network.
      layers: couplings.
      bins: of each spline.
    """

    obs_size: int
    width: int
    depth: int
    layers: int = 4
    bins: int = 8

    @property
    def noise_size(self) -> int:
        """As many as the outcome has entries."""
        return self.obs_size + 1

    @property
    def has_density(self) -> bool:
        """True."""
        return True

    @property
    def _net(self) -> _Networks:
        return _Networks(self.obs_size + 1, self.width, self.depth, self.layers, self.bins)

    def init(self, key: Key, action_size: int) -> Params:
        """Fresh parameters; consumes `key`."""
        return self._net.init(key, jnp.zeros(self.obs_size + action_size), jnp.zeros(self.obs_size + 1))

    def loss(
        self, params: Params, stats: WorldStats, batch: Transition, key: Key, kl_weight: Array
    ) -> tuple[Array, Metrics]:
        """Negative log-likelihood per transition in normalised units, of outcomes with a little noise added.

        Args:
          params: of all couplings.
          stats: input and output statistics.
          batch: real transitions `[B]`.
          key: consumed.
          kl_weight: unused.

        Returns:
          The loss `[]`, and nothing else.
        """
        x, y = normalized(stats, batch)
        return -self._log_density(params, x, y + JITTER * jax.random.normal(key, y.shape)).mean(), {}

    def sample(self, params: Params, stats: WorldStats, obs: Array, action: Array, noise: Array) -> tuple[Array, Array]:
        """One sample of the next observation and reward, differentiable in `obs` and `action`.

        Args:
          params: of all couplings.
          stats: input and output statistics.
          obs: `[S]`.
          action: `[A]`.
          noise: `[noise_size]` standard normal.

        Returns:
          `(next_obs [S], reward [])`.
        """
        return prediction(stats, obs, apply(self._net, params, inputs(stats, obs, action), noise, method="inverse"))

    def infer(self, params: Params, stats: WorldStats, transition: Transition, key: Key) -> Array:
        """The one noise `[noise_size]` of a real transition's outcome; does not use `key`."""
        return apply(self._net, params, *normalized(stats, transition))[0]

    def log_likelihood(self, params: Params, stats: WorldStats, transition: Transition, key: Key) -> Array:
        """`[]` exact; does not use `key`."""
        return self._log_density(params, *normalized(stats, transition))

    def _log_density(self, params: Params, x: Array, y: Array) -> Array:
        noise, log_determinant = apply(self._net, params, x, y)
        return log_density(noise, jnp.zeros(()), jnp.zeros(())) + log_determinant
