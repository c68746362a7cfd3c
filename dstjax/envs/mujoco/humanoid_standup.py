"""Gymnasium's `HumanoidStandup-v5`: get up from lying on the back."""

import dataclasses
import math
from typing import ClassVar

import jax.numpy as jnp

from dstjax.envs.mujoco.base import Outcome
from dstjax.envs.mujoco.humanoid import HumanoidBody
from dstjax.envs.mujoco.locomotion import Range
from dstjax.envs.mujoco.model import c_model
from dstjax.envs.mujoco.physics import Physics, Readings
from dstjax.types import Array


@dataclasses.dataclass(frozen=True)
class HumanoidStandup(HumanoidBody):
    """Observation `[348]`: see `HumanoidBody`. Action `[17]`: torques, 0.4 at most in the file's units.

    Reward: `1 + z / timestep - ctrl_cost_weight |a|^2 - impact`, with the torso's height `z` (m). Never terminates.
    Options: see `HumanoidBody` and `Robot`. Gymnasium's `uph_cost_weight` is not among them: there it changes nothing.

    Args:
      ctrl_cost_weight: per squared action.
      impact_cost_weight: per squared contact force.
      impact_cost_range: the cost of impact is clipped to it.
    """

    xml_file: str = "humanoidstandup.xml"
    ctrl_cost_weight: float = 0.1
    impact_cost_weight: float = 5e-7
    impact_cost_range: Range = (-math.inf, 10.0)

    name: ClassVar[str] = "humanoid_standup"
    reward_terms: ClassVar[tuple[str, ...]] = ("reward_linup", "reward_quadctrl", "reward_impact")

    def outcome(self, before: Physics, after: Physics, readings: Readings, action: Array) -> Outcome:
        """Height, less the costs of control and impact, and 1."""
        impact = self.impact_cost_weight * jnp.sum(readings["cfrc_ext"] ** 2)
        terms = {
            "reward_linup": after.qpos[2] / float(c_model(self.xml_file).opt.timestep),
            "reward_quadctrl": -self.ctrl_cost_weight * jnp.sum(action**2),
            "reward_impact": -jnp.clip(impact, *self.impact_cost_range),
        }
        return Outcome(sum(terms.values(), jnp.ones_like(after.qpos[0])), jnp.zeros((), bool), terms)
