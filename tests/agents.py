"""Small agents that tests share."""

import dataclasses
from functools import partial

import jax
import jax.numpy as jnp

from dstjax import envs
from dstjax.agent import Agent, Learner, losses
from dstjax.config import Config, Hyper
from dstjax.types import Array, Key, Params, SobolevSamples, Transition

SMALL = Config(
    env="pointmass", method="dst", steps=240, chunk_steps=40, warmup_steps=40, num_envs=1, utd=2, batch_size=8,
    num_samples=4, noise_dim=2, width=8, model_width=8, model_latent=2, ascent_steps=1, eval_episodes=2,
)  # fmt: skip
"""Compiles in seconds; every part is exercised."""


def small_agent(**changes) -> Agent:
    """An agent of `SMALL` with some fields changed."""
    config = dataclasses.replace(SMALL, **changes)
    return Agent(config, envs.make(config.env, max_latency=config.max_latency))


def random_batch(agent: Agent, key: jax.Array, size: int) -> Transition:
    """Transitions of random numbers, a quarter of them terminations."""
    keys = jax.random.split(key, 5)
    shape = (size, agent.env.obs_size)
    return Transition(
        obs=jax.random.normal(keys[0], shape),
        action=jax.random.uniform(keys[1], (size, agent.env.action_size), minval=-1.0),
        reward=jax.random.normal(keys[2], (size,)),
        next_obs=jax.random.normal(keys[3], shape),
        terminated=jax.random.bernoulli(keys[4], 0.25, (size,)).astype(jnp.float32),
    )


def numbers(**changes) -> Hyper:
    """Default numbers as arrays, some changed."""
    return jax.tree.map(jnp.float32, dataclasses.replace(Hyper(), **changes))


@partial(jax.jit, static_argnums=0)
def init_learner(agent: Agent, key: Key) -> Learner:
    """`Agent.init_learner`, compiled: op by op it takes seconds."""
    return agent.init_learner(key)


@partial(jax.jit, static_argnums=0)
def targets(agent: Agent, learner: Learner, batch: Transition, hyper: Hyper, key: Key) -> SobolevSamples:
    """`losses.targets`, compiled."""
    return losses.targets(agent, learner, batch, hyper, key)


@partial(jax.jit, static_argnums=0)
def critic_loss(
    agent: Agent, learner: Learner, params: Params, batch: Transition, target: SobolevSamples, hyper: Hyper, key: Key
) -> Array:
    """`losses.critic_loss` without what it logs, compiled."""
    return losses.critic_loss(agent, learner, params, batch, target, hyper, key)[0]


@partial(jax.jit, static_argnums=0)
def actor_loss(agent: Agent, learner: Learner, params: Params, batch: Transition, hyper: Hyper, key: Key) -> Array:
    """`losses.actor_loss`, compiled."""
    return losses.actor_loss(agent, learner, params, batch, hyper, key)
