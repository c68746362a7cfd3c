"""Inertia and every force but the constraints': composite bodies and Newton-Euler, in matrix form."""

import jax.numpy as jnp
import numpy as np
from mujoco import mjx

from dstjax.envs.mujoco.kinematics import ancestry, apply, motion_cross
from dstjax.types import Array

_SYMMETRIC = np.array([[0, 3, 4], [3, 1, 5], [4, 5, 2]])  # where a packed inertia keeps its matrix's entries


def dynamics(model: mjx.Model, data: mjx.Data) -> mjx.Data:
    """The mass matrix and the forces of gravity, motion, springs, dampers, fluid and motors.

    Args:
      model: whose actuators are motors of hinges and slides.
      data: after `kinematics`, with `ctrl` set.

    Returns:
      The data with `M`, `qfrc_bias`, `qfrc_passive`, `qfrc_actuator` and their sum `qfrc_smooth`.
    """
    if model.opt._impl.has_fluid_params:
        data = mjx.passive(model, data)
    else:
        data = data.replace(qfrc_passive=_springs(model, data) - model.dof_damping * data.qvel)
    bias, motor = _bias(model, data), _motors(model, data.ctrl)
    smooth = data.qfrc_passive - bias + motor
    mass = _mass_matrix(model, data)
    return data.tree_replace({"_impl.M": mass, "qfrc_bias": bias, "qfrc_actuator": motor, "qfrc_smooth": smooth})


def _momentum(inertia: Array, motion: Array) -> Array:
    """`[..., 10]` packed inertia times `[..., 6]` motion -> `[..., 6]` momentum."""
    lever, mass = inertia[..., 6:9], inertia[..., 9:]
    angular, linear = motion[..., :3], motion[..., 3:]
    turning = apply(inertia[..., _SYMMETRIC], angular) + jnp.cross(lever, linear)
    return jnp.concatenate([turning, mass * linear - jnp.cross(lever, angular)], axis=-1)


def _mass_matrix(model: mjx.Model, data: mjx.Data) -> Array:
    """`[V, V]`: what each velocity sets in motion, felt by the velocities that carry it."""
    carries, moves = ancestry(model)
    owner = np.asarray(model.dof_bodyid)
    carries[0] = 0
    composite = jnp.asarray(carries, data.qpos.dtype) @ data._impl.cinert
    felt = _momentum(composite[owner], data.cdof) @ data.cdof.T
    above = np.tril(moves[owner])
    lower = felt * np.tril(above, -1)
    return (lower + lower.T + jnp.diag(jnp.diagonal(felt) + model.dof_armature)).astype(data.qpos.dtype)


def _bias(model: mjx.Model, data: mjx.Data) -> Array:
    """`[V]` force that keeps up the present motion against gravity, by Newton-Euler."""
    carries, moves = ancestry(model)
    weight = jnp.concatenate([jnp.zeros(3), -model.opt.gravity])
    acceleration = weight + jnp.asarray(moves, data.qpos.dtype) @ (data.cdof_dot * data.qvel[:, None])
    momentum = _momentum(data._impl.cinert, data.cvel)
    force = _momentum(data._impl.cinert, acceleration) + _force_cross(data.cvel, momentum)
    total = jnp.asarray(carries, data.qpos.dtype) @ force
    return jnp.sum(data.cdof * total[np.asarray(model.dof_bodyid)], axis=1)


def _force_cross(motion: Array, force: Array) -> Array:
    """`[..., 6]` rate of change of a force carried by a motion, angular parts first."""
    swap = [3, 4, 5, 0, 1, 2]
    return motion_cross(motion, force[..., swap])[..., swap]


def _springs(model: mjx.Model, data: mjx.Data) -> Array:
    """`[V]` of hinges and slides; a free body has none."""
    single = np.flatnonzero(np.asarray(model.jnt_dofadr >= 0) & (np.asarray(model.jnt_type) >= 2))
    place, dof = np.asarray(model.jnt_qposadr)[single], np.asarray(model.jnt_dofadr)[single]
    stretch = data.qpos[place] - model.qpos_spring[place]
    return jnp.zeros_like(data.qvel).at[dof].set(-model.jnt_stiffness[single] * stretch)


def _motors(model: mjx.Model, control: Array) -> Array:
    """`[V]` torques and forces of controls `[A]`, clamped to the actuators' range."""
    low, high = np.where(model.actuator_ctrllimited[:, None], model.actuator_ctrlrange, [-np.inf, np.inf]).T
    gear = np.zeros((model.nu, model.nv))
    gear[np.arange(model.nu), model.jnt_dofadr[model.actuator_trnid[:, 0]]] = np.asarray(model.actuator_gear)[:, 0]
    return (model.actuator_gainprm[:, 0] * jnp.clip(control, low, high)) @ jnp.asarray(gear, control.dtype)
