"""Contacts of a capsule and a cylinder, as C MuJoCo's convex collider finds them once it has converged.

C MuJoCo iterates: it searches for the nearest points of the capsule's axis and the cylinder in space, and where the
axis enters the cylinder it grows a polytope until that shows the shortest way out. Here both are exact to rounding. C's
distance is stationary in the normal: with its tolerance at `t`, its normals are off by about `sqrt(t / size)`, and
positions and forces with them.

Shapes are taken into the cylinder's frame, whose third axis is the cylinder's own.
"""

import jax.numpy as jnp
import numpy as np

from dstjax.envs.mujoco.colliders import Shape, Touch
from dstjax.envs.mujoco.kinematics import apply
from dstjax.envs.mujoco.ways import Pair, Way, length, shortest_way
from dstjax.types import Array

_FLAT = 0.0888  # C MuJoCo: sine of the slope up to which a capsule lies flat on a cap
_FAR = 1.0  # metre; no contact
_SIDES = 16  # of the polygon that C MuJoCo takes a cap for then


def capsule_cylinder(capsule: Shape, cylinder: Shape) -> Touch:
    """One contact, at the nearest points, or two where the capsule lies on a cap: at the ends of what lies on it.

    Args:
      capsule: the capsule.
      cylinder: the cylinder.

    Returns:
      Two contacts, of which the second is far apart where there is but one.
    """
    pair = Pair(
        apply(cylinder.axes.T, capsule.position - cylinder.position),
        apply(cylinder.axes.T, capsule.axes[:, 2]) * capsule.size[1],
        capsule.size[0],
        cylinder.size[0],
        cylinder.size[1],
    )
    way = shortest_way(pair)
    distance = way.gap - pair.thickness
    one = way.point - 0.5 * (way.gap + pair.thickness) * way.outward
    ends, distances, count = _on_cap(pair, way, 0.5 * (capsule.margin + cylinder.margin))
    cap = jnp.array([0.0, 0.0, 1.0], one.dtype) * jnp.sign(way.outward[2])
    normal = -jnp.where(count > 0, cap, way.outward)
    return Touch(
        jnp.where(jnp.arange(2) < jnp.maximum(count, 1), jnp.where(count > 0, distances, distance), _FAR),
        cylinder.position + apply(cylinder.axes, jnp.where(count > 0, ends, one)),
        jnp.broadcast_to(apply(cylinder.axes, normal), (2, 3)),
        jnp.zeros((2, 3), normal.dtype),
    )


def _on_cap(pair: Pair, way: Way, margin: Array) -> tuple[Array, Array, Array]:
    """The ends of the part of a capsule that lies on a cap.

    C MuJoCo's rule: of a nearly level capsule, not touched at the side, the line nearest to the cylinder is cut where
    it leaves a regular polygon in the cap.

    Args:
      pair: the shapes.
      way: between them.
      margin: `[]` by which C MuJoCo thickens each shape in its search (m).

    Returns:
      `[2, 3]` contacts' positions, `[2]` distances, and `[]` how many there are. Where one end is too high above the
      cap, C MuJoCo has the other twice if the polygon cut it off, and else once.
    """
    sign, along = jnp.sign(way.outward[2]), pair.half / length(pair.half)
    below = (pair.thickness + margin) * (way.outward - (way.outward @ along) * along)
    middle = pair.centre - below
    angle = np.pi / _SIDES * (2 * np.arange(_SIDES) + 1)
    sides = jnp.asarray(np.stack([np.cos(angle), np.sin(angle)], axis=1), middle.dtype)
    room = pair.radius * np.cos(np.pi / _SIDES) - sides @ middle[:2]
    rate = sides @ pair.half[:2]
    cut = room / jnp.where(rate == 0, 1, rate)
    low = jnp.maximum(jnp.max(jnp.where(rate < 0, cut, -1)), -1)
    high = jnp.minimum(jnp.min(jnp.where(rate > 0, cut, 1)), 1)
    hits = (low <= high) & jnp.all((rate != 0) | (room >= 0))
    ends = middle + jnp.stack([low, high])[:, None] * pair.half
    over = sign * ends[:, 2] - pair.height
    lies = hits & (sign != 0) & (jnp.abs(along[2]) < _FLAT) & (over <= margin)
    which = jnp.where(lies, jnp.arange(2), jnp.arange(2)[::-1])
    cut_off = jnp.stack([low > -1, high < 1])
    count = jnp.where(lies.any(), jnp.where(lies.all() | cut_off[which[0]], 2, 1), 0)
    surface = jnp.full_like(over, sign * (pair.height + margin))
    position = ends.at[:, 2].set(0.5 * (ends[:, 2] + surface))
    return position[which], (over + margin)[which], count
