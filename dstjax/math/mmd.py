"""Maximum mean discrepancies between two sample sets: plain, sliced and max-sliced."""

import jax
import jax.numpy as jnp
from jax import lax

from dstjax.math.checks import check_samples
from dstjax.math.slicing import max_sliced, sliced
from dstjax.types import Array, Kernel


def squared_distances(x: Array, y: Array) -> Array:
    """Squared Euclidean distances of all pairs, `[n, d], [m, d] -> [n, m]`.

    By differences: the expansion `|x|² + |y|² - 2 x·y` cancels for close points.
    """
    return jnp.square(x[:, None, :] - y[None, :, :]).sum(-1)


def mmd2(x: Array, y: Array, kernel: Kernel, *, unbiased: bool = False) -> Array:
    r"""Squared maximum mean discrepancy (Gretton et al., JMLR 2012).

    $\mathrm{MMD}^2 = \overline{k(x, x')} + \overline{k(y, y')} - 2\,\overline{k(x, y)}$. The means over pairs of one
    set include the pairs of a point with itself in the biased V-statistic (never negative) and leave them out in the
    unbiased U-statistic.

    Args:
      x: `[n, d]` samples.
      y: `[m, d]` samples.
      kernel: a function of the squared distance, from `dstjax.math.kernels`.
      unbiased: whether to compute the U-statistic, which needs `n, m >= 2`.

    Returns:
      `[]` the squared discrepancy. Differentiable in `x`, `y` and the bandwidth, also where points coincide.

    Raises:
      UserError: on a wrong rank, an empty set, unequal dimensions, an integer type.
    """
    check_samples("x", x)
    check_samples("y", y, x.shape[1])
    return _mean(x, kernel, unbiased) + _mean(y, kernel, unbiased) - 2 * kernel(squared_distances(x, y)).mean()


def _mean(x: Array, kernel: Kernel, unbiased: bool) -> Array:
    pairs = kernel(squared_distances(x, x))
    n = x.shape[0]
    if not unbiased:
        return pairs.mean()
    return (pairs.sum() - jnp.trace(pairs)) / (n * (n - 1))


def sliced_mmd2(x: Array, y: Array, directions: Array, kernel: Kernel, *, unbiased: bool = False) -> Array:
    r"""Sliced MMD²: $\frac1L \sum_l \mathrm{MMD}^2(\langle\theta_l, X\rangle, \langle\theta_l, Y\rangle)$.

    Args:
      x: `[n, d]` samples.
      y: `[m, d]` samples.
      directions: `[L, d]` unit vectors.
      kernel: a function of the squared distance.
      unbiased: as in `mmd2`.

    Returns:
      `[]`, differentiable in `x` and `y`.

    Raises:
      UserError: on wrong shapes or types, or concrete directions that are not of unit length.
    """
    return sliced(lambda u, v: mmd2(u[:, None], v[:, None], kernel, unbiased=unbiased), x, y, directions)


def msmmd2(
    x: Array,
    y: Array,
    direction: Array,
    step_size: Array | float,
    kernel: Kernel,
    *,
    num_steps: int,
    unbiased: bool = False,
) -> tuple[Array, Array]:
    r"""Max-sliced MMD²: $\sup_{\|\theta\| = 1} \mathrm{MMD}^2(\langle\theta, X\rangle, \langle\theta, Y\rangle)$.

    Found by ascent on the sphere, see `dstjax.math.slicing.max_sliced`.

    The direction found carries no gradient: by the envelope theorem the value's gradient at the maximiser is the
    gradient at a fixed direction.

    Args:
      x: `[n, d]` samples.
      y: `[m, d]` samples.
      direction: `[d]` unit vector to start from, or `[R, d]` for `R` restarts.
      step_size: angle of the first step, in radians; traced.
      kernel: a function of the squared distance.
      num_steps: steps of the ascent; 0 gives the sliced distance at the (best) given direction.
      unbiased: as in `mmd2`.

    Returns:
      The value `[]` and the direction `[d]` it is attained at, a warm start for the next call.

    Raises:
      UserError: on wrong shapes or types, or concrete directions that are not of unit length.
    """

    def distance(u: Array, v: Array) -> Array:
        return mmd2(u[:, None], v[:, None], kernel, unbiased=unbiased)

    return max_sliced(distance, x, y, direction, step_size, num_steps=num_steps)


def mean_direction(x: Array, y: Array, key: Array) -> Array:
    """Unit vector along the difference of the means: a warm start for the max-sliced distances.

    Args:
      x: `[n, d]` samples.
      y: `[m, d]` samples.
      key: consumed; gives a uniformly random direction where the means agree to rounding.

    Returns:
      `[d]` a unit vector without gradient.
    """
    x, y = lax.stop_gradient((x, y))
    gap = x.mean(0) - y.mean(0)
    scale = jnp.maximum(jnp.abs(x).max(), jnp.abs(y).max())
    noise = jax.random.normal(key, gap.shape, gap.dtype)
    usable = jnp.abs(gap).max() > 8 * jnp.finfo(gap.dtype).eps * scale
    chosen = jnp.where(usable, gap / jnp.where(usable, jnp.abs(gap).max(), 1.0), noise)
    return chosen / jnp.linalg.norm(chosen)
