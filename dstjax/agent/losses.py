"""Losses of critics and actor, one body for every row of the method table."""

from functools import partial
from operator import itemgetter

import jax
import jax.numpy as jnp

from dstjax.agent.core import Agent, Learner
from dstjax.config import Hyper
from dstjax.math.kernels import KERNELS
from dstjax.math.losses import huber
from dstjax.math.mmd import mmd2, msmmd2
from dstjax.math.slicing import mean_direction
from dstjax.math.sobolev import concat, sobolev_samples, sobolev_target, truncate
from dstjax.types import Array, Key, Metrics, Params, SobolevSamples, Transition


def targets(agent: Agent, learner: Learner, batch: Transition, hyper: Hyper, key: Key) -> SobolevSamples:
    """Truncated pooled target samples of a batch, `Y = (y, dy/da)` with `y = r + gamma (1 - d) Z(s', pi(s'), xi)`.

    `(s', r)` is sampled from the world model, or is the replayed one where the method has no model.

    Args:
      agent: the static half.
      learner: holds the target networks and the model.
      batch: `[B]` transitions.
      hyper: numbers.
      key: consumed.

    Returns:
      `[B, 2N - drop]` samples without gradient.
    """
    method, model, stats = agent.method, agent.model, learner.stats
    num_samples = method.num_samples(agent.config)

    critics = [
        partial(agent.value, jax.tree.map(itemgetter(index), learner.target_critic), stats.obs) for index in range(2)
    ]

    def one(transition: Transition, key: Key) -> SobolevSamples:
        latent_key, model_key, smooth_key = jax.random.split(key, 3)
        latents = jax.random.normal(latent_key, (num_samples, method.noise_dim(agent.config)))
        smoothing = _smoothing(agent, hyper, smooth_key)

        def model_fn(obs: Array, action: Array, noise: Array) -> tuple[Array, Array]:
            if model is None:
                return transition.next_obs, transition.reward
            return model.sample(learner.params.model, stats, obs, action, noise)

        def policy_fn(obs: Array) -> Array:
            return jnp.clip(agent.policy(learner.target_actor, stats.obs, obs) + smoothing, -1.0, 1.0)

        noise = jax.random.normal(model_key, (num_samples, 0 if model is None else model.noise_size))
        pooled = sobolev_target(
            model_fn, policy_fn, critics, transition.obs, transition.action, noise, latents, hyper.discount,
            transition.terminated,
        )  # fmt: skip
        return truncate(pooled, method.drop_samples(agent.config))

    return jax.vmap(one)(batch, jax.random.split(key, batch.reward.shape[0]))


def _smoothing(agent: Agent, hyper: Hyper, key: Key) -> Array:
    """TD3's clipped target policy noise `[A]`, or zeros; consumes `key`."""
    if not agent.method.smoothing:
        return jnp.zeros(agent.env.action_size)
    noise = hyper.smoothing_std * jax.random.normal(key, (agent.env.action_size,))
    return jnp.clip(noise, -hyper.smoothing_clip, hyper.smoothing_clip)


def distance(agent: Agent, samples: SobolevSamples, target: SobolevSamples, hyper: Hyper, key: Key) -> Array:
    """The method's distance between a critic's samples and the target's, of one transition.

    Args:
      agent: the static half.
      samples: `N` samples of the critic.
      target: `N'` samples of the target.
      hyper: numbers.
      key: consumed; a direction where the means of both agree.

    Returns:
      `[]`, differentiable in `samples`.
    """
    if agent.method.gradient == "none":
        # Unused gradients are dead code to the compiler: these methods do not pay for them.
        samples, target = (s.replace(daction=s.daction[:, :0]) for s in (samples, target))
    x, y = concat(samples, hyper.gradient_weight), concat(target, hyper.gradient_weight)
    if agent.method.distance == "huber":
        return huber(x[0, 0] - y[0, 0])
    # Unbiased: the V-statistic of N fresh samples is least for a law narrower than the target's, by 1/6 at N = 10.
    kernel = KERNELS[agent.config.kernel](hyper.bandwidth)
    if agent.method.distance == "mmd":
        return mmd2(x, y, kernel, unbiased=True)
    start = mean_direction(x, y, key)
    return msmmd2(x, y, start, hyper.ascent_step, kernel, num_steps=agent.config.ascent_steps, unbiased=True)[0]


def critic_loss(
    agent: Agent,
    learner: Learner,
    params: Params,
    batch: Transition,
    targets: SobolevSamples,
    hyper: Hyper,
    key: Key,
) -> tuple[Array, Metrics]:
    """Distance of both critics' samples to the targets, averaged over the batch and summed over the critics.

    Args:
      agent: the static half.
      learner: holds the observation statistics.
      params: of both critics; what the loss is differentiated in.
      batch: `[B]` transitions.
      targets: `[B, N']` samples.
      hyper: numbers.
      key: consumed.

    Returns:
      The loss `[]`, and what to log.
    """
    method, stats = agent.method, learner.stats.obs
    shape = (method.num_samples(agent.config), method.noise_dim(agent.config))

    def one(params: Params, transition: Transition, target: SobolevSamples, key: Key) -> tuple[Array, SobolevSamples]:
        latent_key, direction_key = jax.random.split(key)
        latents = jax.random.normal(latent_key, shape)
        samples = sobolev_samples(partial(agent.value, params, stats), transition.obs, transition.action, latents)
        return distance(agent, samples, target, hyper, direction_key), samples

    over_batch = jax.vmap(one, in_axes=(None, 0, 0, 0))
    keys = jax.random.split(key, (2, batch.reward.shape[0]))
    loss, samples = jax.vmap(over_batch, in_axes=(0, None, None, 0))(params, batch, targets, keys)
    metrics = {
        "critic/value": samples.value.mean(),
        "critic/target": targets.value.mean(),
        "critic/spread": samples.value.std(axis=-1).mean(),
        "critic/target_spread": targets.value.std(axis=-1).mean(),
    }
    if method.gradient != "none":
        for name, drawn in (("critic/daction_norm", samples), ("critic/target_daction_norm", targets)):
            metrics[name] = jnp.linalg.norm(drawn.daction.mean(axis=-2), axis=-1).mean()
    return loss.mean(axis=-1).sum(), metrics


def actor_loss(agent: Agent, learner: Learner, params: Params, batch: Transition, key: Key) -> Array:
    """Minus the first critic's mean return at the policy's actions, over the batch and its noise.

    Args:
      agent: the static half.
      learner: holds the critic and the statistics.
      params: of the actor; what the loss is differentiated in.
      batch: `[B]` transitions, of which only the observations are used.
      key: consumed.

    Returns:
      `[]`
    """
    method, stats = agent.method, learner.stats.obs
    critic = jax.tree.map(itemgetter(0), learner.params.critic)
    shape = (batch.reward.shape[0], method.num_samples(agent.config), method.noise_dim(agent.config))

    def one(obs: Array, latents: Array) -> Array:
        action = agent.policy(params, stats, obs)
        return jax.vmap(lambda latent: agent.value(critic, stats, obs, action, latent))(latents).mean()

    return -jax.vmap(one)(batch.obs, jax.random.normal(key, shape)).mean()
