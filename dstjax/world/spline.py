"""Monotone rational-quadratic splines (Durkan et al., 2019): smooth bijections of the line that can bend a mode in two.

`K` bins within `[-_BOUND, _BOUND]`, the identity beyond. All functions take arrays of any shape, elementwise.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from dstjax.types import Array

_BOUND = 4.0
_MIN_SHARE, _MIN_SLOPE = 1e-3, 1e-3


class Spline(NamedTuple):
    """Knots of one spline per element; no width, height or slope vanishes."""

    x: Array
    """`[..., K + 1]` increasing, from `-_BOUND` to `_BOUND`."""
    y: Array
    """`[..., K + 1]` likewise."""
    slope: Array
    """`[..., K + 1]` positive, 1 at both ends."""


def num_parameters(bins: int) -> int:
    """Free numbers of a spline.

    Args:
      bins: `K`.

    Returns:
      Their number.
    """
    return 3 * bins - 1


def spline(raw: Array) -> Spline:
    """The spline of unconstrained numbers; zeros give the identity.

    Args:
      raw: `[..., 3 K - 1]`.

    Returns:
      The knots.
    """
    bins = (raw.shape[-1] + 1) // 3
    shares = [
        _MIN_SHARE + (1 - _MIN_SHARE * bins) * jax.nn.softmax(part)
        for part in jnp.split(raw[..., : 2 * bins], 2, axis=-1)
    ]
    slope = _MIN_SLOPE + jax.nn.softplus(raw[..., 2 * bins :] + jnp.log(jnp.expm1(1 - _MIN_SLOPE)))
    return Spline(_knots(shares[0]), _knots(shares[1]), _with_ends(slope, 1.0, 1.0))


def apply_spline(spline: Spline, x: Array) -> tuple[Array, Array]:
    """The spline's value and the logarithm of its slope.

    Args:
      spline: one per element.
      x: `[...]`

    Returns:
      `[...]` each.
    """
    inside = jnp.abs(x) < _BOUND
    x0, width, y0, height, left, right = _bin(spline, spline.x, jnp.where(inside, x, 0.0))
    place, mean = (jnp.where(inside, x, 0.0) - x0) / width, height / width
    mixed = place * (1 - place)
    bottom = mean + (left + right - 2 * mean) * mixed
    value = y0 + height * (mean * place**2 + left * mixed) / bottom
    top = right * place**2 + 2 * mean * mixed + left * (1 - place) ** 2
    log_slope = 2 * jnp.log(mean / bottom) + jnp.log(top)
    return jnp.where(inside, value, x), jnp.where(inside, log_slope, 0.0)


def invert_spline(spline: Spline, y: Array) -> Array:
    """The number whose value is `y`: the root of a quadratic.

    Args:
      spline: one per element.
      y: `[...]`

    Returns:
      `[...]`
    """
    inside = jnp.abs(y) < _BOUND
    x0, width, y0, height, left, right = _bin(spline, spline.y, jnp.where(inside, y, 0.0))
    rise, mean = jnp.where(inside, y, 0.0) - y0, height / width
    bend = rise * (left + right - 2 * mean)
    a, b, c = height * (mean - left) + bend, height * left - bend, -mean * rise
    place = 2 * c / (-b - jnp.sqrt(jnp.maximum(b**2 - 4 * a * c, 1e-12)))
    return jnp.where(inside, x0 + width * place, y)


def _knots(shares: Array) -> Array:
    inner = _BOUND * (2 * jnp.cumsum(shares, axis=-1)[..., :-1] - 1)
    return _with_ends(inner, -_BOUND, _BOUND)


def _with_ends(inner: Array, first: float, last: float) -> Array:
    """`[..., K - 1]` to `[..., K + 1]`."""
    end = jnp.ones_like(inner[..., :1])
    return jnp.concatenate([first * end, inner, last * end], axis=-1)


def _bin(spline: Spline, knots: Array, x: Array) -> tuple[Array, ...]:
    """Of the bin that holds `x`: its left knot's place, width, value, its height, and the slopes at its ends."""
    index = jnp.sum(x[..., None] >= knots[..., 1:-1], axis=-1)
    # A sum over few bins is faster than a gather, and so is its derivative.
    chosen = jax.nn.one_hot(index, knots.shape[-1] - 1, dtype=x.dtype)

    def pick(values: Array) -> Array:
        return jnp.sum(chosen * values, axis=-1)

    x0, y0, left = (pick(values[..., :-1]) for values in spline)
    x1, y1, right = (pick(values[..., 1:]) for values in spline)
    return x0, x1 - x0, y0, y1 - y0, left, right
