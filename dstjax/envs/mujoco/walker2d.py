"""Gymnasium's `Walker2d-v5`: walk forward on two legs, in a plane."""

import dataclasses
from typing import ClassVar

from dstjax.envs.mujoco.locomotion import Range, Walking, inside
from dstjax.types import Array


@dataclasses.dataclass(frozen=True)
class Walker2d(Walking):
    """Observation `[17]`: height (m), pitch (rad), six joint angles (rad), nine velocities clipped to 10.

    Action `[6]`: torques on thighs, legs and feet. Reward: forward speed and a bonus for being healthy, less the
    control cost. Terminates when height or pitch leaves its (open) range. Options: see `Robot`,
    `Locomotion` and `Walking`.

    Args:
      healthy_angle_range: of the torso's pitch (rad).
    """

    xml_file: str = "walker2d_v5.xml"
    frame_skip: int = 4
    healthy_angle_range: Range = (-1.0, 1.0)

    name: ClassVar[str] = "walker2d"
    velocity_bound: ClassVar[float] = 10.0

    def healthy(self, posture: Array) -> Array:
        """`[n]` positions from the height on, then velocities -> `[]` bool."""
        return super().healthy(posture) & inside(posture[1], self.healthy_angle_range)
