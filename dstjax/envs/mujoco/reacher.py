"""Gymnasium's `Reacher-v5`: bring the tip of a two-link arm to a target, in a plane."""

import dataclasses
from typing import ClassVar

import jax
import jax.numpy as jnp
from mujoco import mjx

from dstjax.envs.mujoco.base import MujocoEnv, Outcome, uniform
from dstjax.envs.mujoco.model import c_model
from dstjax.envs.mujoco.physics import Physics, Readings
from dstjax.types import Array, Key

_REACH = 0.2  # metre, radius of the disc of targets


@dataclasses.dataclass(frozen=True)
class Reacher(MujocoEnv):
    """Observation `[10]`: cosines and sines of the two joints, target `(x, y)` (m), joint velocities, tip - target (m).

    Action `[2]`: torques. Reward: `-reward_dist_weight |tip - target| - reward_control_weight |a|^2`. Never terminates;
    an episode is 50 steps. As in Gymnasium, tip and target are those of the last evaluation of the dynamics. Each
    episode has a target drawn uniformly from a disc of 0.2 m.

    Args:
      reward_dist_weight: per metre.
      reward_control_weight: per squared action.
    """

    xml_file: str = "reacher.xml"
    frame_skip: int = 2
    time_limit: int = 50
    reward_dist_weight: float = 1.0
    reward_control_weight: float = 1.0

    name: ClassVar[str] = "reacher"
    obs_size: ClassVar[int] = 10
    reward_terms: ClassVar[tuple[str, ...]] = ("reward_dist", "reward_ctrl")
    placed: ClassVar[tuple[str, ...]] = ("offset",)

    def initial(self, key: Key) -> tuple[Array, Array]:
        """Joints near the file's pose, a target at rest; consumes the key."""
        arm_key, radius_key, angle_key, qvel_key = jax.random.split(key, 4)
        arm = uniform(arm_key, c_model(self.xml_file).qpos0[:2], 0.1)
        radius = _REACH * jnp.sqrt(jax.random.uniform(radius_key))
        angle = 2 * jnp.pi * jax.random.uniform(angle_key)
        target = radius * jnp.stack([jnp.cos(angle), jnp.sin(angle)])
        qvel = jnp.concatenate([uniform(qvel_key, jnp.zeros(2), 0.005), jnp.zeros(2)])
        return jnp.concatenate([arm, target]), qvel

    def read(self, data: mjx.Data) -> Readings:
        """From the target to the tip."""
        tip, target = (c_model(self.xml_file).body(name).id for name in ("fingertip", "target"))
        return {"offset": data.xpos[tip] - data.xpos[target]}

    def observation(self, physics: Physics, readings: Readings) -> Array:
        """`[10]`, see the class."""
        joints = physics.qpos[:2]
        parts = [jnp.cos(joints), jnp.sin(joints), physics.qpos[2:], physics.qvel[:2], readings["offset"][:2]]
        return jnp.concatenate(parts)

    def outcome(self, before: Physics, after: Physics, readings: Readings, action: Array) -> Outcome:
        """Less the distance and the control cost."""
        terms = {
            "reward_dist": -self.reward_dist_weight * distance(readings["offset"]),
            "reward_ctrl": -self.reward_control_weight * jnp.sum(action**2),
        }
        return Outcome(sum(terms.values(), jnp.zeros_like(after.qpos[0])), jnp.zeros((), bool), terms)


def distance(offset: Array) -> Array:
    """Euclidean norm, with a derivative of 0 at 0.

    Args:
      offset: `[n]`

    Returns:
      `[]`
    """
    square = jnp.sum(offset**2)
    return jnp.where(square > 0, jnp.sqrt(jnp.where(square > 0, square, 1.0)), 0.0)
