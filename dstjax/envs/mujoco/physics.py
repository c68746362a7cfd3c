"""One control step of MJX, compiled around a single copy of the forward dynamics.

MJX unrolls the four Runge-Kutta stages, so that a program holds the forward dynamics four times. Here stages and frames
are scanned, with the same arithmetic, and only the few arrays that a task needs cross from one stage to the next.
"""

from collections.abc import Callable
from typing import Any

import flax.struct
import jax
import jax.numpy as jnp
import mujoco
from mujoco import mjx

from dstjax.envs.mujoco.solver import Problem, solve
from dstjax.types import Array

Readings = dict[str, Array]
Read = Callable[[mjx.Data], Readings]

# The classical fourth-order tableau: of each stage the time offset and the weight in the sum.
_TABLEAU = ((0.0, 1 / 6), (0.5, 1 / 3), (0.5, 1 / 3), (1.0, 1 / 6))


_FORWARD = (
    mjx.kinematics,
    mjx.com_pos,
    mjx.crb,
    mjx.factor_m,
    mjx.collision,
    mjx.make_constraint,
    mjx.transmission,
    mjx.fwd_velocity,
    mjx.fwd_actuation,
    mjx.fwd_acceleration,
)


@flax.struct.dataclass
class Physics:
    """What MuJoCo carries from one control step to the next (the tasks have no actuator states)."""

    qpos: Array
    """`[nq]` generalised positions."""
    qvel: Array
    """`[nv]` generalised velocities."""
    qacc_warmstart: Array
    """`[nv]` acceleration the constraint solver starts from."""


def simulate(
    model: mjx.Model, empty: mjx.Data, physics: Physics, ctrl: Array, read: Read, *, frame_skip: int
) -> tuple[Physics, Readings]:
    """Hold a control for `frame_skip` physics steps.

    Args:
      model: with integrator Euler, RK4 or implicitfast.
      empty: `Data` made for the model.
      physics: state before.
      ctrl: `[nu]` in the actuators' units.
      read: picks quantities out of `mjx.Data`. They are those of the last evaluation of the forward dynamics, which is
        what C MuJoCo leaves in `mjData` after `mj_step`: with RK4 that of the fourth stage.
      frame_skip: physics steps.

    Returns:
      The state after, and the readings.
    """
    data = empty.replace(ctrl=ctrl)
    runge_kutta = model.opt.integrator == mujoco.mjtIntegrator.mjINT_RK4
    advance = _runge_kutta_frame if runge_kutta else _single_stage_frame
    blank = jax.tree.map(lambda x: jnp.zeros(x.shape, x.dtype), jax.eval_shape(read, data))

    def frame(carry: tuple[Physics, Readings], _: None) -> tuple[tuple[Physics, Readings], None]:
        return advance(model, data, *carry, read), None

    return jax.lax.scan(frame, (physics, blank), None, length=frame_skip)[0]


def forward(model: mjx.Model, data: mjx.Data) -> mjx.Data:
    """Accelerations and forces at the positions, velocities and controls in `data`: C MuJoCo's `mj_forward`.

    Everything up to the constraints is MJX's; their solution is `solver.solve`. Quantities that neither needs, such as
    cameras, sensors and tendons, are left out.

    Args:
      model: with unilateral constraints only.
      data: with `qpos`, `qvel`, `qacc_warmstart` and `ctrl` set.

    Returns:
      The data with every derived quantity, `qacc` and `qfrc_constraint` among them.
    """
    for part in _FORWARD:
        data = part(model, data)
    if data._impl.efc_J.size == 0:
        return data.replace(qacc=data.qacc_smooth)
    problem = Problem(
        mass=mjx.full_m(model, data),
        force=data.qfrc_smooth,
        free=data.qacc_smooth,
        jacobian=data._impl.efc_J,
        stiffness=data._impl.efc_D,
        reference=data._impl.efc_aref,
    )
    qacc, force = solve(problem, data.qacc_warmstart, iterations=model.opt.iterations)
    return data.replace(qacc=qacc, qfrc_constraint=force)


def _place(data: mjx.Data, physics: Physics) -> mjx.Data:
    return data.replace(qpos=physics.qpos, qvel=physics.qvel, qacc_warmstart=physics.qacc_warmstart)


def _single_stage_frame(
    model: mjx.Model, data: mjx.Data, physics: Physics, _: Readings, read: Read
) -> tuple[Physics, Readings]:
    data = forward(model, _place(data, physics))
    euler = model.opt.integrator == mujoco.mjtIntegrator.mjINT_EULER
    end = mjx.euler(model, data) if euler else mjx.implicit(model, data)
    return Physics(end.qpos, end.qvel, data.qacc), read(data)


def _runge_kutta_frame(
    model: mjx.Model, data: mjx.Data, physics: Physics, blank: Readings, read: Read
) -> tuple[Physics, Readings]:
    dt = model.opt.timestep

    def stage(carry: Any, tableau: Array) -> tuple[Any, None]:
        slope_pos, slope_vel, sum_pos, sum_vel, _ = carry
        offset, weight = tableau
        qpos = integrate(model, physics.qpos, offset * slope_pos, dt)
        qvel = physics.qvel + offset * slope_vel * dt
        out = forward(model, _place(data, Physics(qpos, qvel, slope_vel)))
        return (qvel, out.qacc, sum_pos + weight * qvel, sum_vel + weight * out.qacc, read(out)), None

    zero = jnp.zeros_like(physics.qvel)
    # The warm start takes the place of the previous stage's acceleration: at offset 0 it only starts the solver.
    begin = (zero, physics.qacc_warmstart, zero, zero, blank)
    (_, qacc, mean_pos, mean_vel, readings), _ = jax.lax.scan(stage, begin, jnp.array(_TABLEAU, zero.dtype))
    qpos = integrate(model, physics.qpos, mean_pos, dt)
    return Physics(qpos, physics.qvel + mean_vel * dt, qacc), readings


def integrate(model: mjx.Model, qpos: Array, velocity: Array, dt: Array | float) -> Array:
    """Positions after moving with a generalised velocity, for models whose joints are hinges and slides.

    Args:
      model: whose joints these are.
      qpos: `[nq]` before.
      velocity: `[nv]`
      dt: duration (s).

    Returns:
      `[nq]` after.

    Raises:
      NotImplementedError: for a joint with a quaternion.
    """
    if model.nq != model.nv:
        raise NotImplementedError("joints with quaternions")
    return qpos + dt * velocity
