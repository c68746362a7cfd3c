"""The simulator itself as a world model, and the simulator with a learned residual law."""

import dataclasses
from typing import Any

import jax
import jax.numpy as jnp

from dstjax.config import NoiseParams
from dstjax.envs.core import Env
from dstjax.envs.mujoco.inverted_double_pendulum import InvertedDoublePendulum
from dstjax.envs.pointmass import PointMass
from dstjax.errors import UserError
from dstjax.types import Array, Key, Metrics, Params, Transition
from dstjax.world.core import WorldModel, WorldStats

TASKS = ("pointmass", "inverted_pendulum", "inverted_double_pendulum", "hopper")
"""Tasks whose observation determines the simulator's state, and whose Jacobians agree with central differences."""


def simulator_state(env: Env, rest: Any, obs: Array) -> Any:
    """The simulator's state that a task shows as an observation.

    Coordinates that an observation leaves out are horizontal positions, which change nothing. Velocities that it clips
    are taken at the clip, and noise on the observation for truth.

    Args:
      env: one of `TASKS`.
      rest: the simulator's state after a reset, for its structure.
      obs: `[S]`.

    Returns:
      What the task keeps in `EnvState.physics`.
    """
    if isinstance(env, PointMass):
        return obs
    if isinstance(env, InvertedDoublePendulum):
        (sin1, sin2), (cos1, cos2) = obs[1:3], obs[3:5]
        qpos, qvel = jnp.stack([obs[0], jnp.arctan2(sin1, cos1), jnp.arctan2(sin2, cos2)]), obs[5:8]
    else:
        freedoms = rest.qvel.size
        hidden = 2 * freedoms - env.obs_size
        qpos, qvel = jnp.concatenate([jnp.zeros(hidden, obs.dtype), obs[:-freedoms]]), obs[-freedoms:]
    return dataclasses.replace(rest, qpos=qpos, qvel=qvel)


def step_from(env: Env, obs: Array, action: Array, key: Key, noise: NoiseParams) -> tuple[Array, Array]:
    """A control step of the simulator from the state that an observation shows, at the start of an episode's noise.

    Args:
      env: one of `TASKS`.
      obs: `[S]`.
      action: `[A]` in `[-1, 1]`.
      key: consumed; of the noise.
      noise: strengths.

    Returns:
      `(next_obs [S], reward [])`, differentiable in `obs` and `action` along the drawn noise.
    """
    start_key, step_key = jax.random.split(key)
    # A reset runs no simulation: it only gives the episode's bookkeeping.
    start = env.reset(start_key, noise)
    state = dataclasses.replace(start, physics=simulator_state(env, start.physics, obs), obs=obs)
    after = env.step(state, action, step_key, noise)
    return after.obs, after.reward


@dataclasses.dataclass(frozen=True)
class Physics:
    """A control step of the noise-free simulator: the true mean motion, nothing of the noise, nothing to learn.

    Attributes:
      env: one of `TASKS`.
    """

    env: Env

    def __post_init__(self) -> None:
        if self.env.name not in TASKS:
            raise UserError(
                f"model: physics is not allowed for {self.env.name}: its gradients are not known to be right, or its"
                f" observation hides its state; allowed: a learned model, or {', '.join(TASKS)}"
            )
        if getattr(self.env, "bimodal", False):
            raise UserError("model: physics is not allowed with random rewards; allowed: a learned model")

    @property
    def noise_size(self) -> int:
        """0."""
        return 0

    @property
    def has_density(self) -> bool:
        """False: the law is a point."""
        return False

    def init(self, key: Key, action_size: int) -> Params:
        """No parameters; does not use `key`."""
        return {}

    def loss(
        self, params: Params, stats: WorldStats, batch: Transition, key: Key, kl_weight: Array
    ) -> tuple[Array, Metrics]:
        """0, and nothing to log; does not use `key`."""
        return jnp.zeros(()), {}

    def sample(self, params: Params, stats: WorldStats, obs: Array, action: Array, noise: Array) -> tuple[Array, Array]:
        """The noise-free next observation `[S]` and reward `[]`, differentiable in `obs` and `action`."""
        return step_from(self.env, obs, action, jax.random.key(0), NoiseParams())

    def infer(self, params: Params, stats: WorldStats, transition: Transition, key: Key) -> Array:
        """No noise, `[0]`; does not use `key`."""
        return jnp.zeros(0)

    def log_likelihood(self, params: Params, stats: WorldStats, transition: Transition, key: Key) -> Array:
        """`[]` minus infinity."""
        return jnp.full((), -jnp.inf)


@dataclasses.dataclass(frozen=True)
class Hybrid:
    """The simulator plus a learned law of what it misses: `(s', r) = physics(s, a) + residual(s, a, e)`.

    Attributes:
      physics: the simulator.
      residual: model of transitions whose outcome is the real one less the simulator's.
    """

    physics: Physics
    residual: WorldModel

    @property
    def noise_size(self) -> int:
        """The residual's."""
        return self.residual.noise_size

    @property
    def has_density(self) -> bool:
        """The residual's."""
        return self.residual.has_density

    def init(self, key: Key, action_size: int) -> Params:
        """Fresh parameters of the residual; consumes `key`."""
        return self.residual.init(key, action_size)

    def loss(
        self, params: Params, stats: WorldStats, batch: Transition, key: Key, kl_weight: Array
    ) -> tuple[Array, Metrics]:
        """The residual's loss on what the simulator misses of a batch `[B]`; consumes `key`."""
        missed = jax.vmap(self._missed, in_axes=(None, 0))(stats, batch)
        return self.residual.loss(params, _centred(stats), missed, key, kl_weight)

    def sample(self, params: Params, stats: WorldStats, obs: Array, action: Array, noise: Array) -> tuple[Array, Array]:
        """The simulator's step with a sample of the residual added; shapes and gradients as the protocol's."""
        next_obs, reward = self.physics.sample({}, stats, obs, action, noise[:0])
        missed_obs, missed_reward = self.residual.sample(params, _centred(stats), obs, action, noise)
        return next_obs + (missed_obs - obs), reward + missed_reward

    def infer(self, params: Params, stats: WorldStats, transition: Transition, key: Key) -> Array:
        """The residual's noise `[noise_size]`; consumes `key`."""
        return self.residual.infer(params, _centred(stats), self._missed(stats, transition), key)

    def log_likelihood(self, params: Params, stats: WorldStats, transition: Transition, key: Key) -> Array:
        """`[]` the residual's; consumes `key`."""
        return self.residual.log_likelihood(params, _centred(stats), self._missed(stats, transition), key)

    def _missed(self, stats: WorldStats, transition: Transition) -> Transition:
        obs = transition.obs
        next_obs, reward = self.physics.sample({}, stats, obs, transition.action, jnp.zeros(0))
        return dataclasses.replace(
            transition, next_obs=obs + (transition.next_obs - next_obs), reward=transition.reward - reward
        )


def _centred(stats: WorldStats) -> WorldStats:
    """Residuals have the outcome's scale, but no mean of their own."""
    return dataclasses.replace(
        stats, outcome=dataclasses.replace(stats.outcome, mean=jnp.zeros_like(stats.outcome.mean))
    )
