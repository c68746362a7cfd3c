"""Gymnasium's `InvertedDoublePendulum-v5`: keep two linked poles upright on a cart."""

import dataclasses
from typing import ClassVar

import jax
import jax.numpy as jnp
from mujoco import mjx

from dstjax.envs.mujoco.base import MujocoEnv, Outcome, uniform
from dstjax.envs.mujoco.model import c_model
from dstjax.envs.mujoco.physics import Physics, Readings
from dstjax.types import Array, Key

_MIN_HEIGHT = 1.0  # metre
_POLE_LENGTH = 0.6  # metre, each of the two
_CLIP = 10.0


@dataclasses.dataclass(frozen=True)
class InvertedDoublePendulum(MujocoEnv):
    """Observation `[9]`: cart position (m), sines and cosines of the two hinges, velocities, constraint force (N).

    The constraint force is the one on the cart, non-zero where the rail ends; it and the velocities are clipped to
    `[-10, 10]`. Action `[1]`: force on the cart. Reward: `healthy_reward - 0.01 x^2 - (y - 2)^2 - 0.001 w1^2
    - 0.005 w2^2` with the tip at `(x, y)` (m) and the hinges turning at `w` (rad/s). Terminates at `y <= 1`.

    As in Gymnasium, tip and constraint force are read off MuJoCo's last evaluation of the dynamics (the fourth
    Runge-Kutta stage); the tip anew where noise kicks the state.

    Args:
      healthy_reward: per step that did not terminate.
      reset_noise_scale: half width of the uniform law of initial positions, standard deviation of the Gaussian law of
        initial velocities.
    """

    xml_file: str = "inverted_double_pendulum.xml"
    frame_skip: int = 5
    healthy_reward: float = 10.0
    reset_noise_scale: float = 0.1

    name: ClassVar[str] = "inverted_double_pendulum"
    reward_terms: ClassVar[tuple[str, ...]] = ("reward_survive", "distance_penalty", "velocity_penalty")
    placed: ClassVar[tuple[str, ...]] = ("tip",)

    @property
    def obs_size(self) -> int:
        """S = 9."""
        return 9

    def initial(self, key: Key) -> tuple[Array, Array]:
        """Uniform positions, Gaussian velocities; consumes the key."""
        qpos_key, qvel_key = jax.random.split(key)
        qpos = uniform(qpos_key, c_model(self.xml_file).qpos0, self.reset_noise_scale)
        return qpos, self.reset_noise_scale * jax.random.normal(qvel_key, qpos.shape, qpos.dtype)

    def read(self, data: mjx.Data) -> Readings:
        """The tip of the second pole and the constraint force on the cart."""
        return {"tip": data.site_xpos[0], "force": data.qfrc_constraint[:1]}

    def initial_readings(self, physics: Physics) -> Readings:
        """No constraint force: the only constraint is the rail's end at 1 m, far beyond the law of resets."""
        return {"force": jnp.zeros(1)}

    def observation(self, physics: Physics, readings: Readings) -> Array:
        """`[9]`, see the class."""
        hinges = physics.qpos[1:]
        clipped = jnp.clip(jnp.concatenate([physics.qvel, readings["force"]]), -_CLIP, _CLIP)
        return jnp.concatenate([physics.qpos[:1], jnp.sin(hinges), jnp.cos(hinges), clipped])

    def terminates(self, obs: Array) -> Array:
        """`[9]` noise-free observation -> `[]` bool, exact up to the tip being that of the last Runge-Kutta stage."""
        (sin1, sin2), (cos1, cos2) = obs[1:3], obs[3:5]
        return _POLE_LENGTH * (cos1 + cos1 * cos2 - sin1 * sin2) <= _MIN_HEIGHT

    def outcome(self, before: Physics, after: Physics, readings: Readings, action: Array) -> Outcome:
        """Alive bonus less penalties on the tip's distance from (0, 2) and the hinges' velocities."""
        x, _, y = readings["tip"]
        terminated = y <= _MIN_HEIGHT
        terms = {
            "reward_survive": jnp.where(terminated, 0.0, self.healthy_reward),
            "distance_penalty": -(0.01 * x**2 + (y - 2.0) ** 2),
            "velocity_penalty": -(1e-3 * after.qvel[1] ** 2 + 5e-3 * after.qvel[2] ** 2),
        }
        return Outcome(sum(terms.values(), jnp.zeros_like(x)), terminated, terms)
