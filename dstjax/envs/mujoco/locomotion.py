"""What the tasks that reward moving forward share; each is a small file that names its numbers."""

import dataclasses
import math
from typing import ClassVar

import jax
import jax.numpy as jnp

from dstjax.envs.mujoco.base import MujocoEnv, Outcome, uniform
from dstjax.envs.mujoco.model import c_model
from dstjax.envs.mujoco.physics import Physics, Readings
from dstjax.types import Array, Key

Range = tuple[float, float]


@dataclasses.dataclass(frozen=True)
class Robot(MujocoEnv):
    """A body seen by its positions, but the first `hidden` ones, and its velocities.

    Args:
      reset_noise_scale: half width of the uniform law of every initial position, and of velocities, or the standard
        deviation of velocities where their law is Gaussian.
      exclude_current_positions_from_observation: leave out the horizontal position, which else comes first.
    """

    reset_noise_scale: float = 5e-3
    exclude_current_positions_from_observation: bool = True

    hidden: ClassVar[int] = 1
    """Horizontal coordinates, the first of the positions."""
    velocity_bound: ClassVar[float] = math.inf
    """Velocities are seen clipped to it."""
    gaussian_velocities: ClassVar[bool] = False
    """Law of the initial velocities: Gaussian, or uniform."""

    @property
    def obs_size(self) -> int:
        """S: positions and velocities, less the horizontal position where it is left out."""
        model = c_model(self.xml_file)
        return int(model.nq + model.nv) - self.skipped

    @property
    def skipped(self) -> int:
        """Number of positions that are not observed."""
        return self.hidden * self.exclude_current_positions_from_observation

    def initial(self, key: Key) -> tuple[Array, Array]:
        """Noise around the file's pose at rest; consumes the key."""
        qpos_key, qvel_key = jax.random.split(key)
        model, scale = c_model(self.xml_file), self.reset_noise_scale
        qpos, rest = uniform(qpos_key, model.qpos0, scale), jnp.zeros(model.nv)
        if self.gaussian_velocities:
            return qpos, rest + scale * jax.random.normal(qvel_key, rest.shape)
        return qpos, uniform(qvel_key, rest, scale)

    def observation(self, physics: Physics, readings: Readings) -> Array:
        """`[S]`, see the class."""
        seen = jnp.clip(physics.qvel, -self.velocity_bound, self.velocity_bound)
        return jnp.concatenate([physics.qpos[self.skipped :], seen])


@dataclasses.dataclass(frozen=True)
class Locomotion(Robot):
    """A robot that moves along x.

    Reward: `forward_reward_weight v_x - ctrl_cost_weight |a|^2`, with `v_x` (m/s) the mean forward speed of the step.

    Args:
      forward_reward_weight: per m/s.
      ctrl_cost_weight: per squared action, in the actuators' units.
    """

    forward_reward_weight: float = 1.0
    ctrl_cost_weight: float = 1e-3

    reward_terms: ClassVar[tuple[str, ...]] = ("reward_forward", "reward_ctrl")

    def distance(self, before: Physics, after: Physics, readings: Readings) -> Array:
        """`[]` metres moved along x in a step."""
        return after.qpos[0] - before.qpos[0]

    def terms(self, before: Physics, after: Physics, readings: Readings, action: Array) -> dict[str, Array]:
        """The named terms whose sum is the reward; `action` `[A]` in the actuators' units."""
        return {
            "reward_forward": self.forward_reward_weight * self.distance(before, after, readings) / self.dt,
            "reward_ctrl": -self.ctrl_cost_weight * jnp.sum(action**2),
        }

    def outcome(self, before: Physics, after: Physics, readings: Readings, action: Array) -> Outcome:
        """The sum of the terms; never terminates."""
        terms = self.terms(before, after, readings, action)
        return Outcome(sum(terms.values(), jnp.zeros_like(after.qpos[0])), jnp.zeros((), bool), terms)


@dataclasses.dataclass(frozen=True)
class Walking(Locomotion):
    """A body that may fall: a bonus for each step in a healthy state, and termination in an unhealthy one.

    Args:
      healthy_reward: per step in a healthy state.
      terminate_when_unhealthy: end the episode in an unhealthy state.
      healthy_z_range: of the torso's height (m).
    """

    healthy_reward: float = 1.0
    terminate_when_unhealthy: bool = True
    healthy_z_range: Range = (0.8, 2.0)

    reward_terms: ClassVar[tuple[str, ...]] = (*Locomotion.reward_terms, "reward_survive")

    def healthy(self, posture: Array) -> Array:
        """`[n]` positions from the height on, then velocities -> `[]` bool."""
        return inside(posture[0], self.healthy_z_range)

    def terminates(self, obs: Array) -> Array:
        """`[S]` noise-free observation -> `[]` bool, exact unless a velocity that the observation clips decides."""
        return self.terminate_when_unhealthy & ~self.healthy(obs[self.hidden - self.skipped :])

    def terms(self, before: Physics, after: Physics, readings: Readings, action: Array) -> dict[str, Array]:
        """Those of `Locomotion`, and the bonus for being healthy."""
        healthy = self.healthy(posture(after, self.hidden))
        survive = jnp.where(healthy, self.healthy_reward, 0.0)
        return super().terms(before, after, readings, action) | {"reward_survive": survive}

    def outcome(self, before: Physics, after: Physics, readings: Readings, action: Array) -> Outcome:
        """The sum of the terms; terminates when unhealthy."""
        healthy = self.healthy(posture(after, self.hidden))
        earned = super().outcome(before, after, readings, action)
        return Outcome(earned.reward, self.terminate_when_unhealthy & ~healthy, earned.info)


def posture(physics: Physics, hidden: int) -> Array:
    """`[n]` positions but the first `hidden` ones, then velocities.

    Args:
      physics: state.
      hidden: horizontal coordinates.

    Returns:
      What decides on health.
    """
    return jnp.concatenate([physics.qpos[hidden:], physics.qvel])


def inside(value: Array, interval: Range) -> Array:
    """Whether a value lies in an open interval.

    Args:
      value: any shape.
      interval: its ends.

    Returns:
      bool, of the value's shape.
    """
    low, high = interval
    return (low < value) & (value < high)
