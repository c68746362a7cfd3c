"""What noise does to a MuJoCo task: factors in the model, kicks to positions, and which noises matter at all."""

import functools

import jax
import jax.numpy as jnp
import mujoco
import numpy as np
from mujoco import mjx
from mujoco.mjx._src.collision_driver import geom_pairs

from dstjax.envs.draws import ALL
from dstjax.envs.mujoco.kinematics import kinematics
from dstjax.envs.mujoco.model import c_model
from dstjax.envs.mujoco.physics import Physics, integrate
from dstjax.envs.noise import Kick, NoiseState


def randomize(model: mjx.Model, episode: NoiseState) -> mjx.Model:
    """The model of an episode. Under `vmap` only the arrays that change get a batch axis.

    A contact's friction is the larger of its two geoms', so all geoms are scaled, and it scales with them. Masses and
    sizes stay: other constants of the model are computed from them.

    Args:
      model: of the task.
      episode: its factors of friction, gravity and gain.

    Returns:
      The model with these applied, equal to `model` at factors of 1.
    """
    return model.replace(
        geom_friction=model.geom_friction * episode.friction,
        actuator_gainprm=model.actuator_gainprm * episode.gain,
        opt=model.opt.replace(gravity=model.opt.gravity * episode.gravity),
    )


def kicked(model: mjx.Model, physics: Physics, kick: Kick) -> Physics:
    """Positions and velocities with noise added; a quaternion is turned by a rotation vector.

    Args:
      model: of the task.
      physics: after a control step.
      kick: what to add.

    Returns:
      The state after the kick, exactly `physics` where it is 0.
    """
    moved = integrate(model, physics.qpos, kick.position.astype(physics.qpos.dtype), 1.0)
    return physics.replace(
        qpos=jnp.where(jnp.any(kick.position != 0), moved, physics.qpos),
        qvel=physics.qvel + kick.velocity.astype(physics.qvel.dtype),
    )


def relocate(model: mjx.Model, empty: mjx.Data, physics: Physics) -> mjx.Data:
    """Kinematics at a state: poses, centres of mass, velocities. No forces.

    Args:
      model: of the task.
      empty: `Data` made for it.
      physics: the state.

    Returns:
      Data in which everything that positions and velocities determine is set.
    """
    data = empty.replace(qpos=physics.qpos, qvel=physics.qvel)
    with jax.default_matmul_precision("highest"):
        return kinematics(model, data)


@functools.cache
def responses(file: str) -> frozenset[str]:
    """Noises that change a task's motion or what is seen of it.

    Args:
      file: name of an XML among Gymnasium's assets.

    Returns:
      All, but `friction_scale` where no two geoms can touch with friction, and `gravity_scale` where it moves no joint.
    """
    model = c_model(file)
    without = set()
    if not any(model.geom_condim[[first, second]].max() > 1 for first, second, _ in geom_pairs(model)):
        without.add("friction_scale")
    if not _feels_gravity(model):
        without.add("gravity_scale")
    return ALL - without


def _feels_gravity(model: mujoco.MjModel) -> bool:
    """Whether gravity moves a joint in some posture; at rest an upright pole would hide it."""
    data = mujoco.MjData(model)
    posture = np.random.default_rng(0).normal(size=model.nv)
    mujoco.mj_integratePos(model, data.qpos, posture, 0.3)
    mujoco.mj_forward(model, data)
    return bool(np.abs(data.qfrc_bias).max() > 1e-9)
