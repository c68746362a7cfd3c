"""Gymnasium's `Hopper-v5`: hop forward on one leg."""

import dataclasses
import math
from typing import ClassVar

import jax
import jax.numpy as jnp

from dstjax.envs.mujoco.base import MujocoEnv, Outcome, uniform
from dstjax.envs.mujoco.model import c_model
from dstjax.envs.mujoco.physics import Physics, Readings
from dstjax.types import Array, Key

_CLIP = 10.0
Range = tuple[float, float]


@dataclasses.dataclass(frozen=True)
class Hopper(MujocoEnv):
    """Observation `[11]`: torso height (m) and pitch (rad), three joint angles (rad), six velocities clipped to 10.

    Action `[3]`: torques on thigh, leg and foot. Reward: `forward_reward_weight dx/dt + healthy_reward
    - ctrl_cost_weight |a|^2`. Terminates when unhealthy: height, pitch or any other state leaves its (open) range.

    Args:
      forward_reward_weight: per m/s.
      ctrl_cost_weight: per squared action.
      healthy_reward: per step in a healthy state.
      terminate_when_unhealthy: end the episode in an unhealthy state.
      healthy_state_range: of every position and velocity but the first two positions.
      healthy_z_range: of the torso's height (m).
      healthy_angle_range: of the torso's pitch (rad).
      reset_noise_scale: half width of the uniform law of every initial position and velocity.
      exclude_current_positions_from_observation: leave out the forward position, which else comes first (`[12]`).
    """

    frame_skip: int = 4
    forward_reward_weight: float = 1.0
    ctrl_cost_weight: float = 1e-3
    healthy_reward: float = 1.0
    terminate_when_unhealthy: bool = True
    healthy_state_range: Range = (-100.0, 100.0)
    healthy_z_range: Range = (0.7, math.inf)
    healthy_angle_range: Range = (-0.2, 0.2)
    reset_noise_scale: float = 5e-3
    exclude_current_positions_from_observation: bool = True

    name: ClassVar[str] = "hopper"
    xml: ClassVar[str] = "hopper.xml"
    reward_terms: ClassVar[tuple[str, ...]] = ("reward_forward", "reward_ctrl", "reward_survive")

    @property
    def obs_size(self) -> int:
        """S = 11, or 12 with the forward position."""
        return 12 - self._skip

    @property
    def _skip(self) -> int:
        return int(self.exclude_current_positions_from_observation)

    def initial(self, key: Key) -> tuple[Array, Array]:
        """Uniform around standing at rest; consumes the key."""
        qpos_key, qvel_key = jax.random.split(key)
        rest = c_model(self.xml).qpos0
        return uniform(qpos_key, rest, self.reset_noise_scale), uniform(qvel_key, 0.0 * rest, self.reset_noise_scale)

    def observation(self, physics: Physics, readings: Readings) -> Array:
        """`[S]`, see the class."""
        return jnp.concatenate([physics.qpos[self._skip :], jnp.clip(physics.qvel, -_CLIP, _CLIP)])

    def _healthy(self, posture: Array) -> Array:
        """`[n]` positions from the height on, then velocities -> `[]` bool."""
        height, pitch = posture[0], posture[1]
        return (
            jnp.all(_inside(posture[1:], self.healthy_state_range))
            & _inside(height, self.healthy_z_range)
            & _inside(pitch, self.healthy_angle_range)
        )

    def terminates(self, obs: Array) -> Array:
        """`[S]` noise-free observation -> `[]` bool, exact unless a velocity that the observation clips decides."""
        return self.terminate_when_unhealthy & ~self._healthy(obs[1 - self._skip :])

    def outcome(self, before: Physics, after: Physics, readings: Readings, action: Array) -> Outcome:
        """Forward speed and a bonus for being healthy, less the control cost."""
        healthy = self._healthy(jnp.concatenate([after.qpos[1:], after.qvel]))
        terms = {
            "reward_forward": self.forward_reward_weight * (after.qpos[0] - before.qpos[0]) / self.dt,
            "reward_ctrl": -self.ctrl_cost_weight * jnp.sum(action**2),
            "reward_survive": jnp.where(healthy, self.healthy_reward, 0.0),
        }
        terminated = self.terminate_when_unhealthy & ~healthy
        return Outcome(sum(terms.values(), jnp.zeros_like(after.qpos[0])), terminated, terms)


def _inside(value: Array, interval: Range) -> Array:
    low, high = interval
    return (low < value) & (value < high)
