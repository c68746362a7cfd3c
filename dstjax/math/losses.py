"""Losses of critics that are not distances between sample sets."""

import jax.numpy as jnp

from dstjax.types import Array


def huber(error: Array, threshold: Array | float = 1.0) -> Array:
    r"""Huber loss: $\tfrac12 e^2$ for $|e| \le \kappa$, else $\kappa (|e| - \tfrac12 \kappa)$ (Huber, 1964).

    Args:
      error: `[...]`.
      threshold: `kappa > 0`, where the loss turns linear; traced, in the unit of the error.

    Returns:
      `[...]`, elementwise.
    """
    size = jnp.abs(error)
    inner = jnp.minimum(size, threshold)
    return inner * (size - 0.5 * inner)
