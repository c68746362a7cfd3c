"""Acting in the environments: one tick of collection, and evaluation of the deterministic policy."""

from functools import partial
from operator import itemgetter

import jax
import jax.numpy as jnp

from dstjax.agent.core import Agent, Learner
from dstjax.config import Hyper, NoiseParams
from dstjax.envs.core import EnvState, auto_reset
from dstjax.normalize import RunningStats
from dstjax.types import Array, Key, Metrics, Params, Transition


def explore(agent: Agent, learner: Learner, obs: Array, uniform: Array, std: Array, key: Key) -> Array:
    """Actions to collect data with.

    Args:
      agent: the static half.
      learner: holds the policy.
      obs: `[E, S]` observations of the parallel environments.
      uniform: `[]` bool; whether to draw actions uniformly instead (warm-up).
      std: standard deviation of the Gaussian exploration noise.
      key: consumed.

    Returns:
      `[E, A]` actions in `[-1, 1]`.
    """
    uniform_key, noise_key = jax.random.split(key)
    mean = agent.policy(learner.params.actor, learner.stats.obs, obs)
    noisy = jnp.clip(mean + std * jax.random.normal(noise_key, mean.shape), -1.0, 1.0)
    return jnp.where(uniform, jax.random.uniform(uniform_key, mean.shape, minval=-1.0, maxval=1.0), noisy)


def collect(
    agent: Agent, learner: Learner, env_state: EnvState, uniform: Array, hyper: Hyper, key: Key
) -> tuple[EnvState, Transition, Metrics]:
    """Step every parallel environment once, with auto-reset.

    Args:
      agent: the static half.
      learner: holds the policy.
      env_state: `[E]` environments.
      uniform: `[]` bool; whether this is warm-up.
      hyper: exploration noise and the environment's noise.
      key: consumed.

    Returns:
      The new environments, the transitions `[E]`, and sums over the episodes that ended and the steps that were lost.
    """
    action_key, step_key = jax.random.split(key)
    action = explore(agent, learner, env_state.obs, uniform, hyper.exploration_std, action_key)
    step = jax.vmap(auto_reset(agent.env).step, in_axes=(0, 0, 0, None))
    after = step(env_state, action, jax.random.split(step_key, action.shape[0]), hyper.noise)
    transition = Transition(
        obs=env_state.obs,
        action=action,
        reward=after.reward,
        next_obs=after.final_obs,
        terminated=after.terminated.astype(jnp.float32),
        truncated=(after.truncated & ~after.terminated).astype(jnp.float32) if agent.method.n_step > 1 else None,
    )
    ended = {
        "episodes": after.done.sum(),
        "return_sum": jnp.where(after.done, after.last_return, 0.0).sum(),
        "nonfinite": (after.nonfinite - env_state.nonfinite).sum(),
    }
    return after, transition, ended


def evaluate(
    agent: Agent, actor: Params, stats: RunningStats, noise: NoiseParams, key: Key, *, episodes: int
) -> Metrics:
    """Run the deterministic policy for whole episodes side by side.

    Args:
      agent: the static half; `eval_clean` of its config asks for as many episodes without noise, from the same keys.
      actor: the policy's parameters.
      stats: observation statistics (`RunningStats`).
      noise: of the environment.
      key: consumed.
      episodes: number of parallel episodes.

    Returns:
      Mean and standard deviation of the undiscounted return, and mean length, over the episodes; those without noise
      under the same names with `_clean` appended.
    """
    run = partial(_episodes, agent, actor, stats, key=key, episodes=episodes)
    if not agent.config.eval_clean:
        return run(noise)
    both = jax.vmap(run)(jax.tree.map(lambda level: jnp.stack([level, jnp.zeros_like(level)]), noise))
    noisy, clean = (jax.tree.map(itemgetter(lane), both) for lane in range(2))
    return noisy | {f"{name}_clean": value for name, value in clean.items()}


def _episodes(
    agent: Agent, actor: Params, stats: RunningStats, noise: NoiseParams, *, key: Key, episodes: int
) -> Metrics:
    reset_key, loop_key = jax.random.split(key)
    state = jax.vmap(agent.env.reset, in_axes=(0, None))(jax.random.split(reset_key, episodes), noise)
    step = jax.vmap(agent.env.step, in_axes=(0, 0, 0, None))

    def running(state: EnvState) -> Array:
        return ~state.done

    @jax.vmap
    def select(keep_going: Array, new: EnvState, old: EnvState) -> EnvState:
        return jax.tree.map(partial(jnp.where, keep_going), new, old)

    def body(carry: tuple[EnvState, Key]) -> tuple[EnvState, Key]:
        state, key = carry
        key, step_key = jax.random.split(key)
        action = agent.policy(actor, stats, state.obs)
        after = step(state, action, jax.random.split(step_key, episodes), noise)
        return select(running(state), after, state), key

    state, _ = jax.lax.while_loop(lambda carry: running(carry[0]).any(), body, (state, loop_key))
    returns = state.episode_return
    return {"return": returns.mean(), "return_std": returns.std(), "length": state.elapsed.mean(dtype=jnp.float32)}
