"""Constraint rows of MuJoCo's joint limits and contacts at one instant.

Shapes: `V` velocities, `C` rows, of which the last `E` are contacts': one for a contact without friction, four edges of
a pyramid for one with.
"""

from typing import NamedTuple

import jax.numpy as jnp
import mujoco
import numpy as np
from mujoco import mjx

from dstjax.envs.mujoco.colliders import Shape, collide
from dstjax.envs.mujoco.kinematics import ancestry
from dstjax.envs.mujoco.layout import Group, Layout, Softness
from dstjax.types import Array

# Smallest and largest impedance, and smallest length and regularisation, of MuJoCo's solver.
_MIN_IMPEDANCE, _MAX_IMPEDANCE, _MIN_VALUE = mujoco.mjMINIMP, mujoco.mjMAXIMP, mujoco.mjMINVAL


class Rows(NamedTuple):
    """The rows at one instant."""

    jacobian: Array
    """`[C, V]`; zero where a row does not act."""
    stiffness: Array
    """`[C]`"""
    reference: Array
    """`[C]` acceleration that a row asks for."""
    point: Array
    """`[E, 3]` where a contact row pushes (m)."""
    direction: Array
    """`[E, 3]` which way it pushes the second body; longer than 1 with friction."""


def fill(plan: Layout, model: mjx.Model, data: mjx.Data) -> Rows:
    """The rows at the positions and velocities in `data`.

    Args:
      plan: of the model.
      model: whose friction may have been changed since the layout.
      data: after `kinematics`.

    Returns:
      The rows, limits first.
    """
    blocks = [_limit_rows(plan, model, data)] if len(plan.limits.joint) else []
    blocks += [_contact_rows(group, plan.timestep, model, data) for group in plan.groups]
    if not blocks:
        none = jnp.zeros(0, data.qpos.dtype)
        return Rows(jnp.zeros((0, model.nv), data.qpos.dtype), none, none, none.reshape(0, 3), none.reshape(0, 3))
    return Rows(*(jnp.concatenate(column) for column in zip(*blocks, strict=True)))


def _limit_rows(plan: Layout, model: mjx.Model, data: mjx.Data) -> Rows:
    limits = plan.limits
    position = data.qpos[limits.qpos]
    low, high = jnp.asarray(model.jnt_range)[limits.joint].T
    below, above = position - low, high - position
    depth = jnp.minimum(below, above) - limits.softness.margin
    sign = jnp.where(below < above, 1, -1) * (depth < 0)
    jacobian = sign[:, None] * np.eye(model.nv)[limits.dof]
    weight = jnp.asarray(model.dof_invweight0)[limits.dof]
    stiffness, reference = _regularise(limits.softness, plan.timestep, depth, weight, jacobian @ data.qvel)
    none = jnp.zeros((0, 3), position.dtype)
    return Rows(jacobian.astype(position.dtype), stiffness, reference, none, none)


def _contact_rows(group: Group, timestep: float, model: mjx.Model, data: mjx.Data) -> Rows:
    shapes = [Shape(data.geom_xpos[g], data.geom_xmat[g], model.geom_size[g], model.geom_margin[g]) for g in group.geom]
    distance, point, frame = collide(group.collider, *shapes)
    depth = distance - group.softness.margin
    weight = jnp.asarray(model.body_invweight0)[group.body, 0].sum(axis=0)
    direction, softness = frame[:, 0], group.softness
    if group.rubs:
        friction = jnp.maximum(jnp.max(model.geom_friction[group.sources, 0], axis=0), _MIN_VALUE)
        weight = jnp.repeat(weight * (1 + friction**2) * 2 * friction**2 / model.opt.impratio, 4)
        slide = friction[:, None, None] * frame[:, 1:]
        edges = jnp.stack([slide[:, 0], -slide[:, 0], slide[:, 1], -slide[:, 1]], axis=1)
        direction = (direction[:, None] + edges).reshape(-1, 3)
        depth, point = jnp.repeat(depth, 4), jnp.repeat(point, 4, axis=0)
        softness = Softness(*(np.repeat(x, 4, axis=0) for x in softness))
    body1, body2 = np.repeat(group.body, 4 if group.rubs else 1, axis=1)
    jacobian = _apart(model, data, body1, body2, point, direction) * (depth < 0)[:, None]
    stiffness, reference = _regularise(softness, timestep, depth, weight, jacobian @ data.qvel)
    return Rows(jacobian, stiffness, reference, point, direction)


