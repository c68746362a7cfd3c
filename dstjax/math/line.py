"""Distances between weighted samples on the line, where sorting does the work."""

import jax
import jax.numpy as jnp
from jax import lax

from dstjax.math.checks import check_line, check_same_dtype, check_shape
from dstjax.types import Array


def normalized(weights: Array | None, samples: Array, name: str = "weights") -> Array:
    """Weights of a sample set that sum to one; uniform where none are given.

    Example:
      >>> normalized(None, jnp.ones((4, 2)))
      Array([0.25, 0.25, 0.25, 0.25], dtype=float32)

    Args:
      weights: `[n]`, non-negative, or None.
      samples: `[n, ...]`.
      name: what an error calls the weights.

    Returns:
      `[n]`, without gradient.

    Raises:
      UserError: if there is not one weight for each sample.
    """
    n = samples.shape[0]
    if weights is None:
        return jnp.full(n, 1.0 / n, samples.dtype)
    check_shape(name, weights, (n,))
    return lax.stop_gradient(weights / jnp.sum(weights)).astype(samples.dtype)


@jax.custom_jvp
def absolute_sum(points: Array, masses: Array) -> Array:
    r"""All pairs' weighted distance $\sum_{ij} s_i s_j |z_i - z_j|$ on the line, in O(n log n) by sorting.

    With the cumulated mass `C` of the sorted points and the total `T`, it is $2 \int C (T - C)\,\mathrm{d}z$.

    Example:
      >>> float(absolute_sum(jnp.array([0.0, 3.0]), jnp.array([1.0, 1.0])))
      6.0

    Args:
      points: `[n]`.
      masses: `[n]`, of any sign; they carry no gradient.

    Returns:
      `[]`. Points that coincide pull each other with no force: the gradient takes the sign of 0 as 0.
    """
    order = jnp.argsort(points)
    mass = jnp.cumsum(masses[order])
    return 2.0 * jnp.sum(mass[:-1] * (mass[-1] - mass[:-1]) * jnp.diff(points[order]))


@absolute_sum.defjvp
def _absolute_sum_jvp(primals: tuple[Array, Array], tangents: tuple[Array, Array]) -> tuple[Array, Array]:
    points, masses = primals
    order = jnp.argsort(points)
    ordered = points[order]
    mass = jnp.concatenate([jnp.zeros(1, masses.dtype), jnp.cumsum(masses[order])])
    # Differentiating the sorted sum itself would break ties by the order of the input.
    below = mass[jnp.searchsorted(ordered, points, side="left")]
    up_to = mass[jnp.searchsorted(ordered, points, side="right")]
    slope = 2.0 * masses * (below + up_to - mass[-1])
    return absolute_sum(points, masses), jnp.sum(slope * tangents[0])


def cramer2(u: Array, v: Array, *, u_weights: Array | None = None, v_weights: Array | None = None) -> Array:
    r"""Squared Cramér distance $\int (F_u - F_v)^2$: half the energy distance (Székely & Rizzo, 2013).

    Example:
      >>> float(cramer2(jnp.array([0.0]), jnp.array([3.0])))
      3.0

    Args:
      u: `[n]` samples.
      v: `[m]` samples.
      u_weights: `[n]` non-negative weights, by default equal; they carry no gradient.
      v_weights: `[m]`.

    Returns:
      `[]`, in the unit of the samples.

    Raises:
      UserError: on a wrong rank, an empty set, an integer type.
    """
    check_line("u", u)
    check_line("v", v)
    check_same_dtype("v", v, u)
    masses = jnp.concatenate([normalized(u_weights, u, "u_weights"), -normalized(v_weights, v, "v_weights")])
    return -0.5 * absolute_sum(jnp.concatenate([u, v]), masses)


def wasserstein(
    u: Array, v: Array, *, order: int = 1, u_weights: Array | None = None, v_weights: Array | None = None
) -> Array:
    r"""Wasserstein distance to its own power, $W_p^p = \int_0^1 |F_u^{-1}(q) - F_v^{-1}(q)|^p\,\mathrm{d}q$.

    Example:
      >>> float(wasserstein(jnp.array([0.0, 1.0]), jnp.array([4.0, 3.0]), order=2))
      9.0

    Args:
      u: `[n]` samples.
      v: `[m]` samples.
      order: `p >= 1`.
      u_weights: `[n]` non-negative weights, by default equal; they carry no gradient.
      v_weights: `[m]`.

    Returns:
      `[]`, in the `p`-th power of the samples' unit.

    Raises:
      UserError: on a wrong rank, an empty set, an integer type.
    """
    check_line("u", u)
    check_line("v", v)
    check_same_dtype("v", v, u)
    if u_weights is None and v_weights is None and u.shape == v.shape:
        return jnp.mean(_size(jnp.sort(u) - jnp.sort(v)) ** order)
    u_order, v_order = jnp.argsort(u), jnp.argsort(v)
    u_levels = jnp.cumsum(normalized(u_weights, u, "u_weights")[u_order])
    v_levels = jnp.cumsum(normalized(v_weights, v, "v_weights")[v_order])
    # Both quantile functions are constant between neighbouring levels of either.
    levels = jnp.sort(jnp.concatenate([u_levels, v_levels]))
    u_at = u[u_order][jnp.minimum(jnp.searchsorted(u_levels, levels), u.size - 1)]
    v_at = v[v_order][jnp.minimum(jnp.searchsorted(v_levels, levels), v.size - 1)]
    return jnp.sum(jnp.diff(levels, prepend=0.0) * _size(u_at - v_at) ** order)


def _size(gap: Array) -> Array:
    # The gradient of jnp.abs at 0 is 1; points that coincide must not pull each other.
    return gap * lax.stop_gradient(jnp.sign(gap))
