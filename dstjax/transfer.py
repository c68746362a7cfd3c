"""A trained policy in Gymnasium's own C task, beside the same policy in MJX. And a film of it, or a film strip."""

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from dstjax.agent import evaluate
from dstjax.films import PICTURE, write_film
from dstjax.trained import Trained

STRIP = (240, 240)
"""Pixels of a frame of a film strip."""


@dataclasses.dataclass(frozen=True)
class Transfer:
    """Undiscounted returns of one policy under one noise, `[episodes]` each.

    Attributes:
      gymnasium: in C MuJoCo.
      mjx: here.
    """

    gymnasium: np.ndarray
    mjx: np.ndarray


def compare(trained: Trained, index: int, *, episodes: int, seed: int) -> Transfer:
    """Run a member's policy in both simulators, under its own noise.

    The laws of noise and first state are the same, the draws are not: contacts amplify rounding, so that single
    episodes part within seconds, and only their returns' distribution can be compared.

    Args:
      trained: the member's program.
      index: its place among the program's rows.
      episodes: in each simulator.
      seed: of first states and noise.

    Returns:
      The returns.

    Raises:
      UserError: for a task that Gymnasium does not have.
    """
    import jax

    from dstjax.envs.bridges.gymnasium_peer import evaluate_in_gymnasium

    learner, hyper = trained.member(index)
    act, noise = policy(trained, index), jax.tree.map(float, hyper.noise)
    there = evaluate_in_gymnasium(trained.agent.env, act, noise=noise, episodes=episodes, seed=seed)
    actor, stats = learner.params.actor, learner.stats.obs

    @jax.jit
    @jax.vmap
    def one(key: jax.Array) -> jax.Array:
        return evaluate(trained.agent, actor, stats, hyper.noise, key, episodes=1)["return"]

    return Transfer(there.returns, np.asarray(one(jax.random.split(jax.random.key(seed), episodes))))


def policy(trained: Trained, index: int) -> Callable[[np.ndarray], np.ndarray]:
    """A member's deterministic policy as a function of NumPy arrays.

    Args:
      trained: the member's program.
      index: its place among the program's rows.

    Returns:
      `[S]` observation in task units to `[A]` action.
    """
    import jax

    learner, _ = trained.member(index)
    act = jax.jit(lambda obs: trained.agent.policy(learner.params.actor, learner.stats.obs, obs))
    return lambda obs: np.asarray(act(obs))


def record(trained: Trained, index: int, path: Path, *, seed: int) -> float:
    """Film the first episode of `compare` in Gymnasium's C task, or draw it beside one of random actions.

    Args:
      trained: the member's program.
      index: its place among the program's rows.
      path: of a film, or of a film strip (`PICTURE`) with random actions above, from the same first state.
      seed: of the first state, the noise and the random actions.

    Returns:
      The episode's return.

    Raises:
      UserError: where no picture can be made or written.
    """
    import jax

    from dstjax.envs.bridges.gymnasium_peer import GymnasiumPeer, run_episode
    from dstjax.envs.render import film
    from dstjax.plots import plot_strips

    _, hyper = trained.member(index)
    env: Any = trained.agent.env
    peer, rng = GymnasiumPeer(env, jax.tree.map(float, hyper.noise)), np.random.default_rng(seed)

    seed_key = jax.random.fold_in(jax.random.key(seed), 0)

    def play(act: Callable[[np.ndarray], np.ndarray]) -> tuple[list[np.ndarray], float]:
        postures: list[np.ndarray] = []
        total, _, _ = run_episode(peer, act, seed, seed_key, lambda data: postures.append(data.qpos.copy()))
        return postures, total

    postures, total = play(policy(trained, index))
    if path.suffix != PICTURE:
        write_film(film(env, postures, 480, 360), path, 1 / env.dt)
        return total
    aimless, random_total = play(lambda _: rng.uniform(-1.0, 1.0, env.action_size))
    method = trained.rows[index]["method"]
    strips = {
        f"random actions: return {random_total:,.0f}": film(env, aimless, *STRIP),
        f"{method} after {trained.step:,} environment steps: return {total:,.0f}": film(env, postures, *STRIP),
    }
    plot_strips(strips, path, dt=env.dt)
    return total
