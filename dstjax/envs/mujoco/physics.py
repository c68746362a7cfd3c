"""One control step of MuJoCo, compiled around a single copy of the forward dynamics.

Stages of the Runge-Kutta scheme and frames are scanned, and only the few arrays that a task needs cross from one stage
to the next. Models and data are MJX's; what is computed is what these tasks need of it, in few large operations.
"""

import dataclasses
from collections.abc import Callable
from typing import Any

import flax.struct
import jax
import jax.numpy as jnp
import mujoco
import numpy as np
from mujoco import mjx

from dstjax.envs.mujoco.dynamics import dynamics
from dstjax.envs.mujoco.kinematics import kinematics
from dstjax.envs.mujoco.layout import Layout, layout
from dstjax.envs.mujoco.rows import contact_forces, fill
from dstjax.envs.mujoco.solver import Problem, row_forces, solve
from dstjax.types import Array

Readings = dict[str, Array]
Read = Callable[[mjx.Data], Readings]

# The classical fourth-order tableau: of each stage the time offset and the weight in the sum.
_TABLEAU = ((0.0, 1 / 6), (0.5, 1 / 3), (0.5, 1 / 3), (1.0, 1 / 6))


@flax.struct.dataclass
class Physics:
    """What MuJoCo carries from one control step to the next (the tasks have no actuator states)."""

    qpos: Array
    """`[nq]` generalised positions."""
    qvel: Array
    """`[nv]` generalised velocities."""
    qacc_warmstart: Array
    """`[nv]` acceleration the constraint solver starts from."""
    memory: Readings = dataclasses.field(default_factory=dict)
    """Readings of the last step that the task compares with those of the next."""


def simulate(
    model: mjx.Model, empty: mjx.Data, physics: Physics, ctrl: Array, read: Read, *, frame_skip: int
) -> tuple[Physics, Readings]:
    """Hold a control for `frame_skip` physics steps.

    Args:
      model: with integrator Euler or RK4. Its numbers may be traced, but for those that say how constraints give way.
      empty: `Data` made for the model.
      physics: state before.
      ctrl: `[nu]` in the actuators' units.
      read: picks quantities out of `mjx.Data`. They are those of the last evaluation of the forward dynamics, which is
        what C MuJoCo leaves in `mjData` after `mj_step`: with RK4 that of the fourth stage.
      frame_skip: physics steps.

    Returns:
      The state after, and the readings.
    """
    data, plan = empty.replace(ctrl=ctrl), layout(model)
    runge_kutta = model.opt.integrator == mujoco.mjtIntegrator.mjINT_RK4
    advance = _runge_kutta_frame if runge_kutta else _euler_frame
    blank = jax.tree.map(lambda x: jnp.zeros(x.shape, x.dtype), jax.eval_shape(read, data))

    def frame(carry: tuple[Physics, Readings], _: None) -> tuple[tuple[Physics, Readings], None]:
        return advance(model, plan, data, *carry, read), None

    return jax.lax.scan(frame, (physics.replace(memory={}), blank), None, length=frame_skip)[0]


def forward(model: mjx.Model, plan: Layout, data: mjx.Data) -> mjx.Data:
    """Accelerations and forces at the positions, velocities and controls in `data`: C MuJoCo's `mj_forward`.

    Quantities that no force comes from, such as cameras, sensors and tendons without stiffness, are left out.

    Args:
      model: whose constraints are unilateral.
      plan: of its constraint rows.
      data: with `qpos`, `qvel`, `qacc_warmstart` and `ctrl` set.

    Returns:
      The data with every derived quantity, among them `qacc`, `qfrc_constraint` and the contact forces `cfrc_ext` that
      C MuJoCo's `mj_rnePostConstraint` would find.
    """
    data = dynamics(model, kinematics(model, data))
    free = _solve(data._impl.M, data.qfrc_smooth)
    data, rows = data.replace(qacc_smooth=free), fill(plan, model, data)
    if not len(rows.stiffness):
        return data.replace(qacc=free)
    problem = Problem(
        mass=data._impl.M,
        force=data.qfrc_smooth,
        free=free,
        jacobian=rows.jacobian,
        stiffness=rows.stiffness,
        reference=rows.reference,
    )
    qacc, force = solve(problem, data.qacc_warmstart, iterations=model.opt.iterations)
    touch = contact_forces(plan, model, data, rows, row_forces(problem, qacc))
    return data.tree_replace({"qacc": qacc, "qfrc_constraint": force, "_impl.cfrc_ext": touch})


