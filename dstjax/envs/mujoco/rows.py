"""Constraint rows of MuJoCo's joint limits and contacts, laid out once for a model and filled in at every instant.

What a model fixes (which shapes may touch, whose joints move them, how stiff a row is) is kept in NumPy arrays, so that
a program holds only what varies. Shapes: `V` velocities, `C` rows, of which the last `E` are contacts': one for a
contact without friction, four edges of a pyramid for one with.
"""

import dataclasses
from typing import NamedTuple

import jax.numpy as jnp
import mujoco
import numpy as np
from mujoco import mjx
from mujoco.mjx._src.collision_driver import geom_pairs

from dstjax.envs.mujoco.colliders import COLLIDERS, Collider, Shape, collide
from dstjax.envs.mujoco.kinematics import ancestry
from dstjax.errors import UserError
from dstjax.types import Array

# Smallest and largest impedance, and smallest length and regularisation, of MuJoCo's solver.
_MIN_IMPEDANCE, _MAX_IMPEDANCE, _MIN_VALUE = mujoco.mjMINIMP, mujoco.mjMAXIMP, mujoco.mjMINVAL


class Softness(NamedTuple):
    """How rows give way; NumPy arrays, one entry a row."""

    solref: np.ndarray
    """`[n, 2]`"""
    solimp: np.ndarray
    """`[n, 5]`"""
    margin: np.ndarray
    """`[n]` distance from which a row acts (m or rad)."""


class Limits(NamedTuple):
    """Limited hinges and slides."""

    joint: np.ndarray
    """`[n]`"""
    qpos: np.ndarray
    """`[n]` index of the position."""
    dof: np.ndarray
    """`[n]` index of the velocity."""
    softness: Softness


class Group(NamedTuple):
    """Pairs of the same two shape types, in order; NumPy arrays of `n k` contacts unless said otherwise."""

    collider: Collider
    geom: np.ndarray
    """`[2, n]` the shapes, one column a pair."""
    body: np.ndarray
    """`[2, n k]` whose they are."""
    sources: np.ndarray
    """`[2, n k]` the shapes that friction is the larger of: both, or twice the one of higher priority."""
    rubs: bool
    """Whether there is friction."""
    softness: Softness


@dataclasses.dataclass(frozen=True, eq=False)
class Layout:
    """Every row that a model can have."""

    limits: Limits
    groups: tuple[Group, ...]
    timestep: float
    """(s)"""

    @property
    def contact_bodies(self) -> np.ndarray:
        """`[2, E]` the bodies that each contact row pushes apart."""
        blocks = [np.repeat(group.body, 4 if group.rubs else 1, axis=1) for group in self.groups]
        return np.concatenate([np.zeros((2, 0), int), *blocks], axis=1)


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


def layout(model: mujoco.MjModel | mjx.Model) -> Layout:
    """Work out which rows a model can have.

    Args:
      model: whose contacts have one or three dimensions.

    Returns:
      The layout.

    Raises:
      UserError: for shapes or contacts that no row is known for.
    """
    simple = np.isin(model.jnt_type, (mujoco.mjtJoint.mjJNT_HINGE, mujoco.mjtJoint.mjJNT_SLIDE))
    limited = np.asarray(model.jnt_limited, bool)
    if (limited & ~simple).any() or np.asarray(model.tendon_limited).any() or model.npair:
        raise UserError("xml_file: limits of ball joints and tendons, and explicit contact pairs, are not simulated")
    joint = np.flatnonzero(limited)
    soft = Softness(*(np.asarray(x, float)[joint] for x in (model.jnt_solref, model.jnt_solimp, model.jnt_margin)))
    limits = Limits(joint, np.asarray(model.jnt_qposadr)[joint], np.asarray(model.jnt_dofadr)[joint], soft)
    kinds: dict[tuple[int, int, int], list[tuple[int, int]]] = {}
    for one, other, _ in geom_pairs(model):
        first, second = sorted((int(one), int(other)), key=lambda geom: model.geom_type[geom])
        sources = _sources(model, np.array([[first], [second]]))
        dimension = int(model.geom_condim[sources].max())
        kinds.setdefault((int(model.geom_type[first]), int(model.geom_type[second]), dimension), []).append(
            (first, second)
        )
    groups = tuple(_group(model, kind, np.array(pairs).T) for kind, pairs in kinds.items())
    return Layout(limits, groups, float(model.opt.timestep))


def _sources(model: mujoco.MjModel | mjx.Model, geom: np.ndarray) -> np.ndarray:
    """`[2, n]` shapes -> those whose contact parameters are mixed: where priorities differ, one of the two twice."""
    priority = model.geom_priority[geom]
    above = np.where(priority[0] > priority[1], geom[0], geom[1])
    return np.where(priority[0] != priority[1], above, geom)


def _group(model: mujoco.MjModel | mjx.Model, kind: tuple[int, int, int], geom: np.ndarray) -> Group:
    types, dimension = kind[:2], kind[2]
    if types not in COLLIDERS or dimension not in (1, 3):
        names = [mujoco.mjtGeom(t).name.removeprefix("mjGEOM_").lower() for t in types]
        raise UserError(f"xml_file: contacts of {' and '.join(names)} in {dimension} dimensions are not simulated")
    collider, count = COLLIDERS[types]
    sources = _sources(model, geom)
    mix1, mix2 = np.asarray(model.geom_solmix, float)[sources]
    share = np.where(mix1 + mix2 < _MIN_VALUE, 0.5, mix1 / np.maximum(mix1 + mix2, _MIN_VALUE))[:, None]
    ref1, ref2 = np.asarray(model.geom_solref, float)[sources]
    standard = ((ref1[:, 0] > 0) & (ref2[:, 0] > 0))[:, None]
    solref = np.where(standard, share * ref1 + (1 - share) * ref2, np.minimum(ref1, ref2))
    imp1, imp2 = np.asarray(model.geom_solimp, float)[sources]
    softness = Softness(
        solref, share * imp1 + (1 - share) * imp2, np.asarray(model.geom_margin, float)[geom].sum(axis=0)
    )
    return Group(
        collider,
        geom,
        np.repeat(model.geom_bodyid[geom], count, axis=1),
        np.repeat(sources, count, axis=1),
        dimension == 3,
        Softness(*(np.repeat(x, count, axis=0) for x in softness)),
    )


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
    shapes = [Shape(data.geom_xpos[g], data.geom_xmat[g], model.geom_size[g]) for g in group.geom]
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
