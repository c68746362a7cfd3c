"""What the noises of `NoiseParams` draw, and which of them a task can have."""

import dataclasses
import math
from typing import Protocol

import jax
import numpy as np

from dstjax.config import NoiseParams
from dstjax.errors import UserError
from dstjax.types import Array, Key

Draws = dict[str, Array]
"""Standard draws by name in `NoiseParams`: of a `*_std` `N(0, 1)`, of a `*_scale` `U[-1, 1]`."""

ALL = frozenset(field.name for field in dataclasses.fields(NoiseParams))
"""Names of all noises."""
ANY_TASK = ALL - {"friction_scale", "gravity_scale", "position_std", "dynamics_std", "gain_scale"}
"""Names of the noises that act between agent and task, and need nothing of its physics."""


class Noisy(Protocol):
    """What the noises need to know of a task; `Env` is all of one."""

    @property
    def name(self) -> str:
        """The name that `make` knows the task by."""

    @property
    def obs_size(self) -> int:
        """S."""

    @property
    def action_size(self) -> int:
        """A."""

    @property
    def freedoms(self) -> int:
        """V: the number of velocities that noise can kick."""

    @property
    def max_latency(self) -> int:
        """Control steps by which an action can be delayed at most."""

    @property
    def noises(self) -> frozenset[str]:
        """Names of the `NoiseParams` that change anything in this task; `check_noise` refuses the others."""


def draw(env: Noisy, key: Key) -> Draws:
    """Everything random that the noises of a step or a reset need.

    One call draws all of it, because the number of calls is what costs, to compile and to run. An entry depends on the
    key and on its place alone, so that a noise appended later shifts no other.

    Args:
      env: gives sizes.
      key: consumed.

    Returns:
      Independent standard draws.
    """
    size, freedoms = env.obs_size, env.freedoms
    sizes = {
        "obs_scale": size,
        "obs_std": size,
        "drift_std": size,
        "dynamics_std": freedoms,
        "position_std": freedoms,
        "action_std": env.action_size,
        "reward_std": 1,
        "friction_scale": 1,
        "gravity_scale": 1,
        "gain_scale": 1,
    }
    ends = np.cumsum(list(sizes.values()))
    open_interval = float(np.nextafter(np.float32(-1), np.float32(0)))  # the normal quantile of its ends is finite
    uniform = jax.random.uniform(key, (int(ends[-1]),), minval=open_interval)
    normal = math.sqrt(2) * jax.scipy.special.erfinv(uniform)
    return {
        name: (normal if name.endswith("_std") else uniform)[end - count : end]
        for (name, count), end in zip(sizes.items(), ends, strict=True)
    }


def check_noise(env: Noisy, noise: NoiseParams) -> None:
    """Refuse noise that a task cannot have, before anything is compiled.

    Args:
      env: the task.
      noise: strengths, numbers or arrays of any shape.

    Raises:
      UserError: naming the noise, its value and what the task allows.
    """
    for name in sorted(ALL - env.noises):
        if (strength := float(np.max(getattr(noise, name)))) != 0:
            allowed = f"0: it has no effect on {env.name}, which responds to {', '.join(sorted(env.noises))}"
            raise UserError(f"noise.{name}: {strength:g} is not allowed; allowed: {allowed}")
    if (latency := float(np.max(noise.latency))) > env.max_latency:
        raise UserError(f"noise.latency: {latency:g} is not allowed; allowed: at most max_latency = {env.max_latency}")
