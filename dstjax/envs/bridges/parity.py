"""One control step of a task beside Gymnasium's own in C MuJoCo, from the same states under the same actions."""

import functools
import itertools
from types import SimpleNamespace
from typing import Any, NamedTuple

import gymnasium
import jax
import jax.numpy as jnp
import mujoco
import numpy as np

from dstjax.config import NoiseParams
from dstjax.envs.bridges.gymnasium_peer import gymnasium_id
from dstjax.envs.mujoco.base import MujocoEnv
from dstjax.envs.mujoco.physics import Physics, Readings
from dstjax.envs.mujoco.pusher import Pusher

# What a task may read of the last evaluation of the dynamics.
_READ = ("xpos", "xipos", "site_xpos", "qfrc_constraint", "qfrc_actuator", "cvel", "cinert", "cfrc_ext")
_EPISODES = {"pusher": 16}  # steps; a push is short
_EPISODE = 64


class Instants(NamedTuple):
    """`n` states of C MuJoCo; NumPy arrays."""

    qpos: np.ndarray
    """`[n, nq]`"""
    qvel: np.ndarray
    """`[n, nv]`"""
    qacc_warmstart: np.ndarray
    """`[n, nv]`"""
    read: dict[str, np.ndarray]
    """`mjData`'s fields of the last evaluation of the dynamics, by name."""


class Transitions(NamedTuple):
    """`n` steps of Gymnasium's task; NumPy arrays."""

    before: Instants
    control: np.ndarray
    """`[n, A]` in Gymnasium's units."""
    after: Instants
    obs: np.ndarray
    """`[n, S]`"""
    reward: np.ndarray
    """`[n]`"""
    terminated: np.ndarray
    """`[n]` bool."""
    info: dict[str, Any]
    """Each `[n]`: named reward terms, and more."""
    contacts: np.ndarray
    """`[n]` number after the step."""
    self_contacts: np.ndarray
    """`[n]` of them, those between two moving bodies."""


def gymnasium_task(env: MujocoEnv, **options: Any) -> Any:
    """Gymnasium's task without wrappers, its solvers converged far below the tolerance of a comparison.

    Args:
      env: whose task.
      **options: of Gymnasium's constructor.

    Returns:
      The task; where its file asks for PGS, with Newton's method instead, as MJX demands.
    """
    task = gymnasium.make(gymnasium_id(env), **options).unwrapped
    task.model.opt.solver = mujoco.mjtSolver.mjSOL_NEWTON
    task.model.opt.iterations, task.model.opt.tolerance = 100, 1e-15
    task.model.opt.ccd_iterations, task.model.opt.ccd_tolerance = 1000, 1e-14
    return task


@functools.cache
def transitions(
    env: MujocoEnv, count: int = 256, seed: int = 0, options: tuple[tuple[str, Any], ...] = ()
) -> Transitions:
    """Steps of Gymnasium's task in short episodes, of random actions and of constant extreme ones in turn.

    Constant actions drive joints and carts into their limits. Episodes run on after a termination, so that bodies lie
    on the floor and press on each other. The pusher starts with its hand by the object.

    Args:
      env: whose task.
      count: of steps.
      seed: of states and actions.
      options: of Gymnasium's constructor.

    Returns:
      The steps, shared: not to be written to.
    """
    task, rng = gymnasium_task(env, **dict(options)), np.random.default_rng(seed)
    low, high = task.action_space.low.astype(float), task.action_space.high.astype(float)
    rows, length = [], _EPISODES.get(env.name, _EPISODE)
    for index in itertools.islice(itertools.count(), count):
        if index % length == 0:
            task.reset(seed=seed + index)
            if isinstance(env, Pusher):
                _meet(task, rng)
            constant = rng.choice([-1.0, 1.0], size=low.shape)
        action = constant if index // length % 2 else rng.uniform(-1, 1, low.shape)
        control = low + (action + 1) / 2 * (high - low)
        before: Any = _instant(task.data)
        obs, reward, terminated, _, info = task.step(control)
        numbers = {name: float(value) for name, value in info.items() if np.ndim(value) == 0}
        after: Any = _instant(task.data)
        rows.append(Transitions(before, control, after, obs, reward, terminated, numbers, *_contacts(task)))
    return jax.tree.map(lambda *leaves: np.stack(leaves), *rows)


