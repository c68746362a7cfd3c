"""The shortest way between the axis of a capsule and a cylinder, or out of it, exact to rounding.

Closed forms but for searches over one number, by halving.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from dstjax.types import Array

_QUARTER = np.linspace(0, np.pi / 2, 9)  # angles between which a minimum is sought


class Pair(NamedTuple):
    """The two shapes in the cylinder's frame."""

    centre: Array
    """`[3]` of the capsule (m)."""
    half: Array
    """`[3]` from there to the end of its axis (m)."""
    thickness: Array
    """`[]` radius of the capsule (m)."""
    radius: Array
    """`[]` of the cylinder (m)."""
    height: Array
    """`[]` half the cylinder's (m)."""


class Way(NamedTuple):
    """The shortest way between axis and cylinder; several of them with a leading axis."""

    gap: Array
    """`[]` its length (m), negative where the axis is inside."""
    point: Array
    """`[3]` where on the axis it starts."""
    outward: Array
    """`[3]` unit vector from the cylinder to the axis, or where the axis is inside, out of the cylinder."""


def shortest_way(pair: Pair) -> Way:
    """Between the nearest points, or out of the cylinder where the axis enters it.

    Args:
      pair: the shapes.

    Returns:
      The way.
    """
    outside, inside = _outside(pair), _inside(pair)
    apart = outside.gap > 100 * jnp.finfo(pair.centre.dtype).eps * pair.height
    return jax.tree.map(lambda one, other: jnp.where(apart, one, other), outside, inside)


def _outside(pair: Pair) -> Way:
    """From the nearest points; of no use where the axis enters the cylinder."""

    def offset(along: Array) -> Array:
        """From the cylinder to a point of the axis."""
        point = pair.centre + along * pair.half
        outside = jnp.maximum(1 - pair.radius / length(point[:2]), 0) * point[:2]
        return jnp.append(outside, point[2] - jnp.clip(point[2], -pair.height, pair.height))

    def halve(_: int, ends: tuple[Array, Array]) -> tuple[Array, Array]:
        """The squared distance is convex along the axis: its slope tells on which side its minimum lies."""
        low, high = ends
        middle = 0.5 * (low + high)
        rising = offset(middle) @ pair.half > 0
        return jnp.where(rising, low, middle), jnp.where(rising, middle, high)

    one = jnp.ones((), pair.centre.dtype)
    low, high = jax.lax.fori_loop(0, _halvings(one), halve, (-one, one))
    along = 0.5 * (low + high)
    away = offset(along)
    gap = length(away)
    return Way(gap, pair.centre + along * pair.half, away / gap)


def _inside(pair: Pair) -> Way:
    """Of all ways out the shortest: through a cap, through the side, or past a rim at right angles to the axis.

    Along a unit vector m the axis is out after `R |m_xy| + H |m_z| + |m . half| - m . centre`; any m bounds the depth.
    Other m than these meet the boundary of the shapes' Minkowski sum in a convex edge, where no minimum can be.
    """
    cap = jnp.array([0.0, 0.0, 1.0], pair.centre.dtype) * jnp.where(pair.centre[2] < 0, -1.0, 1.0)
    through_cap = pair.centre - jnp.sign(cap @ pair.half) * pair.half
    across, flat = pair.half[:2], pair.centre[:2]
    along = jnp.clip(-(flat @ across) / length(across) ** 2, -1, 1)
    through_side = pair.centre + along * pair.half
    sideways = through_side[:2]
    side = jnp.append(sideways / length(sideways), 0.0)
    rims, past_rims = _past_rims(pair)
    outward = jnp.concatenate([jnp.stack([cap, side]), rims])
    point = jnp.concatenate([jnp.stack([through_cap, through_side]), past_rims])
    depth = jax.vmap(lambda m: _depth(pair, m))(outward)
    # A quarter without a minimum ends at the cap or at the side, which know the point: they come first.
    late = 100 * jnp.finfo(depth.dtype).eps * pair.height
    best = jnp.argmin(depth + late * np.array([0, 0, 1, 1, 1, 1]))
    return Way(-depth[best], point[best], outward[best])


