"""Gymnasium's `InvertedPendulum-v5`: keep a pole upright on a cart."""

import dataclasses
from typing import ClassVar

import jax
import jax.numpy as jnp

from dstjax.envs.mujoco.base import MujocoEnv, Outcome, uniform
from dstjax.envs.mujoco.model import c_model
from dstjax.envs.mujoco.physics import Physics, Readings
from dstjax.types import Array, Key

_MAX_ANGLE = 0.2  # radian


@dataclasses.dataclass(frozen=True)
class InvertedPendulum(MujocoEnv):
    """Observation `[4]`: cart position (m), pole angle (rad), their velocities. Action `[1]`: force on the cart.

    Reward 1 per step while the pole stands. Terminates when its angle exceeds 0.2 rad or a number is not finite.

    Args:
      reset_noise_scale: half width of the uniform law of every initial position and velocity.
    """

    xml_file: str = "inverted_pendulum.xml"
    frame_skip: int = 2
    reset_noise_scale: float = 0.01

    name: ClassVar[str] = "inverted_pendulum"
    reward_terms: ClassVar[tuple[str, ...]] = ("reward_survive",)

    @property
    def obs_size(self) -> int:
        """S = 4."""
        return 4

    def initial(self, key: Key) -> tuple[Array, Array]:
        """Uniform around rest; consumes the key."""
        qpos_key, qvel_key = jax.random.split(key)
        rest = c_model(self.xml_file).qpos0
        return uniform(qpos_key, rest, self.reset_noise_scale), uniform(qvel_key, 0.0 * rest, self.reset_noise_scale)

    def observation(self, physics: Physics, readings: Readings) -> Array:
        """`[4]` positions and velocities."""
        return jnp.concatenate([physics.qpos, physics.qvel])

    def terminates(self, obs: Array) -> Array:
        """`[4]` noise-free observation -> `[]` bool, exact."""
        return ~jnp.isfinite(obs).all() | (jnp.abs(obs[1]) > _MAX_ANGLE)

    def outcome(self, before: Physics, after: Physics, readings: Readings, action: Array) -> Outcome:
        """Reward 1 unless terminated."""
        terminated = self.terminates(self.observation(after, readings))
        reward = jnp.where(terminated, 0.0, 1.0)
        return Outcome(reward, terminated, {"reward_survive": reward})
