"""Gradient steps of critics, world model and actor, and the order they come in."""

from collections.abc import Callable
from functools import partial

import jax
import jax.numpy as jnp

from dstjax.agent import losses
from dstjax.agent.core import Agent, Learner, apply_gradients, polyak
from dstjax.agent.replay import Replay, sample, sample_steps
from dstjax.config import Hyper
from dstjax.types import Array, Key, Metrics, Params, Transition

Step = Callable[[Learner, Key], tuple[Learner, Metrics]]
"""One or several updates; consumes the key."""


def update_critic(agent: Agent, learner: Learner, batch: Transition, hyper: Hyper, key: Key) -> tuple[Learner, Metrics]:
    """One step of both critics.

    Args:
      agent: the static half.
      learner: what the updates change.
      batch: `[B]` transitions.
      hyper: numbers.
      key: consumed.

    Returns:
      The new learner, and metrics.
    """
    target_key, loss_key = jax.random.split(key)
    if agent.method.critic_action == "policy":
        batch = batch.replace(action=agent.policy(learner.params.actor, learner.stats.obs, batch.obs))
    targets = losses.targets(agent, learner, batch, hyper, target_key)
    (loss, metrics), grads = jax.value_and_grad(losses.critic_loss, argnums=2, has_aux=True)(
        agent, learner, learner.params.critic, batch, targets, hyper, loss_key
    )
    learner, norm = _descend(learner, "critic", grads, hyper.critic_lr, hyper)
    return learner, {"critic/loss": loss, "critic/grad_norm": norm, **metrics}


def update_model(agent: Agent, learner: Learner, batch: Transition, hyper: Hyper, key: Key) -> tuple[Learner, Metrics]:
    """One step of the world model, if the method has one.

    Args:
      agent: the static half.
      learner: what the updates change.
      batch: `[B]` transitions.
      hyper: numbers.
      key: consumed.

    Returns:
      The new learner, and metrics.
    """
    if agent.model is None:
        return learner, {}
    (loss, metrics), grads = jax.value_and_grad(agent.model.loss, has_aux=True)(
        learner.params.model, learner.stats, batch, key, hyper.kl_weight
    )
    learner, _ = _descend(learner, "model", grads, hyper.model_lr, hyper)
    return learner, {"model/loss": loss, **{f"model/{name}": value for name, value in metrics.items()}}


def update_actor(agent: Agent, learner: Learner, batch: Transition, hyper: Hyper, key: Key) -> tuple[Learner, Metrics]:
    """One step of the actor, then of all target networks.

    Args:
      agent: the static half.
      learner: what the updates change.
      batch: `[B]` transitions.
      hyper: numbers.
      key: consumed.

    Returns:
      The new learner, and metrics.
    """
    loss, grads = jax.value_and_grad(losses.actor_loss, argnums=2)(
        agent, learner, learner.params.actor, batch, hyper, key
    )
    learner, norm = _descend(learner, "actor", grads, hyper.actor_lr, hyper)
    learner = learner.replace(
        target_actor=polyak(learner.target_actor, learner.params.actor, hyper.tau),
        target_critic=polyak(learner.target_critic, learner.params.critic, hyper.tau),
    )
    return learner, {"actor/loss": loss, "actor/grad_norm": norm}


def _descend(learner: Learner, name: str, grads: Params, rate: Array, hyper: Hyper) -> tuple[Learner, Array]:
    """One optimizer step of the network `name`; the new learner, and the norm of its gradients."""
    params, optimizer, norm = apply_gradients(
        getattr(learner.params, name),
        getattr(learner.optimizer, name),
        grads,
        rate,
        hyper.max_grad_value,
        hyper.max_grad_norm,
    )
    learner = learner.replace(
        params=learner.params.replace(**{name: params}), optimizer=learner.optimizer.replace(**{name: optimizer})
    )
    return learner, norm


def update_cycle(
    agent: Agent, learner: Learner, replay: Replay, inserted: Array, hyper: Hyper, key: Key, *, groups: int
) -> tuple[Learner, Metrics]:
    """`groups` times: `policy_delay` critic updates, each on its own batch, then one of model and actor.

    Args:
      agent: the static half.
      learner: what the updates change.
      replay: the buffer, only read.
      inserted: transitions inserted so far.
      hyper: numbers.
      key: consumed.
      groups: number of actor updates.

    Returns:
      The new learner and the metrics' means over the updates.
    """
    config, num_steps = agent.config, agent.method.n_step
    draw = partial(sample, replay, inserted, batch_size=config.batch_size)
    draw_steps = draw if num_steps == 1 else partial(
        sample_steps, replay, inserted, discount=hyper.discount, batch_size=config.batch_size, num_steps=num_steps,
        num_envs=config.num_envs,
    )  # fmt: skip

    def critic_step(learner: Learner, key: Key) -> tuple[Learner, Metrics]:
        sample_key, update_key = jax.random.split(key)
        return update_critic(agent, learner, draw_steps(sample_key), hyper, update_key)

    def group(learner: Learner, key: Key) -> tuple[Learner, Metrics]:
        critic_key, sample_key, model_key, actor_key = jax.random.split(key, 4)
        learner, critic_metrics = _repeat(critic_step, learner, critic_key, config.policy_delay)
        batch = draw(sample_key)
        learner, model_metrics = update_model(agent, learner, batch, hyper, model_key)
        learner, actor_metrics = update_actor(agent, learner, batch, hyper, actor_key)
        return learner, {**critic_metrics, **model_metrics, **actor_metrics}

    return _repeat(group, learner, key, groups)


def model_cycle(
    agent: Agent, learner: Learner, replay: Replay, inserted: Array, hyper: Hyper, key: Key, *, groups: int
) -> tuple[Learner, Metrics]:
    """`groups` updates of the world model alone, so that critic and actor find one that has seen what they have.

    Args:
      agent: the static half.
      learner: what the updates change.
      replay: the buffer, only read.
      inserted: transitions inserted so far.
      hyper: numbers.
      key: consumed.
      groups: number of updates.

    Returns:
      The new learner and the metrics' means over the updates; none where the method has no model.
    """
    if agent.model is None:
        return learner, {}

    def step(learner: Learner, key: Key) -> tuple[Learner, Metrics]:
        sample_key, update_key = jax.random.split(key)
        batch = sample(replay, inserted, sample_key, batch_size=agent.config.batch_size)
        return update_model(agent, learner, batch, hyper, update_key)

    return _repeat(step, learner, key, groups)


def _repeat(step: Step, learner: Learner, key: Key, times: int) -> tuple[Learner, Metrics]:
    """A step so many times, each with a key of its own; the learner after the last, and the metrics' means."""
    learner, metrics = jax.lax.scan(step, learner, jax.random.split(key, times))
    return learner, jax.tree.map(jnp.mean, metrics)
