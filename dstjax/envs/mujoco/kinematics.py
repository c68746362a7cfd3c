"""Where the bodies of a model are and how they move, as MJX computes it, in a tenth of the operations.

MJX follows the tree of bodies level by level, in quaternions. These robots are small: rotation matrices down the tree
place the bodies, and every sum over the tree is a product with a constant matrix. Shapes: `V` velocities, `P` bodies.
"""

import jax.numpy as jnp
import mujoco
import numpy as np
from mujoco import mjx

from dstjax.types import Array

_FREE, _SLIDE, _HINGE = (int(getattr(mujoco.mjtJoint, f"mjJNT_{name}")) for name in ("FREE", "SLIDE", "HINGE"))


def kinematics(model: mjx.Model, data: mjx.Data) -> mjx.Data:
    """Poses of bodies, joints, geometries and sites, and how joints move them.

    Args:
      model: whose joints are hinges, slides and free bodies.
      data: with `qpos` and `qvel` set.

    Returns:
      The data with these, `subtree_com`, `cinert`, `cdof`, `cvel` and `cdof_dot`, in C MuJoCo's conventions.
    """
    data, anchors, axes = _place(model, data)
    return _velocities(model, _centre(model, data, anchors, axes))


def ancestry(model: mjx.Model) -> tuple[np.ndarray, np.ndarray]:
    """Who moves whom.

    Args:
      model: any.

    Returns:
      `[P, P]` 1 where the first body is the second or carries it, and `[P, V]` 1 where a velocity moves a body.
    """
    parent, owner = np.asarray(model.body_parentid), np.asarray(model.dof_bodyid)
    carries = np.eye(model.nbody)
    for body in range(1, model.nbody):
        carries[:, body] += carries[:, parent[body]]
    carries[0] = 0
    carries[0, 0] = 1
    return carries, carries[owner].T


def turn(first: Array | np.ndarray, second: Array | np.ndarray) -> Array:
    """Product of small matrices as a sum of products, which unlike many tiny matrix products is fused, and exact.

    Args:
      first: `[..., i, j]`
      second: `[..., j, k]`

    Returns:
      `[..., i, k]`
    """
    return jnp.sum(first[..., :, :, None] * second[..., None, :, :], axis=-2)


def apply(matrix: Array | np.ndarray, vector: Array | np.ndarray) -> Array:
    """`turn` for a vector.

    Args:
      matrix: `[..., i, j]`
      vector: `[..., j]`

    Returns:
      `[..., i]`
    """
    return jnp.sum(matrix * vector[..., None, :], axis=-1)


def rotation(quaternion: Array) -> Array:
    """The rotation matrix of a quaternion.

    Args:
      quaternion: `[4]` (w, x, y, z), of any length but 0.

    Returns:
      `[3, 3]`
    """
    w, x, y, z = quaternion / jnp.linalg.norm(quaternion)
    entries = [
        w * w + x * x - y * y - z * z, 2 * (x * y - w * z), 2 * (x * z + w * y),
        2 * (x * y + w * z), w * w - x * x + y * y - z * z, 2 * (y * z - w * x),
        2 * (x * z - w * y), 2 * (y * z + w * x), w * w - x * x - y * y + z * z,
    ]  # fmt: skip
    return jnp.stack(entries).reshape(3, 3)


def spins(axis: Array | np.ndarray, angle: Array) -> Array:
    """Rotations about axes, by Rodrigues' formula.

    Args:
      axis: `[n, 3]` unit vectors.
      angle: `[n]` (rad).

    Returns:
      `[n, 3, 3]`
    """
    cross = jnp.cross(jnp.eye(3), axis[:, None])
    sine, rest = jnp.sin(angle)[:, None, None], (1 - jnp.cos(angle))[:, None, None]
    return jnp.eye(3) + sine * cross + rest * turn(cross, cross)


def _constant_rotations(quaternions: Array) -> np.ndarray:
    """`[n, 4]` constants -> `[n, 3, 3]`."""
    table = np.zeros((len(quaternions), 9))
    for row, quaternion in zip(table, np.asarray(quaternions, float), strict=True):
        mujoco.mju_quat2Mat(row, quaternion)
    return table.reshape(-1, 3, 3)


