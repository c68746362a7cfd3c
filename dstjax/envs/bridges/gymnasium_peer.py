"""Gymnasium's own task in C MuJoCo under the same noise: where a policy trained in MJX is checked."""

import dataclasses
import inspect
from collections.abc import Callable
from typing import Any

import gymnasium
import jax
import jax.numpy as jnp
import mujoco
import numpy as np

from dstjax.config import NoiseParams, check_fields
from dstjax.envs import make
from dstjax.envs import noise as noises
from dstjax.envs.core import Env
from dstjax.envs.draws import Draws, check_noise, draw
from dstjax.envs.mujoco.base import MujocoEnv
from dstjax.envs.noise import Kick, NoiseState
from dstjax.errors import UserError
from dstjax.types import Array, Key

Policy = Callable[[np.ndarray], np.ndarray]
"""`[S]` observation -> `[A]` action in `[-1, 1]`."""


@dataclasses.dataclass(frozen=True)
class Episodes:
    """Outcomes of whole episodes, NumPy arrays `[E]`."""

    returns: np.ndarray
    """Undiscounted, reward noise included."""
    lengths: np.ndarray
    """Control steps."""
    terminated: np.ndarray
    """bool; false where the time limit ended the episode."""


def evaluate_in_gymnasium(
    env: Env | str, policy: Policy, *, noise: NoiseParams | None = None, episodes: int = 8, seed: int = 0
) -> Episodes:
    """Run a policy in Gymnasium's C task, with the options, the time limit and the noise laws of ours.

    Args:
      env: a MuJoCo task, or its name.
      policy: a plain function of NumPy arrays.
      noise: strengths as numbers; None is none.
      episodes: how many, one after the other.
      seed: of resets and noise.

    Returns:
      What each episode earned.

    Raises:
      UserError: for a task that Gymnasium does not have, or noise that the task cannot have.
    """
    peer = GymnasiumPeer(env, noise)
    rows = [
        run_episode(peer, policy, seed + index, jax.random.fold_in(jax.random.key(seed), index))
        for index in range(episodes)
    ]
    peer.task.close()
    returns, lengths, terminated = (np.array(column) for column in zip(*rows, strict=True))
    return Episodes(returns, lengths, terminated)


def run_episode(
    peer: "GymnasiumPeer", policy: Policy, seed: int, key: Key, watch: Callable[[Any], None] = lambda data: None
) -> tuple[float, int, bool]:
    """One episode in C.

    Args:
      peer: the task.
      policy: a plain function of NumPy arrays.
      seed: of Gymnasium's reset.
      key: of the noise; consumed.
      watch: shown MuJoCo's data at every state, the first and the last among them.

    Returns:
      Undiscounted return, control steps, and whether it terminated.
    """
    total, length, terminated = 0.0, 0, False
    keys = jax.random.split(key, peer.env.time_limit + 1)
    obs = peer.reset(seed, keys[0])
    watch(peer.task.data)
    while not terminated and length < peer.env.time_limit:
        obs, reward, terminated = peer.step(policy(obs), keys[length + 1])
        total, length = total + reward, length + 1
        watch(peer.task.data)
    return total, length, terminated


