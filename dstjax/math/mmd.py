"""Maximum mean discrepancies between two sample sets: plain, sliced and max-sliced."""

import jax.numpy as jnp

from dstjax.math.checks import check_count, check_same_dtype, check_samples
from dstjax.math.kernels import energy
from dstjax.math.line import absolute_sum, normalized
from dstjax.math.pairs import kernel_sums
from dstjax.math.slicing import LineDistance, max_sliced, sliced
from dstjax.types import Array, Kernel

SORT_FROM = 256
"""Samples of both sets together from which sorting beats the matrix of pairs (measured on CPU)."""


def mmd2(
    x: Array,
    y: Array,
    kernel: Kernel,
    *,
    unbiased: bool = False,
    x_weights: Array | None = None,
    y_weights: Array | None = None,
) -> Array:
    r"""Squared maximum mean discrepancy (Gretton et al., JMLR 2012).

    $\mathrm{MMD}^2 = \sum_{ij} w_i w_j k(x_i, x_j) + \sum_{ij} v_i v_j k(y_i, y_j) - 2 \sum_{ij} w_i v_j k(x_i, y_j)$
    with weights that sum to one is the biased V-statistic, which is never negative. The unbiased U-statistic leaves out
    the pairs `i = j` of one set and divides by the weight of the others.

    Example:
      >>> x, y = jnp.zeros((2, 3)), jnp.ones((4, 3))
      >>> float(mmd2(x, y, kernels.energy())) == pytest.approx(2 * 3**0.5)
      True

    Args:
      x: `[n, d]` samples.
      y: `[m, d]` samples.
      kernel: a function of the squared distance, from `dstjax.math.kernels`.
      unbiased: whether to compute the U-statistic, which needs `n, m >= 2`. The V-statistic of few samples is
        least for a law narrower than the target's: with the energy kernel and 10 of them, by 17 %.
      x_weights: `[n]` non-negative weights, by default equal; they carry no gradient.
      y_weights: `[m]`.

    Returns:
      `[]` the squared discrepancy. Differentiable in `x`, `y` and the bandwidth, also where points coincide.

    Raises:
      UserError: on a wrong rank, an empty set, unequal dimensions, an integer type.
    """
    check_samples("x", x)
    check_samples("y", y, x.shape[1])
    check_same_dtype("y", y, x)
    w, v = normalized(x_weights, x, "x_weights"), normalized(y_weights, y, "y_weights")
    if unbiased:
        check_count("samples of each set of an unbiased statistic", min(w.size, v.size), 2)
    # The unbiased statistic leaves the pairs i = j out, and what is left of the weights sums to one again.
    own_w, own_v = (1.0 / (1.0 - p @ p) if unbiased else 1.0 for p in (w, v))
    if x.shape[1] == 1 and kernel is energy() and w.size + v.size >= SORT_FROM:
        u, t = x[:, 0], y[:, 0]
        both = -absolute_sum(jnp.concatenate([u, t]), jnp.concatenate([w, -v]))
        return both - (own_w - 1.0) * absolute_sum(u, w) - (own_v - 1.0) * absolute_sum(t, v)
    value = kernel_sums(x, y, kernel, w, v, own_w, own_v)
    return value if unbiased else value + kernel(jnp.zeros((), x.dtype)) * (w @ w + v @ v)


def _slice_mmd2(kernel: Kernel, unbiased: bool, weights: tuple[Array | None, Array | None]) -> LineDistance:
    w, v = weights
    return lambda a, b: mmd2(a[:, None], b[:, None], kernel, unbiased=unbiased, x_weights=w, y_weights=v)


def sliced_mmd2(
    x: Array,
    y: Array,
    directions: Array,
    kernel: Kernel,
    *,
    unbiased: bool = False,
    x_weights: Array | None = None,
    y_weights: Array | None = None,
) -> Array:
    r"""Sliced MMD²: $\frac1L \sum_l \mathrm{MMD}^2(\langle\theta_l, X\rangle, \langle\theta_l, Y\rangle)$.

    Example:
      >>> x, y = jnp.zeros((2, 2)), jnp.ones((4, 2))
      >>> float(sliced_mmd2(x, y, jnp.eye(2), kernels.energy()))
      2.0

    Args:
      x: `[n, d]` samples.
      y: `[m, d]` samples.
      directions: `[L, d]` unit vectors.
      kernel: a function of the squared distance.
      unbiased: as in `mmd2`.
      x_weights: `[n]` as in `mmd2`.
      y_weights: `[m]`.

    Returns:
      `[]`, differentiable in `x` and `y`.

    Raises:
      UserError: on wrong shapes or types, or concrete directions that are not of unit length.
    """
    return sliced(_slice_mmd2(kernel, unbiased, (x_weights, y_weights)), x, y, directions)


def msmmd2(
    x: Array,
    y: Array,
    direction: Array,
    step_size: Array | float,
    kernel: Kernel,
    *,
    num_steps: int,
    unbiased: bool = False,
    x_weights: Array | None = None,
    y_weights: Array | None = None,
) -> tuple[Array, Array]:
    r"""Max-sliced MMD²: $\sup_{\|\theta\| = 1} \mathrm{MMD}^2(\langle\theta, X\rangle, \langle\theta, Y\rangle)$.

    Found by ascent on the sphere, see `dstjax.math.slicing.max_sliced`. The direction carries no gradient: by the
    envelope theorem the value's gradient at the maximiser is the gradient at a fixed direction.

    Example:
      >>> x, y = jnp.zeros((2, 2)), jnp.array([[0.0, 5.0]])
      >>> value, direction = msmmd2(x, y, jnp.array([0.6, 0.8]), 0.3, kernels.energy(), num_steps=20)
      >>> float(value) == pytest.approx(10.0, rel=1e-3)
      True

    Args:
      x: `[n, d]` samples.
      y: `[m, d]` samples.
      direction: `[d]` unit vector to start from, or `[R, d]` for `R` restarts.
      step_size: angle of the first step, in radians; traced.
      kernel: a function of the squared distance.
      num_steps: steps of the ascent; 0 gives the sliced distance at the (best) given direction.
      unbiased: as in `mmd2`.
      x_weights: `[n]` as in `mmd2`.
      y_weights: `[m]`.

    Returns:
      The value `[]` and the direction `[d]` it is attained at, a warm start for the next call.

    Raises:
      UserError: on wrong shapes or types, or concrete directions that are not of unit length.
    """
    distance = _slice_mmd2(kernel, unbiased, (x_weights, y_weights))
    return max_sliced(distance, x, y, direction, step_size, num_steps=num_steps)