def _meet(task: Any, rng: np.random.Generator) -> None:
    """Put the pusher's hand beside the object, just clear of it: random actions would hardly ever touch it."""
    model, data = task.model, task.data
    low, high = model.jnt_range[:7].T
    hand, thing, velocity = data.body("tips_arm"), data.body("object"), data.qvel.copy()
    while True:
        data.qpos[:7] = rng.uniform(low, high)
        mujoco.mj_kinematics(model, data)
        if not -0.3 < hand.xpos[2] < -0.24:
            continue
        angle = rng.uniform(0, 2 * np.pi)
        gap = rng.uniform(0.06, 0.16) * np.array([np.cos(angle), np.sin(angle)])
        data.qpos[7:9] += (hand.xpos[:2] + gap - thing.xpos[:2])[::-1]  # the first joint moves it along y
        mujoco.mj_forward(model, data)
        depths = data.contact.dist[_between_bodies(task)]
        if len(depths) and depths.min() > 0:
            return task.set_state(data.qpos.copy(), velocity)


def _between_bodies(task: Any) -> np.ndarray:
    """Which contacts are between two moving bodies."""
    return (task.model.geom_bodyid[task.data.contact.geom] > 0).all(axis=-1)


def _instant(data: mujoco.MjData) -> Instants:
    read = {name: np.array(getattr(data, name)) for name in _READ}
    return Instants(data.qpos.copy(), data.qvel.copy(), data.qacc_warmstart.copy(), read)


def _contacts(task: Any) -> Any:
    return task.data.ncon, int(_between_bodies(task).sum())


def readings(env: MujocoEnv, instants: Instants) -> Readings:
    """What a task would read of C MuJoCo's data.

    Args:
      env: the task.
      instants: `n` states.

    Returns:
      Its readings, each with a leading axis `n`.
    """

    def read(fields: dict[str, jax.Array]) -> Readings:
        return env.read(SimpleNamespace(**fields, _impl=SimpleNamespace(**fields)))

    return jax.vmap(read)(jax.tree.map(jnp.asarray, instants.read))


def physics(env: MujocoEnv, instants: Instants) -> Physics:
    """C MuJoCo's states as the task's.

    Args:
      env: the task.
      instants: `n` states.

    Returns:
      `n` states at the default float width.
    """
    qpos, qvel, start = (jnp.asarray(x, float) for x in (instants.qpos, instants.qvel, instants.qacc_warmstart))
    return env.remember(Physics(qpos, qvel, start), readings(env, instants))


def step_errors(env: MujocoEnv, truth: Transitions, *, relative: bool = False) -> dict[str, np.ndarray]:
    """Errors of one noise-free step at the default float width.

    Args:
      env: the task.
      truth: steps of Gymnasium's.
      relative: divide by the quantity's largest entry in that step where this exceeds 1: single precision knows
        a contact force of 1,000 N to 1e-4 N at best.

    Returns:
      For `qpos`, `qvel`, `obs`, `reward` and each named reward term `[n]` the largest error of a step; `terminated`, 1
      where it differs.
    """
    low, high = env.control_range.T
    action = jnp.asarray(2 * (truth.control - low) / (high - low) - 1, float)
    keys, off = jax.random.split(jax.random.key(0), len(action)), NoiseParams()

    def step(key: jax.Array, before: Physics, action: jax.Array) -> Any:
        return env.step(env.reset(key, off).replace(physics=before), action, key, off)

    end = jax.jit(jax.vmap(step))(keys, physics(env, truth.before), action)
    ours = {"qpos": end.physics.qpos, "qvel": end.physics.qvel, "obs": end.obs, "reward": end.reward, **end.info}
    return errors(ours | {"terminated": end.terminated}, truth, relative=relative)


def errors(ours: dict[str, Any], truth: Transitions, *, relative: bool = False) -> dict[str, np.ndarray]:
    """How far outcomes of a step are from Gymnasium's.

    Args:
      ours: `qpos`, `qvel`, `obs`, `reward`, `terminated` and named reward terms, or some of them, each `[n, ...]`.
      truth: steps of Gymnasium's.
      relative: see `step_errors`.

    Returns:
      By the same names `[n]`, as `step_errors`.
    """
    theirs = {"qpos": truth.after.qpos, "qvel": truth.after.qvel, "obs": truth.obs, "reward": truth.reward}
    theirs = {**truth.info, **theirs, "terminated": truth.terminated}

    def largest(values: Any) -> np.ndarray:
        return np.abs(np.asarray(values, float)).reshape(len(values), -1).max(axis=1)

    return {
        name: largest(np.asarray(values, float) - theirs[name])
        / (np.maximum(1, largest(theirs[name])) if relative else 1)
        for name, values in ours.items()
    }
