"""What every MuJoCo task shares: a task is a small file that fills in the hooks of `MujocoEnv`.

Semantics follow Gymnasium's v5 tasks: its XML files, observation, reward, reset law, frame skip, termination and time
limit. The one difference is the action, in `[-1, 1]` per actuator and mapped linearly onto the control range.
"""

import dataclasses
from typing import ClassVar

import jax
import jax.numpy as jnp
import numpy as np
from mujoco import mjx

from dstjax.envs.mujoco.model import SOLVERS, c_model, mjx_model
from dstjax.envs.mujoco.physics import Physics, Readings, simulate
from dstjax.envs.mujoco.randomize import kicked, randomize, relocate, responses
from dstjax.envs.noise import Kick, NoiseState
from dstjax.envs.task import Outcome, Task, check_count
from dstjax.errors import unknown_name
from dstjax.types import Array, Key


@dataclasses.dataclass(frozen=True)
class MujocoEnv(Task):
    """A Gymnasium MuJoCo task simulated by MJX. Subclasses are frozen dataclasses whose fields are the task's options.

    Args:
      xml_file: the model, by name one of Gymnasium's; a path begins with `/`, `.` or `~`.
      solver: bound on the constraint solver's steps: `fast` (8, the most any task was seen to need) or `exact` (XML's).
      frame_skip: physics steps per control step.
    """

    xml_file: str = ""
    solver: str = "fast"
    frame_skip: int = 1

    placed: ClassVar[tuple[str, ...]] = ()
    """Names of the readings that positions and velocities determine: computed anew where noise kicks these."""
    remembered: ClassVar[tuple[str, ...]] = ()
    """Names of the readings that the next step's outcome finds in `before.memory`."""

    def __post_init__(self) -> None:
        super().__post_init__()
        check_count("frame_skip", self.frame_skip)
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

    def initial_readings(self, physics: Physics) -> Readings:
        """The readings of a fresh episode, known without running the physics: kinematics, and no forces."""
        return self.read(relocate(*mjx_model(self.xml_file, self.solver), physics)) if self.placed else {}

    @property
    def action_size(self) -> int:
        """A: the number of actuators."""
        return int(c_model(self.xml_file).nu)

    @property
    def control_range(self) -> np.ndarray:
        """`[A, 2]` lowest and highest control, in the actuators' units."""
        return np.array(c_model(self.xml_file).actuator_ctrlrange)

    @property
    def dt(self) -> float:
        """Duration of a control step in seconds."""
        return float(c_model(self.xml_file).opt.timestep) * self.frame_skip

    @property
    def freedoms(self) -> int:
        """V."""
        return int(c_model(self.xml_file).nv)

    @property
    def noises(self) -> frozenset[str]:
        """All but gravity where no joint feels it, and friction where nothing touches."""
        return responses(self.xml_file)

    def start(self, key: Key) -> tuple[Physics, Array]:
        """Draw the first state of an episode. Runs no physics; consumes the key."""
        qpos, qvel = self.initial(key)
        physics = Physics(qpos, qvel, jnp.zeros_like(qvel))
        readings = self.initial_readings(physics)
        return self.remember(physics, readings), self.observation(physics, readings)

    def move(
        self, physics: Physics, command: Array, episode: NoiseState, kick: Kick, key: Key
    ) -> tuple[Physics, Array, Outcome]:
        """One control step of physics, then the kick; actuators clamp beyond their range. Ignores the key."""
        control = self.control(command)
        after, readings = self.simulate(physics, control, episode)
        model, empty = mjx_model(self.xml_file, self.solver)
        after = kicked(model, after, kick)
        if self.placed:
            fresh = self.read(relocate(model, empty, after))
            readings |= {name: jnp.where(kick.felt, fresh[name], readings[name]) for name in self.placed}
        outcome = self.outcome(physics, after, readings, control)
        return self.remember(after, readings), self.observation(after, readings), outcome

    def remember(self, physics: Physics, readings: Readings) -> Physics:
        """The state with the readings that the next step needs."""
        return physics.replace(memory={name: readings[name] for name in self.remembered})

    def control(self, action: Array) -> Array:
        """`[A]` in `[-1, 1]` to the actuators' units."""
        low, high = jnp.asarray(self.control_range.T, action.dtype)
        return low + 0.5 * (action + 1.0) * (high - low)

    def simulate(self, physics: Physics, control: Array, episode: NoiseState | None = None) -> tuple[Physics, Readings]:
        """The physics of a control step without kicks, at full matrix precision whatever the surrounding default.

        `control` `[A]` is in the actuators' units; `episode` gives the factors of friction, gravity and gain.
        """
        model, empty = mjx_model(self.xml_file, self.solver)
        if episode is not None:
            model = randomize(model, episode)
        with jax.default_matmul_precision("highest"):
            return simulate(model, empty, physics, control, self.read, frame_skip=self.frame_skip)


def uniform(key: Key, center: np.ndarray | Array, scale: float) -> Array:
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