def _apart(
    model: mjx.Model, data: mjx.Data, body1: np.ndarray, body2: np.ndarray, point: Array, direction: Array
) -> Array:
    """`[E, V]` speed at which each point of the second body leaves that of the first, per unit velocity."""
    (_, moves), root = ancestry(model), np.asarray(model.body_rootid)

    def speed(bodies: np.ndarray) -> Array:
        arm = point - data.subtree_com[root[bodies]]
        return jnp.concatenate([jnp.cross(arm, direction), direction], axis=1) @ data.cdof.T

    if not moves[body1].any():
        return speed(body2) * moves[body2]
    if (root[body1] == root[body2]).all():
        return speed(body2) * (moves[body2] - moves[body1])
    return speed(body2) * moves[body2] - speed(body1) * moves[body1]


def _regularise(
    softness: Softness, timestep: float, depth: Array, weight: Array, velocity: Array
) -> tuple[Array, Array]:
    """Stiffness and reference acceleration of rows, from MuJoCo's solver parameters (its manual's "Solver parameters").

    Args:
      softness: of the rows.
      timestep: (s), whose double bounds the time constants from below.
      depth: `[n]` constraint violation, negative where a row acts.
      weight: `[n]` inverse inertia that a row feels at rest.
      velocity: `[n]` of the row.

    Returns:
      `[n]` stiffness and `[n]` reference; rows that do not act ask for nothing.
    """
    low, high, width, middle, power = softness.solimp.T
    low, high, middle = (np.clip(x, _MIN_IMPEDANCE, _MAX_IMPEDANCE) for x in (low, high, middle))
    time, damping = softness.solref.T
    bounded = np.maximum(time, 2 * timestep)
    with np.errstate(divide="ignore"):
        spring = np.where(time <= 0, -time / high**2, 1 / (high * bounded * damping) ** 2)
    damper = np.where(damping <= 0, -damping / high, 2 / (high * bounded))
    inside = jnp.minimum(jnp.abs(depth) / np.maximum(width, _MIN_VALUE), 1)
    power = np.maximum(power, 1)
    rise = inside**power / middle ** (power - 1)
    fall = 1 - (1 - inside) ** power / (1 - middle) ** (power - 1)
    impedance = low + jnp.where(inside < middle, rise, fall) * (high - low)
    stiffness = 1 / jnp.maximum(weight * (1 - impedance) / impedance, _MIN_VALUE)
    reference = -damper * velocity - spring * impedance * depth
    return stiffness.astype(depth.dtype), jnp.where(depth < 0, reference, 0).astype(depth.dtype)


def contact_forces(plan: Layout, model: mjx.Model, data: mjx.Data, rows: Rows, force: Array) -> Array:
    """Net contact force on each body: C MuJoCo's `cfrc_ext` where nothing else acts from outside.

    Args:
      plan: of the model.
      model: for its bodies.
      data: after `kinematics`.
      rows: at this instant.
      force: `[C]` of each row.

    Returns:
      `[bodies, 6]` torque about the centre of mass of the body's tree (N m), force (N).
    """
    push = force[len(force) - len(rows.point) :, None] * rows.direction
    total = jnp.zeros((model.nbody, 6), push.dtype)
    for bodies, sign in zip(plan.contact_bodies, (-1, 1), strict=True):
        arm = rows.point - data.subtree_com[np.asarray(model.body_rootid)[bodies]]
        onto = sign * np.eye(model.nbody)[:, bodies]
        onto[0] = 0  # the world does not move
        total += onto.astype(push.dtype) @ jnp.concatenate([jnp.cross(arm, push), push], axis=1)
    return total
