"""Gymnasium's `Swimmer-v5`: swim forward in a viscous fluid, with three links in a plane."""

import dataclasses
from typing import ClassVar

from dstjax.envs.mujoco.locomotion import Locomotion


@dataclasses.dataclass(frozen=True)
class Swimmer(Locomotion):
    """Observation `[8]`: heading (rad), two joint angles (rad), five velocities. Action `[2]`: torques.

    Reward: forward speed less the control cost. Never terminates. Options: see `Locomotion` and `Robot`; the
    horizontal position is `(x, y)`.
    """

    xml_file: str = "swimmer.xml"
    frame_skip: int = 4
    ctrl_cost_weight: float = 1e-4
    reset_noise_scale: float = 0.1

    name: ClassVar[str] = "swimmer"
    hidden: ClassVar[int] = 2
