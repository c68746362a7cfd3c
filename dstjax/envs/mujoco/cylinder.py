"""Contacts of a capsule and a cylinder, as C MuJoCo's general convex collider finds them once it has converged.

C MuJoCo searches for the nearest points of the capsule's axis and the cylinder in space; here the search is along the
axis, by halving. Where the capsule's axis enters the cylinder, C MuJoCo's answer is another algorithm's, and ours an
approximation.
"""

import jax
import jax.numpy as jnp

from dstjax.envs.mujoco.colliders import Shape, Touch
from dstjax.envs.mujoco.kinematics import apply
from dstjax.types import Array


def capsule_cylinder(capsule: Shape, cylinder: Shape) -> Touch:
    """One contact, of the nearest points of the capsule's axis and the cylinder.

    Args:
      capsule: the capsule.
      cylinder: the cylinder.

    Returns:
      One contact.
    """
    distance, position, normal = _nearest(capsule, cylinder)
    return Touch(distance[None], position[None], normal[None], jnp.zeros((1, 3), normal.dtype))


def _nearest(capsule: Shape, cylinder: Shape) -> tuple[Array, Array, Array]:
    """Signed distance `[]`, point half way `[3]` and normal `[3]` of the nearest points."""
    centre = apply(cylinder.axes.T, capsule.position - cylinder.position)
    half = apply(cylinder.axes.T, capsule.axes[:, 2]) * capsule.size[1]
    radius, height = cylinder.size[0], cylinder.size[1]

    def offset(along: Array) -> Array:
        """From the cylinder to a point of the axis."""
        point = centre + along * half
        flat = jnp.sqrt(jnp.maximum(jnp.sum(point[:2] ** 2), jnp.finfo(point.dtype).tiny))
        outside = jnp.maximum(1 - radius / flat, 0) * point[:2]
        return jnp.append(outside, point[2] - jnp.clip(point[2], -height, height))

    def halve(_: int, ends: tuple[Array, Array]) -> tuple[Array, Array]:
        """The squared distance is convex along the axis: its slope tells on which side its minimum lies."""
        low, high = ends
        middle = 0.5 * (low + high)
        rising = offset(middle) @ half > 0
        return jnp.where(rising, low, middle), jnp.where(rising, middle, high)

    one = jnp.ones((), centre.dtype)
    steps = jnp.finfo(centre.dtype).nmant + 2
    low, high = jax.lax.fori_loop(0, steps, halve, (-one, one))
    along = 0.5 * (low + high)
    point, away = centre + along * half, offset(along)
    square = away @ away
    apart = square > 1e-20
    length = jnp.sqrt(jnp.where(apart, square, 1))
    inward, depth = _way_out(point, radius, height)
    gap = jnp.where(apart, length, -depth)
    normal = jnp.where(apart, -away / length, inward)
    position = point + (capsule.size[0] + 0.5 * (gap - capsule.size[0])) * normal
    return gap - capsule.size[0], cylinder.position + apply(cylinder.axes, position), apply(cylinder.axes, normal)


def _way_out(point: Array, radius: Array, height: Array) -> tuple[Array, Array]:
    """Of a point inside: `[3]` the direction away from the nearest surface, and `[]` the depth."""
    flat = jnp.sqrt(jnp.maximum(jnp.sum(point[:2] ** 2), jnp.finfo(point.dtype).tiny))
    side, cap = radius - flat, height - jnp.abs(point[2])
    round_way = jnp.append(-point[:2] / flat, 0.0)
    flat_way = jnp.array([0.0, 0.0, 1.0]) * jnp.where(point[2] < 0, 1.0, -1.0)
    return jnp.where(side < cap, round_way, flat_way).astype(point.dtype), jnp.minimum(side, cap)
