"""The frame around every task: a task computes its noise-free physics, this composes each noise around it."""

import dataclasses
from typing import Any, ClassVar, NamedTuple

import jax
import jax.numpy as jnp

from dstjax.config import NoiseParams
from dstjax.envs import noise as noises
from dstjax.envs.draws import draw
from dstjax.envs.noise import Kick, NoiseState
from dstjax.envs.state import EnvState, advance, begin, keep_finite
from dstjax.errors import UserError
from dstjax.types import Array, Key


class Outcome(NamedTuple):
    """What a step earned."""

    reward: Array
    """`[]`"""
    terminated: Array
    """`[]` bool."""
    info: dict[str, Array]
    """Named reward terms, each `[]`."""


@dataclasses.dataclass(frozen=True)
class Task:
    """An environment by its hooks `start` and `move`; satisfies `Env`. Subclasses are frozen dataclasses of options.

    Args:
      time_limit: control steps per episode.
      max_latency: control steps by which noise can delay an action at most; so many actions are kept in the state.
    """

    time_limit: int = 1000
    max_latency: int = 0

    name: ClassVar[str]
    reward_terms: ClassVar[tuple[str, ...]] = ()
    terminates: ClassVar[Any] = None

    def __post_init__(self) -> None:
        check_count("time_limit", self.time_limit)
        check_count("max_latency", self.max_latency, least=0)

    @property
    def obs_size(self) -> int:
        """S."""
        raise NotImplementedError

    @property
    def action_size(self) -> int:
        """A."""
        raise NotImplementedError

    @property
    def freedoms(self) -> int:
        """V: the number of velocities that noise can kick."""
        raise NotImplementedError

    @property
    def noises(self) -> frozenset[str]:
        """Names of the noises that change anything in this task."""
        raise NotImplementedError

    def start(self, key: Key) -> tuple[Any, Array]:
        """Draw the physics of a new episode; with its true observation `[S]`. Runs no simulation; consumes the key."""
        raise NotImplementedError

    def move(
        self, physics: Any, command: Array, episode: NoiseState, kick: Kick, key: Key
    ) -> tuple[Any, Array, Outcome]:
        """One control step and then the kick: physics after both, true observation `[S]` and outcome.

        `command` `[A]` is in `[-1, 1]` but for its noise; of `episode` the factors matter. Consumes the key.
        """
        raise NotImplementedError

    def vital(self, physics: Any) -> Any:
        """The numbers that are lost where the physics blows up; by default all of them."""
        return physics

    def reset(self, key: Key, noise: NoiseParams) -> EnvState:
        """Draw the first state of an episode; consumes the key."""
        task_key, noise_key = jax.random.split(key)
        draws = draw(self, noise_key)
        episode = noises.begin_noise(self, draws, noise)
        physics, obs = self.start(task_key)
        return begin(physics, episode, noises.sense(obs, episode, draws, noise), self.reward_terms)

    def step(self, state: EnvState, action: Array, key: Key, noise: NoiseParams) -> EnvState:
        """One control step with `action` `[A]` in `[-1, 1]`, noises in the order of `envs.noise`; consumes the key."""
        check_action(self, action)
        task_key, noise_key = jax.random.split(key)
        draws = draw(self, noise_key)
        episode, command = noises.command(state.noise_state, action, draws, noise)
        physics, obs, outcome = self.move(state.physics, command, episode, noises.kick(draws, noise), task_key)
        episode = noises.drift(episode, draws, noise)
        after = advance(
            state,
            physics,
            episode,
            noises.sense(obs, episode, draws, noise),
            noises.pay(outcome.reward, draws, noise),
            outcome.terminated,
            outcome.info,
            time_limit=self.time_limit,
        )
        return keep_finite(state, after, self.vital(physics))


def check_action(env: Any, action: Array) -> None:
    """Refuse an action that is no vector of the task's size, or not of floats.

    Args:
      env: the task.
      action: given.

    Raises:
      UserError: naming its shape and type, and what the task takes.
    """
    shape, dtype = jnp.shape(action), jnp.result_type(action)
    if shape != (env.action_size,) or not jnp.issubdtype(dtype, jnp.floating):
        allowed = f"{env.action_size} floats, one for each actuator of {env.name} (batches through jax.vmap)"
        raise UserError(f"action: {dtype} of shape {shape} is not allowed; allowed: {allowed}")


def check_count(field: str, value: int, least: int = 1) -> None:
    """Refuse an option that is not a count.

    Args:
      field: the option's name, for the message.
      value: what was given.
      least: smallest allowed value.

    Raises:
      UserError: naming the option and its value.
    """
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise UserError(f"{field}: {value} is not allowed; allowed: an integer of at least {least}")
