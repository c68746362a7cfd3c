"""Gymnasium's `Pusher-v5`: push a cylinder to a goal with an arm of seven joints."""

import dataclasses
from typing import ClassVar

import jax
import jax.numpy as jnp
from mujoco import mjx

from dstjax.envs.mujoco.base import MujocoEnv, Outcome, uniform
from dstjax.envs.mujoco.model import c_model
from dstjax.envs.mujoco.physics import Physics, Readings
from dstjax.envs.mujoco.reacher import distance
from dstjax.types import Array, Key

_NEAR_GOAL = 0.17  # metre; objects start farther from the goal
_TRIES = 32  # of 0.62 chance each


@dataclasses.dataclass(frozen=True)
class Pusher(MujocoEnv):
    """Observation `[23]`: seven joint angles (rad), their velocities, positions `[3]` (m) of tip, object and goal.

    Action `[7]`: torques. Reward: `-reward_dist_weight |object - goal| - reward_near_weight |object - tip|
    - reward_control_weight |a|^2`. Never terminates; an episode is 100 steps. As in Gymnasium, the three positions are
    those of the last evaluation of the dynamics. The object starts at random, away from the goal.

    The file's contact of object and table is left out: it is frictionless, and the object slides along the table.
    Contacts of hand and object are exact here, and iterated in C MuJoCo: with its `ccd_tolerance` at 1e-6, the default,
    a step's velocities differ by up to 1e-4, and at 1e-14 by up to 3e-8.

    Args:
      reward_near_weight: per metre between object and fingertip.
      reward_dist_weight: per metre between object and goal.
      reward_control_weight: per squared action.
    """

    xml_file: str = "pusher_v5.xml"
    frame_skip: int = 5
    time_limit: int = 100
    reward_near_weight: float = 0.5
    reward_dist_weight: float = 1.0
    reward_control_weight: float = 0.1

    name: ClassVar[str] = "pusher"
    obs_size: ClassVar[int] = 23
    reward_terms: ClassVar[tuple[str, ...]] = ("reward_dist", "reward_ctrl", "reward_near")
    placed: ClassVar[tuple[str, ...]] = ("tip", "object", "goal")

    def initial(self, key: Key) -> tuple[Array, Array]:
        """The arm in the file's pose, the object somewhere in 0.3 by 0.4 m but not near the goal; consumes the key."""
        object_key, qvel_key = jax.random.split(key)
        low, high = jnp.array([-0.3, -0.2]), jnp.array([0.0, 0.2])
        places = jax.random.uniform(object_key, (_TRIES, 2), minval=low, maxval=high)
        place = places[jnp.argmax(jnp.linalg.norm(places, axis=1) > _NEAR_GOAL)]
        model = c_model(self.xml_file)
        qpos = jnp.concatenate([jnp.asarray(model.qpos0[:-4], float), place, jnp.zeros(2)])
        return qpos, jnp.concatenate([uniform(qvel_key, jnp.zeros(model.nv - 4), 0.005), jnp.zeros(4)])

    def read(self, data: mjx.Data) -> Readings:
        """Where fingertip, object and goal are."""
        bodies = {"tip": "tips_arm", "object": "object", "goal": "goal"}
        return {name: data.xpos[c_model(self.xml_file).body(body).id] for name, body in bodies.items()}

    def observation(self, physics: Physics, readings: Readings) -> Array:
        """`[23]`, see the class."""
        places = [readings[name] for name in self.placed]
        return jnp.concatenate([physics.qpos[:7], physics.qvel[:7], *places])

    def outcome(self, before: Physics, after: Physics, readings: Readings, action: Array) -> Outcome:
        """Less both distances and the control cost."""
        terms = {
            "reward_dist": -self.reward_dist_weight * distance(readings["object"] - readings["goal"]),
            "reward_ctrl": -self.reward_control_weight * jnp.sum(action**2),
            "reward_near": -self.reward_near_weight * distance(readings["object"] - readings["tip"]),
        }
        return Outcome(sum(terms.values(), jnp.zeros_like(after.qpos[0])), jnp.zeros((), bool), terms)
