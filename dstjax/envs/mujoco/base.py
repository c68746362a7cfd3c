"""What every MuJoCo task shares: a task is a small file that fills in the hooks of `MujocoEnv`.

Semantics follow Gymnasium's v5 tasks: its XML files, observation, reward, reset law, frame skip, termination and time
limit. The one difference is the action, in `[-1, 1]` per actuator and mapped linearly onto the control range.
"""

import dataclasses
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
import numpy as np
from mujoco import mjx

from dstjax.config import NoiseParams
from dstjax.envs import noise as noises
from dstjax.envs.core import EnvState, advance, begin, check_count
from dstjax.envs.mujoco.model import SOLVERS, c_model, mjx_model
from dstjax.envs.mujoco.physics import Physics, Readings, simulate
from dstjax.errors import unknown_name
from dstjax.types import Array, Key


@dataclasses.dataclass(frozen=True)
class Outcome:
    """What a task computes from two successive physical states."""

    reward: Array
    """`[]`"""
    terminated: Array
    """`[]` bool."""
    info: dict[str, Array]
    """Named reward terms, each `[]`."""


@dataclasses.dataclass(frozen=True)
class MujocoEnv:
    """A Gymnasium MuJoCo task simulated by MJX. Subclasses are frozen dataclasses whose fields are the task's options.

    Args:
      solver: bound on the constraint solver's steps, `fast` (8, which these tasks do not reach) or `exact` (the XML's).
      frame_skip: physics steps per control step.
      time_limit: control steps per episode.
    """

    solver: str = "fast"
    frame_skip: int = 1
    time_limit: int = 1000

    name: ClassVar[str]
    xml: ClassVar[str]
    reward_terms: ClassVar[tuple[str, ...]]
    terminates: ClassVar[Any] = None

    def __post_init__(self) -> None:
        check_count("frame_skip", self.frame_skip)
        check_count("time_limit", self.time_limit)
        if self.solver not in SOLVERS:
            raise unknown_name("solver", self.solver, SOLVERS)

    def initial(self, key: Key) -> tuple[Array, Array]:
        """Draw `(qpos [nq], qvel [nv])` of a new episode; consumes the key."""
        raise NotImplementedError

    def observation(self, physics: Physics, readings: Readings) -> Array:
        """`[S]` true observation."""
        raise NotImplementedError

    def outcome(self, before: Physics, after: Physics, readings: Readings, action: Array) -> Outcome:
        """Reward and termination of a step; `action` `[A]` is in the actuators' units, as Gymnasium's is."""
        raise NotImplementedError

    def read(self, data: mjx.Data) -> Readings:
        """Quantities beyond positions and velocities that observation or outcome need."""
        return {}

    def initial_readings(self) -> Readings:
        """The readings of a fresh episode, known without running the physics."""
        return {}

    @property
    def action_size(self) -> int:
        """A: the number of actuators."""
        return int(c_model(self.xml).nu)

    @property
    def control_range(self) -> np.ndarray:
        """`[A, 2]` lowest and highest control, in the actuators' units."""
        return np.array(c_model(self.xml).actuator_ctrlrange)

    @property
    def dt(self) -> float:
        """Duration of a control step in seconds."""
        return float(c_model(self.xml).opt.timestep) * self.frame_skip

    def reset(self, key: Key, noise: NoiseParams) -> EnvState:
        """Draw the first state of an episode. Runs no physics; consumes the key."""
        initial_key, obs_key = jax.random.split(key)
        qpos, qvel = self.initial(initial_key)
        physics = Physics(qpos, qvel, jnp.zeros_like(qvel))
        obs = noises.observe(self.observation(physics, self.initial_readings()), obs_key, noise)
        return begin(physics, obs, self.reward_terms)

    def step(self, state: EnvState, action: Array, key: Key, noise: NoiseParams) -> EnvState:
        """One control step with `action` `[A]` in `[-1, 1]`; consumes the key. Actuators clamp beyond their range."""
        dynamics_key, obs_key = jax.random.split(key)
        control = self.control(action)
        physics, readings = self.simulate(state.physics, control)
        physics = physics.replace(qvel=noises.kick(physics.qvel, dynamics_key, noise))
        outcome = self.outcome(state.physics, physics, readings, control)
        obs = noises.observe(self.observation(physics, readings), obs_key, noise)
        return advance(
            state, physics, obs, outcome.reward, outcome.terminated, outcome.info, time_limit=self.time_limit
        )

    def control(self, action: Array) -> Array:
        """`[A]` in `[-1, 1]` to the actuators' units."""
        low, high = jnp.asarray(self.control_range.T, action.dtype)
        return low + 0.5 * (action + 1.0) * (high - low)

    def simulate(self, physics: Physics, control: Array) -> tuple[Physics, Readings]:
        """The noise-free physics of a control step, at full matrix precision whatever the surrounding default."""
        model, empty = mjx_model(self.xml, self.solver)
        with jax.default_matmul_precision("highest"):
            return simulate(model, empty, physics, control, self.read, frame_skip=self.frame_skip)


def uniform(key: Key, center: np.ndarray, scale: float) -> Array:
    """`center + U[-scale, scale]` per entry, in the default float width.

    Args:
      key: consumed.
      center: `[n]`.
      scale: half width, in the entries' units.

    Returns:
      `[n]` one draw.
    """
    start = jnp.asarray(center, float)
    return start + jax.random.uniform(key, start.shape, start.dtype, minval=-scale, maxval=scale)
