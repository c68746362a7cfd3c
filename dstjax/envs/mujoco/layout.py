"""Which constraint rows a model can have, worked out once.

What a model fixes (which shapes may touch, whose joints move them, how stiff a row is) is kept in NumPy arrays, so that
a program holds only what varies.
"""

import dataclasses
from typing import NamedTuple

import mujoco
import numpy as np
from mujoco import mjtGeom, mjx
from mujoco.mjx._src.collision_driver import geom_pairs

from dstjax.envs.mujoco import colliders
from dstjax.envs.mujoco.colliders import Collider
from dstjax.envs.mujoco.cylinder import capsule_cylinder
from dstjax.errors import UserError

_PLANE, _SPHERE, _CAPSULE, _CYLINDER = (
    int(getattr(mjtGeom, f"mjGEOM_{name}")) for name in ("PLANE", "SPHERE", "CAPSULE", "CYLINDER")
)
COLLIDERS: dict[tuple[int, int], tuple[Collider, int]] = {
    (_PLANE, _SPHERE): (colliders.plane_sphere, 1),
    (_PLANE, _CAPSULE): (colliders.plane_capsule, 2),
    (_SPHERE, _SPHERE): (colliders.sphere_sphere, 1),
    (_SPHERE, _CAPSULE): (colliders.sphere_capsule, 1),
    (_CAPSULE, _CAPSULE): (colliders.capsule_capsule, 1),
    (_CAPSULE, _CYLINDER): (capsule_cylinder, 2),
}
"""Types of two shapes, in increasing order -> their function, and how many contacts it gives."""


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
    share = np.where(mix1 + mix2 < mujoco.mjMINVAL, 0.5, mix1 / np.maximum(mix1 + mix2, mujoco.mjMINVAL))[:, None]
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
