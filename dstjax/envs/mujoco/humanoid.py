"""Gymnasium's `Humanoid-v5`: walk forward on two legs."""

import dataclasses
import math
from typing import ClassVar

import jax.numpy as jnp
import numpy as np
from mujoco import mjx

from dstjax.envs.mujoco.locomotion import Range, Robot, Walking
from dstjax.envs.mujoco.model import c_model
from dstjax.envs.mujoco.physics import Physics, Readings
from dstjax.types import Array


@dataclasses.dataclass(frozen=True)
class HumanoidBody(Robot):
    """What both humanoids are seen by: `[348]`.

    Height (m), orientation `(w, x, y, z)`, 17 joint angles (rad), 23 velocities; of each of 13 bodies inertia and mass
    about the centre of mass `[10]`, and velocity `[6]`; torques of the motors `[17]`; of each body contact torque and
    force `[6]`.

    As in Gymnasium, all but positions and velocities are those of the last evaluation of the dynamics. The file asks
    for a solver that MJX does not have (PGS): Newton's method takes its place.

    Args:
      include_cinert_in_observation: inertias (130 entries).
      include_cvel_in_observation: velocities of bodies (78).
      include_qfrc_actuator_in_observation: torques of motors (17).
      include_cfrc_ext_in_observation: contact forces (78).
    """

    frame_skip: int = 5
    reset_noise_scale: float = 1e-2
    include_cinert_in_observation: bool = True
    include_cvel_in_observation: bool = True
    include_qfrc_actuator_in_observation: bool = True
    include_cfrc_ext_in_observation: bool = True

    hidden: ClassVar[int] = 2
    placed: ClassVar[tuple[str, ...]] = ("cinert", "cvel", "place")

    @property
    def obs_size(self) -> int:
        """S = 348, less what is left out."""
        model = c_model(self.xml_file)
        width = {"cinert": 10 * (model.nbody - 1), "cvel": 6 * (model.nbody - 1), "qfrc_actuator": model.nv - 6}
        width["cfrc_ext"] = width["cvel"]
        return super().obs_size + sum(int(width[name]) for name in self._included)

    @property
    def _included(self) -> tuple[str, ...]:
        names = ("cinert", "cvel", "qfrc_actuator", "cfrc_ext")
        return tuple(name for name in names if getattr(self, f"include_{name}_in_observation"))

    def read(self, data: mjx.Data) -> Readings:
        """What the observation is made of, and where the centre of mass is."""
        mass = np.array(c_model(self.xml_file).body_mass)
        return {
            "cinert": data._impl.cinert[1:],
            "cvel": data.cvel[1:],
            "qfrc_actuator": data.qfrc_actuator[6:],
            "cfrc_ext": data._impl.cfrc_ext[1:],
            "place": jnp.asarray(mass / mass.sum(), data.xipos.dtype) @ data.xipos[:, 0],
        }

    def observation(self, physics: Physics, readings: Readings) -> Array:
        """`[S]`, see the class."""
        parts = [readings[name].ravel() for name in self._included]
        return jnp.concatenate([super().observation(physics, readings), *parts])


@dataclasses.dataclass(frozen=True)
class Humanoid(HumanoidBody, Walking):
    """Observation `[348]`: see `HumanoidBody`. Action `[17]`: torques, 0.4 at most in the file's units.

    Reward: forward speed of the centre of mass and a bonus for being healthy, less the costs of control and contact.
    Terminates when the torso's height leaves its (open) range. Options: see `HumanoidBody`, `Robot`, `Locomotion` and
    `Walking`; the horizontal position is `(x, y)`.

    Args:
      contact_cost_weight: per squared contact force.
      contact_cost_range: the cost of contact is clipped to it.
    """

    xml_file: str = "humanoid.xml"
    forward_reward_weight: float = 1.25
    ctrl_cost_weight: float = 0.1
    contact_cost_weight: float = 5e-7
    contact_cost_range: Range = (-math.inf, 10.0)
    healthy_reward: float = 5.0
    healthy_z_range: Range = (1.0, 2.0)

    name: ClassVar[str] = "humanoid"
    reward_terms: ClassVar[tuple[str, ...]] = (*Walking.reward_terms, "reward_contact")
    remembered: ClassVar[tuple[str, ...]] = ("place",)

    def distance(self, before: Physics, after: Physics, readings: Readings) -> Array:
        """`[]` metres that the centre of mass moved along x."""
        return readings["place"] - before.memory["place"]

    def terms(self, before: Physics, after: Physics, readings: Readings, action: Array) -> dict[str, Array]:
        """Those of `Walking`, and the cost of contact."""
        contact = jnp.clip(self.contact_cost_weight * jnp.sum(readings["cfrc_ext"] ** 2), *self.contact_cost_range)
        return super().terms(before, after, readings, action) | {"reward_contact": -contact}