class GymnasiumPeer:
    """Gymnasium's task with `dstjax.envs.noise` around and inside it. The same key gives the noise that it gives ours.

    Args:
      env: a MuJoCo task, or its name.
      noise: strengths as numbers; None is none.

    Raises:
      UserError: for a task that Gymnasium does not have, or noise that the task cannot have.
    """

    def __init__(self, env: Env | str, noise: NoiseParams | None = None) -> None:
        env = make(env) if isinstance(env, str) else env
        if not isinstance(env, MujocoEnv):
            raise UserError(f"env: '{env.name}' is not a task of Gymnasium; allowed: MuJoCo tasks")
        noise = NoiseParams() if noise is None else noise
        check_fields(noise, "noise.")
        check_noise(env, noise)
        self.env = env
        self.task = gymnasium.make(gymnasium_id(env), **_shared_options(env)).unwrapped
        self.noise_state: NoiseState | None = None
        self._kick: Kick | None = None
        self._before, self._after = jax.jit(self._act), jax.jit(self._sense)
        self._begin = jax.jit(self._start)
        self._noise = jax.tree.map(jnp.asarray, noise)
        model = self.task.model
        self._nominal = tuple(x.copy() for x in (model.geom_friction, model.opt.gravity, model.actuator_gainprm))
        self._simulate = self.task.do_simulation
        self.task.do_simulation = self._simulate_kicked

    def reset(self, seed: int, key: Key) -> np.ndarray:
        """Start an episode: Gymnasium draws the state from its seed, our noise comes from the key. `[S]` as seen."""
        obs, _ = self.task.reset(seed=seed)
        self.noise_state, seen = self._begin(obs, key)
        self.randomize(self.noise_state)
        return np.asarray(seen)

    def randomize(self, episode: NoiseState) -> None:
        """Apply an episode's factors to the C model."""
        friction, gravity, gain = self._nominal
        self.task.model.geom_friction[:] = friction * float(episode.friction)
        self.task.model.opt.gravity[:] = gravity * float(episode.gravity)
        self.task.model.actuator_gainprm[:] = gain * float(episode.gain)

    def step(self, action: np.ndarray, key: Key) -> tuple[np.ndarray, float, bool]:
        """One control step with `action` `[A]` in `[-1, 1]`: observation as seen, reward, whether it terminated."""
        if self.noise_state is None:
            raise gymnasium.error.ResetNeeded("no episode is running: call reset first")
        episode, control, self._kick, draws = self._before(self.noise_state, jnp.asarray(action), key)
        obs, reward, terminated, _, _ = self.task.step(np.asarray(control))
        self.noise_state, seen, paid = self._after(episode, draws, obs, float(reward))
        return np.asarray(seen), float(paid), bool(terminated)

    def _start(self, obs: Array, key: Key) -> tuple[NoiseState, Array]:
        draws = draw(self.env, jax.random.split(key)[1])
        episode = noises.begin_noise(self.env, draws, self._noise)
        return episode, noises.sense(obs, episode, draws, self._noise)

    def _act(self, episode: NoiseState, action: Array, key: Key) -> tuple[NoiseState, Array, Kick, Draws]:
        draws = draw(self.env, jax.random.split(key)[1])
        episode, command = noises.command(episode, action, draws, self._noise)
        return episode, self.env.control(command), noises.kick(draws, self._noise), draws

    def _sense(self, episode: NoiseState, draws: Draws, obs: Array, reward: Array) -> tuple[NoiseState, Array, Array]:
        episode = noises.drift(episode, draws, self._noise)
        seen = noises.sense(obs, episode, draws, self._noise)
        return episode, seen, noises.pay(jnp.asarray(reward), draws, self._noise)

    def _simulate_kicked(self, control: np.ndarray, frames: int) -> None:
        """Gymnasium's physics, then the kick, before the task looks at the state."""
        self._simulate(control, frames)
        model, data, kick = self.task.model, self.task.data, self._kick
        if kick is None or not kick.felt:
            return
        mujoco.mj_integratePos(model, data.qpos, np.asarray(kick.position, float), 1.0)
        data.qvel += np.asarray(kick.velocity)
        for part in (mujoco.mj_kinematics, mujoco.mj_comPos, mujoco.mj_comVel):
            part(model, data)


def gymnasium_id(env: Env) -> str:
    """Gymnasium's name of a task.

    Args:
      env: one of its MuJoCo tasks.

    Returns:
      Such as `HalfCheetah-v5`.
    """
    return "".join(part.capitalize() for part in env.name.split("_")) + "-v5"


def _shared_options(env: MujocoEnv) -> dict[str, Any]:
    """The options of the task that Gymnasium's constructor has by the same name."""
    creator = gymnasium.envs.registration.load_env_creator(str(gymnasium.spec(gymnasium_id(env)).entry_point))
    known = inspect.signature(creator).parameters
    return {field.name: getattr(env, field.name) for field in dataclasses.fields(env) if field.name in known}
