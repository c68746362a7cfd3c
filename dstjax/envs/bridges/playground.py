"""Tasks of `mujoco_playground` (the extra `playground`) behind our protocol, in MJX's JAX implementation.

Installing the extra also brings Warp, which is not used. The tasks of its control suite come with their files;
robots of its other suites are downloaded by the library when they are first loaded.
"""

import dataclasses
import functools
import importlib
from typing import Any

import jax
import jax.numpy as jnp

from dstjax.envs.draws import ANY_TASK
from dstjax.envs.noise import Kick, NoiseState
from dstjax.envs.task import Outcome, Task
from dstjax.errors import UserError, unknown_name
from dstjax.types import Array, Key


@dataclasses.dataclass(frozen=True)
class Playground(Task):
    """A task of the library with a vector of observations; its `done` is a termination, the time limit is ours.

    Physics is the library's whole state. A reset runs the forward dynamics once, so auto-reset is dear. Noise acts
    between agent and task; it has no access to the physics, so kicks and randomised physics are refused.

    Args:
      task: the library's name, such as `CartpoleBalance`.
    """

    task: str = "CartpoleBalance"

    def __post_init__(self) -> None:
        super().__post_init__()
        if not isinstance(load(self.task).observation_size, int):
            raise UserError(f"task: '{self.task}' has several observations; allowed: tasks with a vector")

    @property
    def name(self) -> str:  # type: ignore[override]
        """As `make` takes it."""
        return f"playground:task={self.task}"

    @property
    def obs_size(self) -> int:
        """S."""
        return int(load(self.task).observation_size)

    @property
    def action_size(self) -> int:
        """A."""
        return int(load(self.task).action_size)

    @property
    def freedoms(self) -> int:
        """V = 0: noise kicks nothing."""
        return 0

    @property
    def noises(self) -> frozenset[str]:
        """Those between agent and task."""
        return ANY_TASK

    def start(self, key: Key) -> tuple[Any, Array]:
        """The library's reset; consumes the key."""
        with jax.default_matmul_precision("highest"):
            state = _strong(load(self.task).reset(key))
        return state, state.obs

    def move(
        self, physics: Any, command: Array, episode: NoiseState, kick: Kick, key: Key
    ) -> tuple[Any, Array, Outcome]:
        """The library's step. Ignores the key: what the task draws comes from the key of its reset."""
        with jax.default_matmul_precision("highest"):
            state = _strong(load(self.task).step(physics, command))
        return state, state.obs, Outcome(state.reward, state.done > 0, {})

    def vital(self, physics: Any) -> Any:
        """Positions and velocities; other parts of the library's state may be infinite."""
        return physics.data.qpos, physics.data.qvel


@functools.cache
def load(task: str) -> Any:
    """The library's environment.

    Args:
      task: its name there.

    Returns:
      An object with `reset` and `step`, the same one at each call.

    Raises:
      UserError: where the library is not installed, or has no such task.
    """
    try:
        registry = importlib.import_module("mujoco_playground").registry
    except ModuleNotFoundError as error:
        raise UserError(
            f"playground: no module {error.name}; allowed: after pip install 'dstjax[playground]'"
        ) from None
    if task not in registry.ALL_ENVS:
        raise unknown_name("task of playground", task, registry.ALL_ENVS)
    return registry.load(task, config_overrides={"impl": "jax"})


def _strong(state: Any) -> Any:
    """The state with the same types after a reset as after a step, which a scan wants; keys have no other."""

    def strengthen(leaf: Any) -> Array:
        leaf = jnp.asarray(leaf)
        is_key = jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key)
        return leaf if is_key else jax.lax.convert_element_type(leaf, leaf.dtype)

    return jax.tree.map(strengthen, state)
