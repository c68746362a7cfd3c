"""Gymnasium's `Hopper-v5`: hop forward on one leg, in a plane."""

import dataclasses
import math
from typing import ClassVar

import jax.numpy as jnp

from dstjax.envs.mujoco.locomotion import Range, Walking, inside
from dstjax.types import Array


@dataclasses.dataclass(frozen=True)
class Hopper(Walking):
    """Observation `[11]`: torso height (m) and pitch (rad), three joint angles (rad), six velocities clipped to 10.

    Action `[3]`: torques on thigh, leg and foot. Reward: forward speed and a bonus for being healthy, less the control
    cost. Terminates when unhealthy: height, pitch or any other state leaves its (open) range. Options: see
    `Robot`, `Locomotion` and `Walking`.

    Args:
      healthy_state_range: of every position and velocity but the first two positions.
      healthy_angle_range: of the torso's pitch (rad).
    """

    xml_file: str = "hopper.xml"
    frame_skip: int = 4
    healthy_state_range: Range = (-100.0, 100.0)
    healthy_z_range: Range = (0.7, math.inf)
    healthy_angle_range: Range = (-0.2, 0.2)

    name: ClassVar[str] = "hopper"
    velocity_bound: ClassVar[float] = 10.0

    def healthy(self, posture: Array) -> Array:
        """`[n]` positions from the height on, then velocities -> `[]` bool."""
        upright = super().healthy(posture) & inside(posture[1], self.healthy_angle_range)
        return upright & jnp.all(inside(posture[1:], self.healthy_state_range))
