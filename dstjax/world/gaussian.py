"""Diagonal Gaussians whose standard deviations stay within float32's reach."""

import jax
import jax.numpy as jnp

from dstjax.types import Array

LOG_STD_BOUND = (-5.0, 1.0)
"""Of log standard deviations, on normalised data."""


def gaussian(out: Array) -> tuple[Array, Array]:
    """A network's output as a Gaussian.

    Args:
      out: `[..., 2 D]`.

    Returns:
      Mean and log standard deviation, `[..., D]` each.
    """
    mean, raw = jnp.split(out, 2, axis=-1)
    return mean, soft_bound(raw)


def soft_bound(raw: Array) -> Array:
    """Log standard deviation bounded smoothly, so that no sample or gradient leaves float32.

    Args:
      raw: any number.

    Returns:
      A number within `LOG_STD_BOUND`, about `raw` in its interior.
    """
    low, high = LOG_STD_BOUND
    raw = high - jax.nn.softplus(high - raw)
    return low + jax.nn.softplus(raw - low)


def log_density(x: Array, mean: Array, log_std: Array) -> Array:
    """`log N(x; mean, diag(std^2))`.

    Args:
      x: `[..., D]`.
      mean: `[..., D]`.
      log_std: `[..., D]`.

    Returns:
      `[...]` nats.
    """
    return -(0.5 * ((x - mean) * jnp.exp(-log_std)) ** 2 + log_std + 0.5 * jnp.log(2 * jnp.pi)).sum(-1)


def kl_divergence(mean_q: Array, log_std_q: Array, mean_p: Array, log_std_p: Array) -> Array:
    """`KL(q || p)`.

    Args:
      mean_q: `[..., D]`.
      log_std_q: `[..., D]`.
      mean_p: `[..., D]`.
      log_std_p: `[..., D]`.

    Returns:
      `[...]` nats.
    """
    ratio = jnp.exp(2.0 * (log_std_q - log_std_p))
    shift = ((mean_q - mean_p) * jnp.exp(-log_std_p)) ** 2
    return 0.5 * (ratio + shift - 1.0).sum(-1) + (log_std_p - log_std_q).sum(-1)