def _place(model: mjx.Model, data: mjx.Data) -> tuple[mjx.Data, Array, Array]:
    """Everything fixed to a body; and `[joints, 3]` each of the joints' anchors and axes in the world."""
    qpos, dtype = data.qpos, data.qpos.dtype
    offset, tilt = np.asarray(model.body_pos), _constant_rotations(model.body_quat)
    anchor, axis = np.asarray(model.jnt_pos), np.asarray(model.jnt_axis)
    position, orientation = [jnp.zeros(3, dtype)], [jnp.eye(3, dtype=dtype)]
    angle = qpos[model.jnt_qposadr] - model.qpos0[model.jnt_qposadr]  # metres for slides; of no use for a free body
    turned = spins(axis, angle)
    anchors, axes = [], []
    for body in range(1, model.nbody):
        above = model.body_parentid[body]
        place = position[above] + apply(orientation[above], offset[body])
        frame = turn(orientation[above], tilt[body])
        first = model.body_jntadr[body]
        for joint in range(first, first + model.body_jntnum[body]):
            kind, start = model.jnt_type[joint], model.jnt_qposadr[joint]
            if kind == _FREE:
                place, frame = qpos[start : start + 3], rotation(qpos[start + 3 : start + 7])
            anchors.append(place + apply(frame, anchor[joint]))
            axes.append(apply(frame, axis[joint]))
            if kind == _SLIDE:
                place = place + axes[-1] * angle[joint]
            elif kind == _HINGE:
                frame = turn(frame, turned[joint])
                place = anchors[-1] - apply(frame, anchor[joint])
        position.append(place)
        orientation.append(frame)
    xpos, xmat = jnp.stack(position).astype(dtype), jnp.stack(orientation).astype(dtype)
    carried = {
        "i": (slice(None), model.body_ipos, model.body_iquat),
        "geom_x": (model.geom_bodyid, model.geom_pos, model.geom_quat),
        "site_x": (model.site_bodyid, model.site_pos, model.site_quat),
    }
    poses = {}
    for name, (bodies, local, quaternion) in carried.items():
        prefix = "xi" if name == "i" else name
        poses[f"{prefix}pos"] = xpos[bodies] + apply(xmat[bodies], np.asarray(local))
        poses[f"{prefix}mat"] = turn(xmat[bodies], _constant_rotations(quaternion))
    poses = {name: pose.astype(dtype) for name, pose in poses.items()}
    return data.replace(xpos=xpos, xmat=xmat, **poses), jnp.stack(anchors), jnp.stack(axes)


def _centre(model: mjx.Model, data: mjx.Data, anchors: Array, axes: Array) -> mjx.Data:
    """Inertias and the joints' motions about the centre of mass of each body's tree."""
    carries, _ = ancestry(model)
    mass, root = np.asarray(model.body_mass), np.asarray(model.body_rootid)
    share = carries * mass / np.maximum(carries @ mass, mujoco.mjMINVAL)[:, None]
    centre = jnp.asarray(share, data.qpos.dtype) @ data.xipos
    arm = data.xipos - centre[root]
    own = turn(data.ximat * model.body_inertia[:, None, :], jnp.swapaxes(data.ximat, 1, 2))
    shift = jnp.sum(arm**2, axis=-1)[:, None, None] * np.eye(3) - arm[:, :, None] * arm[:, None, :]
    inertia = own + mass[:, None, None] * shift
    packed = inertia[:, [0, 1, 2, 0, 0, 1], [0, 1, 2, 1, 2, 2]]
    cinert = jnp.concatenate([packed, arm * mass[:, None], jnp.broadcast_to(mass[:, None], (len(mass), 1))], axis=1)
    angular, linear = [], []
    for joint, kind in enumerate(model.jnt_type):
        body = model.jnt_bodyid[joint]
        lever = centre[root[body]] - anchors[joint]
        if kind == _FREE:
            frame = data.xmat[body].T
            angular += [jnp.zeros((3, 3)), frame]
            linear += [jnp.eye(3), jnp.cross(frame, lever)]
        elif kind == _HINGE:
            angular.append(axes[joint][None])
            linear.append(jnp.cross(axes[joint], lever)[None])
        else:
            angular.append(jnp.zeros((1, 3)))
            linear.append(axes[joint][None])
    cdof = jnp.concatenate([jnp.concatenate(angular), jnp.concatenate(linear)], axis=1).astype(data.qpos.dtype)
    return data.tree_replace({"subtree_com": centre, "_impl.cinert": cinert.astype(data.qpos.dtype), "cdof": cdof})


def _velocities(model: mjx.Model, data: mjx.Data) -> mjx.Data:
    """Each body's velocity, and how fast the joints' motions turn."""
    _, moves = ancestry(model)
    motion = data.cdof * data.qvel[:, None]
    cvel = jnp.asarray(moves, motion.dtype) @ motion
    before, turns = _order(model, moves)
    cdof_dot = motion_cross(jnp.asarray(before, motion.dtype) @ motion, data.cdof) * turns[:, None]
    return data.replace(cvel=cvel, cdof_dot=cdof_dot.astype(motion.dtype))


def _order(model: mjx.Model, moves: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """`[V, V]` 1 where the second velocity already moves the frame of the first; `[V]` 0 where it never turns."""
    owner, joint = np.asarray(model.dof_bodyid), np.asarray(model.dof_jntid)
    earlier = joint[None] < joint[:, None]
    before, turns = moves[owner] * earlier, np.ones(model.nv)
    for free in np.flatnonzero(model.jnt_type == _FREE):
        start = model.jnt_dofadr[free]
        before[start + 3 : start + 6, start : start + 3] = 1
        turns[start : start + 3] = 0
    return before, turns


def motion_cross(motion: Array, other: Array) -> Array:
    """Rate of change of a motion carried by another.

    Args:
      motion: `[..., 6]` that carries; angular part first.
      other: `[..., 6]` that is carried.

    Returns:
      `[..., 6]`
    """
    angular, linear = motion[..., :3], motion[..., 3:]
    swept = jnp.cross(linear, other[..., :3]) + jnp.cross(angular, other[..., 3:])
    return jnp.concatenate([jnp.cross(angular, other[..., :3]), swept], axis=-1)
