"""A two-dimensional point mass among N reward locations: the smallest task with a multi-modal Sobolev return."""

import dataclasses
from typing import ClassVar

import jax
import jax.numpy as jnp
import numpy as np

from dstjax.envs.draws import ALL
from dstjax.envs.noise import Kick, NoiseState
from dstjax.envs.task import Outcome, Task, check_count
from dstjax.errors import UserError
from dstjax.fields import NON_NEGATIVE
from dstjax.types import Array, Key

_DT = 0.1  # seconds per step; full speed along an axis covers 0.1 per step
_WIDTH = 0.35  # standard deviation of a reward bump
_SPACING = 2.5  # distance of neighbouring goals, at least, in widths
_MODES = (0.5, 1.5)  # centres of the bimodal reward factor, equally likely, mean 1
_MODE_STD = 0.1


@dataclasses.dataclass(frozen=True)
class PointMass(Task):
    """First-order motion `p' = p + dt (k a + std e)`, `e ~ N(0, I)`: std is `dynamics_std`, k the gain's factor.

    Goal i of N lies at angle `2 pi i / N` on a circle and pays `h_i exp(-|p' - g_i|^2 / 2 w^2)` with heights
    `h_i = (i + 1) / N`. Motion noise decides which goals the mass meets, so the law of the return gains modes with N.
    The circle has radius 1, or more where N is large, so that neighbours stay apart and each bump spans several steps.
    With `bimodal`, every reward is multiplied by a draw of `0.5 N(0.5, 0.1^2) + 0.5 N(1.5, 0.1^2)`.

    Everything is smooth and unbounded: no clipping, no walls, no termination. A step is differentiable in action and
    state, also through the drawn noise, which makes the simulator an oracle for Sobolev returns.
    Observation `[2]`: position. Action `[2]`: velocity.

    Args:
      goals: number of reward locations N.
      spread: half width of the square of first positions (share of the circle's radius).
      bimodal: draw the reward factor.
    """

    goals: int = 4
    spread: float = 0.3
    bimodal: bool = False
    time_limit: int = 30

    name: ClassVar[str] = "pointmass"
    obs_size: ClassVar[int] = 2
    action_size: ClassVar[int] = 2
    freedoms: ClassVar[int] = 2
    noises: ClassVar[frozenset[str]] = ALL - {"friction_scale", "gravity_scale"}

    def __post_init__(self) -> None:
        super().__post_init__()
        check_count("goals", self.goals)
        if self.spread not in NON_NEGATIVE:
            raise UserError(f"spread: {self.spread} is not allowed; allowed: a number in {NON_NEGATIVE}")

    @property
    def radius(self) -> float:
        """Of the circle of reward locations."""
        chord = 2.0 * np.sin(np.pi / self.goals) if self.goals > 1 else np.inf
        return max(1.0, _SPACING * _WIDTH / chord)

    @property
    def goal_positions(self) -> np.ndarray:
        """`[N, 2]` centres of the reward bumps."""
        angles = 2.0 * np.pi * np.arange(self.goals) / self.goals
        return self.radius * np.stack([np.cos(angles), np.sin(angles)], axis=1)

    def mean_reward(self, position: Array) -> Array:
        """`[2]` -> `[]`: the sum of bumps, which is the reward without the bimodal factor."""
        offset = position - jnp.asarray(self.goal_positions, position.dtype)
        heights = jnp.arange(1, self.goals + 1, dtype=position.dtype) / self.goals
        return jnp.sum(heights * jnp.exp(-0.5 * jnp.sum(offset**2, axis=-1) / _WIDTH**2))

    def start(self, key: Key) -> tuple[Array, Array]:
        """Draw a first position uniformly from a square around the centre; consumes the key."""
        half = self.spread * self.radius
        position = jax.random.uniform(key, (2,), minval=-half, maxval=half)
        return position, position

    def move(
        self, physics: Array, command: Array, episode: NoiseState, kick: Kick, key: Key
    ) -> tuple[Array, Array, Outcome]:
        """Move, then pay for the new position; consumes the key."""
        velocity = episode.gain * command + kick.velocity
        position = physics + _DT * velocity + kick.position
        reward = self.mean_reward(position)
        if self.bimodal:
            reward = reward * _bimodal_factor(key, reward.dtype)
        return position, position, Outcome(reward, jnp.zeros((), bool), {})


def _bimodal_factor(key: Key, dtype: jnp.dtype) -> Array:
    mode_key, spread_key = jax.random.split(key)
    mode = jnp.where(jax.random.bernoulli(mode_key), _MODES[1], _MODES[0]).astype(dtype)
    return mode + _MODE_STD * jax.random.normal(spread_key, (), dtype)
