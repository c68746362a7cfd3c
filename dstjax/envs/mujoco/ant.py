"""Gymnasium's `Ant-v5`: walk forward on four legs."""

import dataclasses
from typing import ClassVar

import jax.numpy as jnp
from mujoco import mjx

from dstjax.envs.mujoco.locomotion import Range, Walking
from dstjax.envs.mujoco.model import c_model
from dstjax.envs.mujoco.physics import Physics, Readings
from dstjax.types import Array


@dataclasses.dataclass(frozen=True)
class Ant(Walking):
    """Observation `[105]`: height (m), orientation `(w, x, y, z)`, eight joint angles (rad), 14 velocities, contacts.

    Of contacts, torque and force on each of the 13 bodies (N m, N), clipped. Action `[8]`: torques on hips and ankles.
    Reward: forward speed of the main body and a bonus for being healthy, less the costs of control and contact.
    Terminates when the torso's height leaves its (closed) range or a number is not finite. Options: see
    `Robot`, `Locomotion` and `Walking`; the horizontal position is `(x, y)`, initial velocities are Gaussian.

    Args:
      contact_cost_weight: per squared contact force.
      main_body: name or number of the body whose speed is rewarded.
      contact_force_range: contact forces are clipped to it.
      include_cfrc_ext_in_observation: contact forces (`[27]` without).
    """

    xml_file: str = "ant.xml"
    frame_skip: int = 5
    ctrl_cost_weight: float = 0.5
    reset_noise_scale: float = 0.1
    healthy_z_range: Range = (0.2, 1.0)
    contact_cost_weight: float = 5e-4
    main_body: int | str = 1
    contact_force_range: Range = (-1.0, 1.0)
    include_cfrc_ext_in_observation: bool = True

    name: ClassVar[str] = "ant"
    hidden: ClassVar[int] = 2
    gaussian_velocities: ClassVar[bool] = True
    reward_terms: ClassVar[tuple[str, ...]] = (*Walking.reward_terms, "reward_contact")
    placed: ClassVar[tuple[str, ...]] = ("place",)
    remembered: ClassVar[tuple[str, ...]] = ("place",)

    @property
    def obs_size(self) -> int:
        """S = 105, less 78 without contact forces; 2 more with the horizontal position."""
        forces = 6 * (c_model(self.xml_file).nbody - 1)
        return super().obs_size + forces * self.include_cfrc_ext_in_observation

    def read(self, data: mjx.Data) -> Readings:
        """Where the main body is, and contact forces, which C MuJoCo knows of the last evaluation of the dynamics."""
        place = data.xpos[c_model(self.xml_file).body(self.main_body).id, 0]
        return {"place": place, "forces": jnp.clip(data._impl.cfrc_ext, *self.contact_force_range)}

    def observation(self, physics: Physics, readings: Readings) -> Array:
        """`[S]`, see the class."""
        seen = super().observation(physics, readings)
        forces = readings["forces"][1:].ravel()
        return jnp.concatenate([seen, forces]) if self.include_cfrc_ext_in_observation else seen

    def healthy(self, posture: Array) -> Array:
        """`[n]` positions from the height on, then velocities -> `[]` bool."""
        low, high = self.healthy_z_range
        return jnp.isfinite(posture).all() & (low <= posture[0]) & (posture[0] <= high)

    def distance(self, before: Physics, after: Physics, readings: Readings) -> Array:
        """`[]` metres that the main body moved along x."""
        return readings["place"] - before.memory["place"]

    def terms(self, before: Physics, after: Physics, readings: Readings, action: Array) -> dict[str, Array]:
        """Those of `Walking`, and the cost of contact."""
        contact = -self.contact_cost_weight * jnp.sum(readings["forces"] ** 2)
        return super().terms(before, after, readings, action) | {"reward_contact": contact}
