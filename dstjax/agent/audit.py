"""How far a trained critic is from the true Sobolev return of its policy, by Monte Carlo in the simulator."""

from functools import partial
from typing import Literal

import jax
import jax.numpy as jnp
from jax import lax

from dstjax.agent.core import Agent, Learner
from dstjax.config import Hyper
from dstjax.envs.core import EnvState
from dstjax.math.returns import audit, sobolev_returns
from dstjax.types import Array, Key, SobolevSamples

FirstActions = Literal["policy", "uniform"]
"""Whose the audited returns' first actions are: the policy's own, or drawn uniformly from `[-1, 1]`."""
DRAWS = 512
"""Samples taken of a critic; a point critic has one."""


def audit_critic(
    agent: Agent,
    learner: Learner,
    hyper: Hyper,
    key: Key,
    *,
    states: int,
    samples: int,
    horizon: int,
    gradients: bool,
    actions: FirstActions = "policy",
) -> tuple[SobolevSamples, SobolevSamples]:
    """Samples of the first critic, and of the truth, at states that the policy visits and a first action there.

    The policy's own action is where its gradient is read, but near an optimum the true gradient is zero there, and says
    little of a critic; uniform ones ask what the critic knows of actions not taken.

    The truth goes on past the time limit, as the critic's target does. Where the agent sees noisy observations, the
    critic is given one, and the truth starts from the state behind it.

    Args:
      agent: the static half.
      learner: of one member.
      hyper: of one member; the environment's noise is part of it.
      key: consumed.
      states: how many states.
      samples: of the true return at each of them.
      horizon: steps after which the rest of the return is left out.
      gradients: whether to differentiate the simulator; without, gradients are zero on both sides.
      actions: first ones: of the `policy`, or `uniform` in `[-1, 1]`.

    Returns:
      The critic's samples and the true ones, `[states, ...]` each.
    """
    state_key, action_key, latent_key, truth_key = jax.random.split(key, 4)
    visited = jax.vmap(partial(visit, agent, learner, hyper))(jax.random.split(state_key, states))
    action = agent.policy(learner.params.actor, learner.stats.obs, visited.obs)
    if actions == "uniform":
        action = jax.random.uniform(action_key, action.shape, action.dtype, -1.0, 1.0)
    drawn = jax.vmap(partial(_draw, agent, learner, hyper))(visited.obs, action, jax.random.split(latent_key, states))
    keys = jax.random.split(truth_key, (states, samples, horizon))
    true = jax.vmap(partial(_truth, agent, learner, hyper, gradients=gradients))(visited, action, keys)
    return drawn if gradients else drawn.replace(daction=jnp.zeros_like(drawn.daction)), true


def summarise(drawn: SobolevSamples, true: SobolevSamples) -> dict[str, Array]:
    """The audit of each state, with the bias of the mean return.

    Args:
      drawn: samples of the critic, `[states, ...]`.
      true: samples of the truth, `[states, ...]`.

    Returns:
      Metrics of `dstjax.math.audit`, and `bias`, the mean of the critic less that of the truth, `[states]` each; the
      energies are NaN where the true return does not vary, gradients where it does not depend on the action.
    """
    found = jax.vmap(audit)(drawn, true)
    mean, spread = true.value.mean(1), true.value.std(1)
    tiny = 1e-4 * jnp.maximum(jnp.abs(mean), 1e-6)
    steered = jnp.linalg.norm(true.daction.mean(1), axis=-1)
    told = {"joint_energy": spread > tiny, "return_energy": spread > tiny}
    told |= {"gradient_error": steered > tiny, "gradient_cosine": steered > tiny}
    found |= {name: jnp.where(where, found[name], jnp.nan) for name, where in told.items()}
    return found | {"bias": drawn.value.mean(1) - mean}


def visit(agent: Agent, learner: Learner, hyper: Hyper, key: Key) -> EnvState:
    """A state of an episode of the deterministic policy, drawn evenly from those in the first half of its time limit.

    Args:
      agent: the static half.
      learner: of one member.
      hyper: of one member.
      key: consumed.

    Returns:
      The state; the episode goes on from there for at least one step.
    """
    reset_key, loop_key = jax.random.split(key)
    start = agent.env.reset(reset_key, hyper.noise)

    def body(step: Array, carry: tuple[EnvState, EnvState, Array]) -> tuple[EnvState, EnvState, Array]:
        state, kept, over = carry
        draw_key, step_key = jax.random.split(jax.random.fold_in(loop_key, step))
        action = agent.policy(learner.params.actor, learner.stats.obs, state.obs)
        after = agent.env.step(state, action, step_key, hyper.noise)
        over |= after.done
        # The n-th state takes the place of the one kept with probability 1 / n: in the end each had the same chance.
        taken = ~over & (jax.random.uniform(draw_key) * (step + 2) < 1)
        return after, jax.tree.map(partial(jnp.where, taken), after, kept), over

    return lax.fori_loop(0, agent.env.time_limit // 2, body, (start, start, jnp.zeros((), bool)))[1]


def _draw(agent: Agent, learner: Learner, hyper: Hyper, obs: Array, action: Array, key: Key) -> SobolevSamples:
    """`[n, ...]` samples of the first critic and their action gradients, also of a critic trained without."""
    critic = agent.critic
    params = jax.tree.map(lambda leaf: leaf[0], learner.params.critic)
    net = agent.net(params, learner.stats.obs)

    def values(action: Array, key: Key) -> Array:
        return critic.samples(net, obs, action, critic.latents(key), hyper).value

    repeats = max(1, DRAWS // critic.num_latents) if critic.num_latents > 1 else 1
    keys = jax.random.split(key, repeats)
    value, daction = jax.vmap(lambda k: (values(action, k), jax.jacfwd(values)(action, k)))(keys)
    return SobolevSamples(value.reshape(-1), daction.reshape(-1, action.size))


def _truth(
    agent: Agent, learner: Learner, hyper: Hyper, state: EnvState, action: Array, keys: Key, *, gradients: bool
) -> SobolevSamples:
    """`[samples, ...]` of the true return; `keys [samples, horizon]`."""

    def step(state: EnvState, action: Array, key: Key) -> tuple[EnvState, Array, Array, Array]:
        action = action if gradients else lax.stop_gradient(action)
        after = agent.env.step(state, action, key, hyper.noise)
        return after, after.obs, after.reward, after.terminated

    def policy(obs: Array) -> Array:
        return agent.policy(learner.params.actor, learner.stats.obs, obs)

    return sobolev_returns(step, policy, state, action, keys, hyper.discount)
