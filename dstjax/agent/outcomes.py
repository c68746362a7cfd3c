"""Where next states and rewards come from: the replay, or the world model under noise of its prior or posterior."""

from collections.abc import Callable

import jax
import jax.numpy as jnp

from dstjax.agent.core import Agent, Learner
from dstjax.config import Hyper
from dstjax.math import contraction_factor
from dstjax.math.sobolev import ModelFn
from dstjax.types import Array, Key, Metrics, Transition


def draw_noise(agent: Agent, learner: Learner, transition: Transition, num: int, key: Key) -> Array:
    """Noise of the world model's samples.

    Args:
      agent: the static half.
      learner: holds the model.
      transition: of which the posterior is taken, where the method does so.
      num: `N`.
      key: consumed.

    Returns:
      `[N, noise_size]`; no entries where there is no model.
    """
    model = agent.model
    if model is None or agent.method.model_noise == "prior":
        return jax.random.normal(key, (num, 0 if model is None else model.noise_size))
    infer = jax.vmap(lambda key: model.infer(learner.params.model, learner.stats, transition, key))
    return jax.lax.stop_gradient(infer(jax.random.split(key, num)))


def model_fn(agent: Agent, learner: Learner) -> ModelFn:
    """The world model of an agent that has one.

    Args:
      agent: the static half.
      learner: holds the model.

    Returns:
      `(obs [S], action [A], noise) -> (next_obs [S], reward [])`, differentiable.
    """
    model = agent.model
    assert model is not None, "a method without a model asks for none"
    return lambda obs, action, noise: model.sample(learner.params.model, learner.stats, obs, action, noise)


def outcome_fn(agent: Agent, learner: Learner, transition: Transition) -> ModelFn:
    """What targets of a transition start from.

    Args:
      agent: the static half.
      learner: holds the model.
      transition: the replayed one.

    Returns:
      `(obs [S], action [A], noise) -> (next_obs [S], reward [])`: the model's, or the replayed outcome whatever the
      arguments are. A replayed outcome takes the model's Jacobian where the method's samples carry gradients.
    """
    real = (transition.next_obs, transition.reward)
    if agent.method.uses_samples:
        return model_fn(agent, learner)
    if agent.method.gradient == "none":
        return lambda obs, action, noise: real
    sampled = model_fn(agent, learner)

    def shifted(obs: Array, action: Array, noise: Array) -> tuple[Array, Array]:
        """The model's sample moved onto the replayed outcome, its derivatives kept."""
        move = lambda fixed, moved: moved + jax.lax.stop_gradient(fixed - moved)  # noqa: E731
        next_obs, reward = sampled(obs, action, noise)
        return move(real[0], next_obs), move(real[1], reward)

    return shifted


def end_fn(agent: Agent, transition: Transition, hyper: Hyper, *, replayed_action: bool) -> Callable[[Array], Array]:
    """What ends the episode after a transition's observation.

    Args:
      agent: the static half.
      transition: the replayed one.
      hyper: says whether the sensors are noisy.
      replayed_action: whether the transition's own action is taken there.

    Returns:
      `next_obs [S] -> []`, the replayed indicator; of another action, which need not end where the replayed one did,
      the task's own function, where it has one. That one judges states: it is not asked about samples of a law of noisy
      observations, of which a steady state has some that look like an end.
    """
    known, noise = agent.env.terminates, hyper.noise
    if replayed_action or known is None:
        return lambda next_obs: transition.terminated
    if agent.model is None or not agent.model.has_density:
        return known
    noisy = (noise.obs_scale > 0) | (noise.obs_std > 0) | (noise.drift_std > 0)
    return lambda next_obs: jnp.where(noisy, transition.terminated, known(next_obs))


def contraction(agent: Agent, learner: Learner, batch: Transition, hyper: Hyper, key: Key) -> Metrics:
    """How far the method's Bellman operator can stretch a distance between laws, under its model and target policy.

    Args:
      agent: the static half, of a method with a model.
      learner: holds the model and the target policy.
      batch: `[B]` transitions.
      hyper: gives the discount.
      key: consumed.

    Returns:
      Mean factor `gamma * kappa` of the batch, and the share of it above 1; see `dstjax.math.contraction_factor`. The
      model's noise is the prior's.
    """
    noise = jax.random.normal(key, (batch.reward.shape[0], agent.model.noise_size))  # type: ignore[union-attr]

    def one(transition: Transition, noise: Array) -> Array:
        return contraction_factor(
            model_fn(agent, learner), lambda obs: agent.policy(learner.target_actor, learner.stats.obs, obs),
            transition.obs, transition.action, noise, hyper.discount, transition.terminated,
        )  # fmt: skip

    factors = jax.vmap(one)(batch, noise)
    return {"model/contraction": factors.mean(), "model/contraction_above_one": (factors > 1.0).mean()}