def _past_rims(pair: Pair) -> tuple[Array, Array]:
    """`[4, 3]` the best directions across the axis in each quarter turn, and `[4, 3]` the axis' points that they need.

    Across the axis the cylinder looks like a rectangle with half ellipses at its ends. A quarter turn starts or ends at
    the side, where the depth has a kink, and at a half ellipse's farthest point. Of its minima within, at most the
    one that looks best on a grid is wanted; a quarter that has none ends in a direction that does no harm.
    """
    along = pair.half / length(pair.half)
    level = jnp.array([-along[1], along[0], 0.0])
    level = jnp.where(length(level) > 1e-6, level / length(level), jnp.array([1.0, 0.0, 0.0]))
    plane = jnp.stack([level, jnp.cross(along, level)])  # [2, 3]
    angles = _QUARTER + np.pi / 2 * np.arange(4)[:, None]
    # Equal steps along the ellipse, whose normal turns fast at the ends where it is flat.
    turns = _unit(jnp.stack([jnp.maximum(jnp.abs(along[2]), 1e-3) * np.cos(angles), np.sin(angles)], axis=-1))
    upper = jnp.sign(plane[1, 2]) * np.array([1.0, 1.0, -1.0, -1.0])  # the sign of m_z in each quarter

    def rim(outward: Array) -> Array:
        """`[4, ..., 3]` directions -> the cylinder's outermost points."""
        height = (upper * pair.height).reshape(4, *[1] * (outward.ndim - 1))
        flat = pair.radius * _unit(outward[..., :2])
        return jnp.concatenate([flat, jnp.broadcast_to(height, (*flat.shape[:-1], 1))], axis=-1)

    def slope(turn: Array) -> Array:
        """`[4, ...]` derivative of the depth by the angle."""
        ahead = jnp.stack([-turn[..., 1], turn[..., 0]], axis=-1) @ plane
        return jnp.sum(ahead * (rim(turn @ plane) - pair.centre), axis=-1)

    def halve(_: int, ends: tuple[Array, Array]) -> tuple[Array, Array]:
        low, high = ends
        middle = _unit(low + high)
        rising = (slope(middle) > 0)[:, None]
        return jnp.where(rising, low, middle), jnp.where(rising, middle, high)

    value = jax.vmap(jax.vmap(lambda turn: _depth(pair, turn @ plane)))(turns)
    rises = slope(turns) > 0
    holds = ~rises[:, :-1] & rises[:, 1:]
    best = jnp.argmin(jnp.where(holds, jnp.minimum(value[:, :-1], value[:, 1:]), jnp.inf), axis=1)
    ends = turns[np.arange(4), best], turns[np.arange(4), best + 1]
    low, _ = jax.lax.fori_loop(0, _halvings(turns), halve, ends)
    outward = low @ plane
    depth = jax.vmap(lambda m: _depth(pair, m))(outward)
    return outward, rim(outward) - depth[:, None] * outward


def _depth(pair: Pair, outward: Array) -> Array:
    """`[]` how far the axis must go along a unit vector to leave the cylinder."""
    reach = pair.radius * length(outward[:2]) + pair.height * jnp.abs(outward[2])
    return reach + jnp.abs(outward @ pair.half) - outward @ pair.centre


def _unit(vector: Array) -> Array:
    """`[..., n]` each scaled to length 1."""
    return vector / jnp.sqrt(jnp.maximum(jnp.sum(vector**2, axis=-1, keepdims=True), jnp.finfo(vector.dtype).tiny))


def length(vector: Array) -> Array:
    """Never 0, so that it can divide.

    Args:
      vector: `[n]`

    Returns:
      `[]`
    """
    return jnp.sqrt(jnp.maximum(jnp.sum(vector**2), jnp.finfo(vector.dtype).tiny))


def _halvings(like: Array) -> int:
    """After which an interval of 2 is as narrow as numbers can be."""
    return int(jnp.finfo(like.dtype).nmant) + 2
