"""Environments: the functional protocol, Gymnasium's MuJoCo tasks in MJX, and a toy."""

import dataclasses
from typing import Any

from dstjax.envs.core import Env, EnvState, auto_reset
from dstjax.envs.mujoco.ant import Ant
from dstjax.envs.mujoco.half_cheetah import HalfCheetah
from dstjax.envs.mujoco.hopper import Hopper
from dstjax.envs.mujoco.humanoid import Humanoid
from dstjax.envs.mujoco.humanoid_standup import HumanoidStandup
from dstjax.envs.mujoco.inverted_double_pendulum import InvertedDoublePendulum
from dstjax.envs.mujoco.inverted_pendulum import InvertedPendulum
from dstjax.envs.mujoco.pusher import Pusher
from dstjax.envs.mujoco.reacher import Reacher
from dstjax.envs.mujoco.swimmer import Swimmer
from dstjax.envs.mujoco.walker2d import Walker2d
from dstjax.envs.naming import read_options, split_name
from dstjax.envs.pointmass import PointMass
from dstjax.errors import unknown_name

_TASKS = (
    InvertedPendulum,
    InvertedDoublePendulum,
    Reacher,
    Pusher,
    Swimmer,
    Hopper,
    HalfCheetah,
    Walker2d,
    Ant,
    Humanoid,
    HumanoidStandup,
    PointMass,
)
ENVS: dict[str, Any] = {task.name: task for task in _TASKS}
"""Task name -> its class; the class's fields are the task's options."""

__all__ = ["ENVS", "Env", "EnvState", "auto_reset", "find", "make"]


def make(name: str, **options: Any) -> Env:
    """Build a task by name.

    Args:
      name: a key of `ENVS`, with options of the task behind a colon if there are any: `pointmass:goals=8`. The
        tasks of an optional library are options of `playground`: `playground:task=CheetahRun`.
      **options: fields of the task, such as `solver` or `time_limit`; those in the name come first.

    Returns:
      A static, hashable environment without auto-reset; see `auto_reset`.

    Raises:
      UserError: for an unknown task or option.
    """
    name, written = split_name(name)
    task = find(name)
    known = [field.name for field in dataclasses.fields(task)]
    for option in options:
        if option not in known:
            raise unknown_name(f"option of {name}", option, known)
    return task(**options | read_options(name, task, written))


def find(name: str, field: str = "env") -> Any:
    """The class of a task, without building it.

    Args:
      name: of the task, without options.
      field: what an error names.

    Returns:
      A dataclass whose fields are the task's options.

    Raises:
      UserError: for an unknown task.
    """
    if name == "playground":
        from dstjax.envs.bridges.playground import Playground

        return Playground
    if name not in ENVS:
        raise unknown_name(field, name, [*ENVS, "playground"])
    return ENVS[name]
