"""Gymnasium's `HalfCheetah-v5`: run forward on two legs, in a plane."""

import dataclasses
from typing import ClassVar

from dstjax.envs.mujoco.locomotion import Locomotion


@dataclasses.dataclass(frozen=True)
class HalfCheetah(Locomotion):
    """Observation `[17]`: height (m), pitch (rad), six joint angles (rad), nine velocities. Action `[6]`: torques.

    Reward: forward speed less the control cost. Never terminates. Options: see `Locomotion` and `Robot`; initial
    velocities are Gaussian.
    """

    xml_file: str = "half_cheetah.xml"
    frame_skip: int = 5
    ctrl_cost_weight: float = 0.1
    reset_noise_scale: float = 0.1

    name: ClassVar[str] = "half_cheetah"
    gaussian_velocities: ClassVar[bool] = True