def _solve(matrix: Array, right: Array) -> Array:
    """Solution of a symmetric positive definite system."""
    return jax.scipy.linalg.cho_solve(jax.scipy.linalg.cho_factor(matrix), right)


def _place(data: mjx.Data, physics: Physics) -> mjx.Data:
    return data.replace(qpos=physics.qpos, qvel=physics.qvel, qacc_warmstart=physics.qacc_warmstart)


def _euler_frame(
    model: mjx.Model, plan: Layout, data: mjx.Data, physics: Physics, _: Readings, read: Read
) -> tuple[Physics, Readings]:
    """Semi-implicit: velocities first, with the joints' damping at the new ones, then positions."""
    data = forward(model, plan, _place(data, physics))
    dt = model.opt.timestep
    damped = data._impl.M + jnp.diag(dt * model.dof_damping)
    qvel = physics.qvel + dt * _solve(damped, data.qfrc_smooth + data.qfrc_constraint)
    return Physics(integrate(model, physics.qpos, qvel, dt), qvel, data.qacc), read(data)


def _runge_kutta_frame(
    model: mjx.Model, plan: Layout, data: mjx.Data, physics: Physics, blank: Readings, read: Read
) -> tuple[Physics, Readings]:
    dt = model.opt.timestep

    def stage(carry: Any, tableau: Array) -> tuple[Any, None]:
        slope_pos, slope_vel, sum_pos, sum_vel, _ = carry
        offset, weight = tableau
        qpos = integrate(model, physics.qpos, offset * slope_pos, dt)
        qvel = physics.qvel + offset * slope_vel * dt
        out = forward(model, plan, _place(data, Physics(qpos, qvel, slope_vel)))
        return (qvel, out.qacc, sum_pos + weight * qvel, sum_vel + weight * out.qacc, read(out)), None

    zero = jnp.zeros_like(physics.qvel)
    # The warm start takes the place of the previous stage's acceleration: at offset 0 it only starts the solver.
    begin = (zero, physics.qacc_warmstart, zero, zero, blank)
    (_, qacc, mean_pos, mean_vel, readings), _ = jax.lax.scan(stage, begin, jnp.array(_TABLEAU, zero.dtype))
    qpos = integrate(model, physics.qpos, mean_pos, dt)
    return Physics(qpos, physics.qvel + mean_vel * dt, qacc), readings


def integrate(model: mjx.Model, qpos: Array, velocity: Array, dt: Array | float) -> Array:
    """Positions after moving with a generalised velocity, for models whose joints are hinges, slides and free bodies.

    Args:
      model: whose joints these are.
      qpos: `[nq]` before.
      velocity: `[nv]`
      dt: duration (s).

    Returns:
      `[nq]` after, quaternions normalised.
    """
    free = np.flatnonzero(model.jnt_type == mujoco.mjtJoint.mjJNT_FREE)
    turning = (model.jnt_dofadr[free, None] + np.arange(3, 6)).ravel()
    straight = np.delete(np.arange(model.nv), turning)
    quaternions = model.jnt_qposadr[free, None] + np.arange(3, 7)
    places = np.delete(np.arange(model.nq), quaternions.ravel())
    moved = qpos.at[places].add(dt * velocity[straight])
    if not len(free):
        return moved
    turned = jax.vmap(_turn, in_axes=(0, 0, None))(qpos[quaternions], velocity[turning].reshape(-1, 3), dt)
    return moved.at[quaternions].set(turned)


def _turn(quaternion: Array, velocity: Array, dt: Array | float) -> Array:
    """`[4]` (w, x, y, z) after turning at `[3]` (rad/s, in the body's own frame)."""
    square = velocity @ velocity
    still = square == 0
    speed = jnp.sqrt(jnp.where(still, 1, square))
    half = 0.5 * dt * speed
    spin = jnp.where(still, 0.5 * dt, jnp.sin(half) / speed) * velocity
    cosine = jnp.where(still, 1, jnp.cos(half))
    scalar, vector = quaternion[0], quaternion[1:]
    turned = jnp.concatenate(
        [(scalar * cosine - vector @ spin)[None], scalar * spin + cosine * vector + jnp.cross(vector, spin)]
    )
    return turned / jnp.linalg.norm(turned)
