"""Losses of critics and actor, one body for every row of the method table."""

import dataclasses
from operator import itemgetter

import jax
import jax.numpy as jnp

from dstjax.agent.core import Agent, Learner
from dstjax.agent.critics import Backup, Net
from dstjax.agent.outcomes import draw_noise, end_fn, model_fn, outcome_fn
from dstjax.config import Hyper
from dstjax.types import Array, Key, Metrics, Params, SobolevSamples, Transition


def _nets(agent: Agent, learner: Learner, critics: Params) -> list[Net]:
    """The critics of a set of parameters, apart."""
    pick = [jax.tree.map(itemgetter(index), critics) for index in range(agent.method.critics)]
    return [agent.net(params, learner.stats.obs) for params in pick]


def targets(agent: Agent, learner: Learner, batch: Transition, hyper: Hyper, key: Key) -> SobolevSamples:
    """Target samples of a batch, `Y = (y, dy/da)` with `y = r + gamma (1 - d) Z(s', pi(s'), xi)`, pessimism applied.

    Args:
      agent: the static half.
      learner: holds the target networks and the model.
      batch: `[B]` transitions.
      hyper: numbers.
      key: consumed.

    Returns:
      `[B, N']` samples without gradient.
    """
    critic, stats = agent.critic, learner.stats
    target_critics = _nets(agent, learner, learner.target_critic)

    def one(transition: Transition, key: Key) -> SobolevSamples:
        latent_key, model_key, smooth_key = jax.random.split(key, 3)
        smoothing = _smoothing(agent, hyper, smooth_key)

        def policy_fn(obs: Array) -> Array:
            return jnp.clip(agent.policy(learner.target_actor, stats.obs, obs) + smoothing, -1.0, 1.0)

        backup = Backup(
            model_fn=outcome_fn(agent, learner, transition),
            policy_fn=policy_fn,
            obs=transition.obs,
            action=transition.action,
            noise=draw_noise(agent, learner, transition, critic.num_latents, model_key),
            terminated=end_fn(agent, transition, hyper, replayed_action=agent.method.critic_action == "replayed"),
            discount=hyper.discount if transition.steps is None else hyper.discount**transition.steps,
        )
        return critic.target(target_critics, backup, critic.latents(latent_key), hyper)

    return jax.vmap(one)(batch, jax.random.split(key, batch.reward.shape[0]))


def _smoothing(agent: Agent, hyper: Hyper, key: Key) -> Array:
    """TD3's clipped target policy noise `[A]`, or zeros; consumes `key`."""
    if agent.method.smoothing == "none":
        return jnp.zeros(agent.env.action_size)
    noise = hyper.smoothing_std * jax.random.normal(key, (agent.env.action_size,))
    return jnp.clip(noise, -hyper.smoothing_clip, hyper.smoothing_clip)


def critic_loss(
    agent: Agent,
    learner: Learner,
    params: Params,
    batch: Transition,
    targets: SobolevSamples,
    hyper: Hyper,
    key: Key,
) -> tuple[Array, Metrics]:
    """The critics' loss to the targets, averaged over the batch and summed over the critics.

    Args:
      agent: the static half.
      learner: holds the observation statistics.
      params: of the critics; what the loss is differentiated in.
      batch: `[B]` transitions.
      targets: `[B, N']` samples.
      hyper: numbers.
      key: consumed.

    Returns:
      The loss `[]`, and what to log.
    """
    stats = learner.stats.obs
    # Gradients in the unit of normalised observations: no choice of unit then weighs one entry over another.
    hyper = dataclasses.replace(hyper, dobs_weight=hyper.dobs_weight * stats.std)

    def one(params: Params, transition: Transition, target: SobolevSamples, key: Key) -> tuple[Array, SobolevSamples]:
        return agent.critic.loss(agent.net(params, stats), transition.obs, transition.action, target, hyper, key)

    over_batch = jax.vmap(one, in_axes=(None, 0, 0, 0))
    keys = jax.random.split(key, (agent.method.critics, batch.reward.shape[0]))
    loss, samples = jax.vmap(over_batch, in_axes=(0, None, None, 0))(params, batch, targets, keys)
    metrics: Metrics = {}
    for name, drawn in (("", samples), ("target_", targets)):
        mean, std = _moments(drawn)
        metrics |= {f"critic/{name.rstrip('_') or 'value'}": mean.mean(), f"critic/{name}spread": std.mean()}
        if agent.method.gradient != "none":
            metrics[f"critic/{name}daction_norm"] = jnp.linalg.norm(drawn.daction.mean(axis=-2), axis=-1).mean()
    return loss.mean(axis=-1).sum(), metrics


def _moments(samples: SobolevSamples) -> tuple[Array, Array]:
    """Mean and standard deviation of the return over the last axis."""
    if samples.weight is None:
        return samples.value.mean(axis=-1), samples.value.std(axis=-1)
    mean = (samples.weight * samples.value).sum(axis=-1)
    return mean, jnp.sqrt((samples.weight * (samples.value - mean[..., None]) ** 2).sum(axis=-1))


def actor_loss(agent: Agent, learner: Learner, params: Params, batch: Transition, hyper: Hyper, key: Key) -> Array:
    """Minus what the method's actor ascends at the policy's actions, averaged over the batch.

    Args:
      agent: the static half.
      learner: holds the critics, the model and the statistics.
      params: of the actor; what the loss is differentiated in.
      batch: `[B]` transitions.
      hyper: numbers.
      key: consumed.

    Returns:
      `[]`
    """
    if agent.method.actor == "model":
        return _model_actor_loss(agent, learner, params, batch, hyper, key)
    critics = _nets(agent, learner, learner.params.critic)
    critics = critics if agent.method.actor == "minimum" else critics[:1]

    def one(obs: Array, latents: Array) -> Array:
        action = agent.policy(params, learner.stats.obs, obs)
        means = [agent.critic.mean(net, obs, action, latents, hyper) for net in critics]
        return jnp.stack(means).min()

    return -jax.vmap(one)(batch.obs, agent.critic.latents(key, batch.reward.shape)).mean()


def _model_actor_loss(
    agent: Agent, learner: Learner, params: Params, batch: Transition, hyper: Hyper, key: Key
) -> Array:
    """SVG(1): minus `r(s, a) + gamma (1 - d) Q(s', pi(s'))` at `a = pi(s)`, through the model; consumes `key`.

    The model's noise is that of the real transition, so that `s'` is what would have followed the policy's own action
    in the same circumstances; no importance weights are needed. In `s'` the policy's parameters are held fixed.
    """
    noise_key, latent_key = jax.random.split(key)
    sample, stats = model_fn(agent, learner), learner.stats.obs
    net = _nets(agent, learner, learner.params.critic)[0]

    def one(transition: Transition, key: Key, latents: Array) -> Array:
        noise = draw_noise(agent, learner, transition, 1, key)[0]
        next_obs, reward = sample(transition.obs, agent.policy(params, stats, transition.obs), noise)
        next_action = agent.policy(jax.lax.stop_gradient(params), stats, next_obs)
        value = agent.critic.mean(net, next_obs, next_action, latents, hyper)
        end = end_fn(agent, transition, hyper, replayed_action=False)(next_obs)
        return reward + hyper.discount * (1.0 - end) * value

    keys = jax.random.split(noise_key, batch.reward.shape[0])
    return -jax.vmap(one)(batch, keys, agent.critic.latents(latent_key, batch.reward.shape)).mean()
