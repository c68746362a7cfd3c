"""Where two shapes touch, by C MuJoCo's rules for each pair of shapes.

MJX rounds some of these rules: it turns the tangents of a capsule that stands on a plane, and softens the nearest
points of two capsules; the tasks' rewards feel both. Shapes: `k` contacts for a pair, fixed for each function.
"""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp

from dstjax.types import Array


class Shape(NamedTuple):
    """A geometry in the world."""

    position: Array
    """`[3]` centre (m)."""
    axes: Array
    """`[3, 3]` its axes as columns; the third is a capsule's own and a plane's normal."""
    size: Array
    """`[3]` radius and half length (m); nothing for a plane."""
    margin: Array
    """`[]` its share of the distance from which the pair is in contact (m)."""


class Touch(NamedTuple):
    """The contacts of a pair, from the first shape to the second."""

    distance: Array
    """`[k]` (m), negative where the shapes overlap."""
    position: Array
    """`[k, 3]` half way between the surfaces (m)."""
    normal: Array
    """`[k, 3]` unit vectors."""
    tangent: Array
    """`[k, 3]` the direction that the first tangent should take; zero leaves it to the frame's rule."""


def plane_sphere(plane: Shape, sphere: Shape) -> Touch:
    """One contact below the centre.

    Args:
      plane: the plane.
      sphere: the sphere.

    Returns:
      One contact.
    """
    return _plane_point(plane, sphere.position[None], sphere.size[0], jnp.zeros((1, 3), plane.axes.dtype))


def plane_capsule(plane: Shape, capsule: Shape) -> Touch:
    """A contact under each end, tangents along the capsule.

    Args:
      plane: the plane.
      capsule: the capsule.

    Returns:
      Two contacts.
    """
    axis = capsule.axes[:, 2]
    ends = capsule.position + jnp.stack([axis, -axis]) * capsule.size[1]
    return _plane_point(plane, ends, capsule.size[0], jnp.stack([axis, axis]))


def sphere_sphere(first: Shape, second: Shape) -> Touch:
    """One contact on the line between the centres.

    Args:
      first: the first shape.
      second: the second shape.

    Returns:
      One contact.
    """
    return _point_point(first, first.position, second, second.position)


def sphere_capsule(sphere: Shape, capsule: Shape) -> Touch:
    """One contact, with the point of the capsule's axis nearest to the centre.

    Args:
      sphere: the sphere.
      capsule: the capsule.

    Returns:
      One contact.
    """
    axis, half = capsule.axes[:, 2], capsule.size[1]
    along = jnp.clip(axis @ (sphere.position - capsule.position), -half, half)
    return _point_point(sphere, sphere.position, capsule, capsule.position + along * axis)


def capsule_capsule(first: Shape, second: Shape) -> Touch:
    """One contact, of the nearest points of the axes. C MuJoCo has two where these are parallel to 1e-6 rad.

    Args:
      first: the first shape.
      second: the second shape.

    Returns:
      One contact.
    """
    axis1, axis2 = first.axes[:, 2] * first.size[1], second.axes[:, 2] * second.size[1]
    offset = first.position - second.position
    square1, cross, square2 = axis1 @ axis1, axis1 @ axis2, axis2 @ axis2
    slope1, slope2 = -(axis1 @ offset), axis2 @ offset
    determinant = square1 * square2 - cross**2
    flat = determinant < _tiny(determinant)
    along1 = jnp.where(flat, 0, (square2 * slope1 + cross * slope2) / jnp.where(flat, 1, determinant))
    along1 = jnp.clip(along1, -1, 1)
    # Each clipped coordinate is followed by the best other one: the minimum of a convex quadratic over the square.
    along2 = jnp.clip((slope2 + cross * along1) / square2, -1, 1)
    along1 = jnp.clip((slope1 + cross * along2) / square1, -1, 1)
    return _point_point(first, first.position + along1 * axis1, second, second.position + along2 * axis2)


def frames(touch: Touch) -> Array:
    """Contact frames by C MuJoCo's rule: the tangent asked for, or the world's y axis, or z where y is near the normal.

    Args:
      touch: of `k` contacts.

    Returns:
      `[k, 3, 3]` with the rows normal, first tangent, second tangent.
    """
    normal = touch.normal
    sideways = jnp.abs(normal[:, 1:2]) < 0.5
    usual = jnp.where(sideways, jnp.array([0.0, 1.0, 0.0]), jnp.array([0.0, 0.0, 1.0])).astype(normal.dtype)
    asked = jnp.sum(touch.tangent**2, axis=-1, keepdims=True) >= 0.25
    tangent = jnp.where(asked, touch.tangent, usual)
    tangent = tangent - jnp.sum(normal * tangent, axis=-1, keepdims=True) * normal
    tangent, _ = _unit(tangent, jnp.array([1.0, 0.0, 0.0]))
    return jnp.stack([normal, tangent, jnp.cross(normal, tangent)], axis=1)


def _plane_point(plane: Shape, points: Array, radius: Array, tangent: Array) -> Touch:
    normal = plane.axes[:, 2]
    distance = (points - plane.position) @ normal - radius
    position = points - (0.5 * distance + radius)[:, None] * normal
    return Touch(distance, position, jnp.broadcast_to(normal, points.shape), tangent)


def _point_point(first: Shape, point1: Array, second: Shape, point2: Array) -> Touch:
    """Balls around two points; coinciding points are parted along the cross product of the shapes' axes."""
    fallback, _ = _unit(jnp.cross(first.axes[:, 2], second.axes[:, 2]), jnp.array([1.0, 0.0, 0.0]))
    normal, length = _unit(point2 - point1, fallback)
    distance = length[0] - first.size[0] - second.size[0]
    position = point1 + (first.size[0] + 0.5 * distance) * normal
    return Touch(distance[None], position[None], normal[None], jnp.zeros((1, 3), normal.dtype))


def _unit(vector: Array, fallback: Array) -> tuple[Array, Array]:
    """`[..., 3]` scaled to length 1, or the fallback where it has none, and its length `[..., 1]`."""
    square = jnp.sum(vector**2, axis=-1, keepdims=True)
    short = square < _tiny(square) ** 2
    length = jnp.sqrt(jnp.where(short, 1, square))
    return jnp.where(short, fallback.astype(vector.dtype), vector / length), jnp.where(short, 0, length)


def _tiny(like: Array) -> float:
    """C MuJoCo's smallest length, 1e-15 in double precision, and as many units of rounding in single precision."""
    return 4.5 * float(jnp.finfo(like.dtype).eps)


Collider = Callable[[Shape, Shape], Touch]


def collide(collider: Collider, first: Shape, second: Shape) -> tuple[Array, Array, Array]:
    """The contacts of `n` pairs of the same two types.

    Args:
      collider: for these types.
      first: `n` stacked shapes.
      second: `n` stacked shapes.

    Returns:
      `[n k]` distances, `[n k, 3]` positions and `[n k, 3, 3]` frames, pair by pair.
    """

    def pair(one: Shape, other: Shape) -> tuple[Array, Array, Array]:
        touch = collider(one, other)
        return touch.distance, touch.position, frames(touch)

    return jax.tree.map(lambda x: x.reshape(-1, *x.shape[2:]), jax.vmap(pair)(first, second))
