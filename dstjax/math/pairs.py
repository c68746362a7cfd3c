"""Sums of a kernel over the pairs of weighted samples: what every MMD is made of."""

from functools import cache

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from dstjax.types import Array, Kernel

MATRIX_UP_TO = 250_000
"""Multiplications up to which one product with a constant matrix gives all differences faster (measured on a CPU)."""


def squared_distances(x: Array, y: Array) -> Array:
    """Squared Euclidean distances of all pairs, by differences: the expansion in products cancels for close points.

    One coordinate at a time, each difference formed again for its gradient: the memory is `n m`, not `n m d`.

    Example:
      >>> squared_distances(jnp.zeros((1, 2)), jnp.array([[3.0, 4.0]]))
      Array([[25.]], dtype=float32)

    Args:
      x: `[n, d]` samples.
      y: `[m, d]` samples.

    Returns:
      `[n, m]`.
    """

    @jax.checkpoint
    def add(total: Array, coordinate: tuple[Array, Array]) -> tuple[Array, None]:
        a, b = coordinate
        return total + jnp.square(a[:, None] - b[None, :]), None

    return lax.scan(add, jnp.zeros((len(x), len(y)), x.dtype), (x.T, y.T))[0]


def kernel_sums(
    x: Array, y: Array, kernel: Kernel, w: Array, v: Array, own_x: Array | float, own_y: Array | float
) -> Array:
    r"""$a \sum_{i \ne j} w_i w_j k(x_i, x_j) + b \sum_{i \ne j} v_i v_j k(y_i, y_j) - 2 \sum_{ij} w_i v_j k(x_i, y_j)$.

    Example:
      >>> x, y, w, v = jnp.zeros((2, 1)), jnp.ones((1, 1)), jnp.ones(2), jnp.ones(1)
      >>> float(kernel_sums(x, y, lambda squared: 5 + squared, w, v, 1.0, 1.0))
      -14.0

    Args:
      x: `[n, d]` samples.
      y: `[m, d]` samples.
      kernel: a function of the squared distance.
      w: `[n]` weights.
      v: `[m]` weights.
      own_x: factor `a` of the pairs within `x`.
      own_y: factor `b` of the pairs within `y`.

    Returns:
      `[]`, differentiable in the samples and the kernel's bandwidth, also where points coincide.
    """
    points = len(x) + len(y)
    if points * points * (points - 1) // 2 * x.shape[1] <= MATRIX_UP_TO:
        return _by_matrix(x, y, kernel, w, v, own_x, own_y)

    def total(a: Array, b: Array, p: Array, q: Array) -> Array:
        # By elements, not as p @ kernel @ q: the product then fuses with the kernel, and no accelerator rounds it.
        return jnp.sum(p[:, None] * q[None, :] * kernel(squared_distances(a, b)))

    itself = kernel(jnp.zeros((), x.dtype))
    within_x, within_y = (total(a, a, p, p) - itself * (p @ p) for a, p in ((x, w), (y, v)))
    return own_x * within_x + own_y * within_y - 2.0 * total(x, y, w, v)


def _by_matrix(
    x: Array, y: Array, kernel: Kernel, w: Array, v: Array, own_x: Array | float, own_y: Array | float
) -> Array:
    """Each pair of the pooled samples once; a difference of two floats is exact in the product, the rest being 0."""
    first, second, differences = _triangle(len(x) + len(y))
    pooled, masses = jnp.concatenate([x, y]).T, jnp.concatenate([w, -v])
    gaps = jnp.matmul(pooled, differences.astype(x.dtype), precision=lax.Precision.HIGHEST)
    factors = jnp.where(second < len(x), own_x, jnp.where(first >= len(x), own_y, 1.0))
    weights = 2.0 * factors * masses[first] * masses[second]
    return jnp.matmul(weights, kernel(jnp.square(gaps).sum(0)), precision=lax.Precision.HIGHEST)


@cache
def _triangle(points: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The pairs `i < j`, and the matrix `[points, pairs]` that takes samples to their differences."""
    first, second = (side.astype(np.int32) for side in np.triu_indices(points, 1))
    places = np.arange(points)[:, None]
    return first, second, (places == first).astype(np.int8) - (places == second).astype(np.int8)
