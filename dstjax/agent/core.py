"""The static parts of an agent, and the pytrees of what it learns."""

import dataclasses
from typing import Any

import flax.struct
import jax
import jax.numpy as jnp
import optax

from dstjax import methods, nets, world
from dstjax.agent import critics
from dstjax.agent.replay import Replay
from dstjax.config import Config
from dstjax.envs.core import Env, EnvState
from dstjax.normalize import RunningStats
from dstjax.types import Array, Key, Params
from dstjax.world.core import WorldModel, WorldStats, init_world_stats

ADAM = optax.scale_by_adam()
"""The static part of every optimizer; the traced learning rate multiplies its output."""


@flax.struct.dataclass
class Networks:
    """One set of trainable parameters per network."""

    actor: Params
    critic: Params
    """Of all critics: every leaf has a leading axis of their number."""
    model: Params
    """Empty where the method has no world model."""


@flax.struct.dataclass
class Learner:
    """Everything that updates change."""

    params: Networks
    target_actor: Params
    target_critic: Params
    optimizer: Networks
    """Adam's state of each network."""
    stats: WorldStats


@flax.struct.dataclass
class TrainState:
    """Everything that training needs to go on, of one member."""

    learner: Learner
    env: EnvState
    """`[num_envs]`"""
    replay: Replay
    key: Key
    frozen_step: Array
    """`[]` int32 environment steps done when the member diverged and was frozen, or `health.NEVER`."""


@dataclasses.dataclass(frozen=True)
class Agent:
    """The static half of training: config, method, environment and network definitions. Holds no array."""

    config: Config
    env: Env

    def __post_init__(self) -> None:
        _ = self.model  # refuses a model that there is not, or not for this task, before anything is compiled

    @property
    def method(self) -> methods.Method:
        """The row of the method table, changed by the config's options."""
        return methods.resolve(self.config)

    @property
    def model(self) -> WorldModel | None:
        """The world model's definition, if the method has one."""
        name = self.method.model
        return None if name is None else world.make(name, self.config, self.env)

    @property
    def actor(self) -> nets.Actor:
        """The policy's definition."""
        return nets.Actor(self.env.action_size, self.config.width, self.config.depth)

    @property
    def critic(self) -> critics.Critic:
        """The kind of critic: its network, samples, targets and loss."""
        return critics.make(self.method, self.config)

    def policy(self, params: Params, stats: RunningStats, obs: Array) -> Array:
        """Deterministic action `[..., A]` for an observation `[..., S]` in task units."""
        return nets.apply(self.actor, params, stats.normalize(obs))

    def net(self, params: Params, stats: RunningStats) -> critics.Net:
        """One critic's network, taking observations in task units."""
        return nets.bind(self.critic.network, params, stats.normalize)

    def init_learner(self, key: Key) -> Learner:
        """Fresh networks, targets equal to them, and empty statistics; consumes `key`."""
        actor_key, critic_key, model_key = jax.random.split(key, 3)
        obs, action = jnp.zeros(self.env.obs_size), jnp.zeros(self.env.action_size)
        latent = self.critic.latents(critic_key)[0]
        params = Networks(
            actor=self.actor.init(actor_key, obs),
            critic=nets.init_ensemble(self.critic.network, self.method.critics, critic_key, obs, action, latent),
            model={} if self.model is None else self.model.init(model_key, self.env.action_size),
        )
        optimizer = Networks(**{f.name: ADAM.init(getattr(params, f.name)) for f in dataclasses.fields(params)})
        return Learner(
            params=params,
            target_actor=jax.tree.map(jnp.copy, params.actor),
            target_critic=jax.tree.map(jnp.copy, params.critic),
            optimizer=optimizer,
            stats=init_world_stats(self.env.obs_size),
        )


def apply_gradients(
    params: Params, optimizer: Any, grads: Params, learning_rate: Array, max_value: Array, max_norm: Array
) -> tuple[Params, Any, Array]:
    """One Adam step on gradients clipped entry by entry, then scaled down to a global norm of at most `max_norm`.

    Args:
      params: of one network.
      optimizer: Adam's state for it.
      grads: of the same structure as the parameters.
      learning_rate: traced.
      max_value: bound of each entry; traced.
      max_norm: bound of the gradients' global norm; traced.

    Returns:
      New parameters, new optimizer state, and the gradients' norm before both.
    """
    clipped = jax.tree.map(lambda g: jnp.clip(g, -max_value, max_value), grads)
    scale = jnp.minimum(1.0, max_norm / jnp.maximum(optax.tree.norm(clipped), 1e-12))
    updates, optimizer = ADAM.update(jax.tree.map(lambda g: g * scale, clipped), optimizer)
    params = jax.tree.map(lambda p, u: p - learning_rate * u, params, updates)
    return params, optimizer, optax.tree.norm(grads)


def polyak(target: Params, online: Params, tau: Array) -> Params:
    """Move target parameters the share `tau` of the way to the online ones.

    Args:
      target: parameters that follow.
      online: parameters that are followed.
      tau: share per call.

    Returns:
      The new target parameters.
    """
    return jax.tree.map(lambda t, o: t + tau * (o - t), target, online)
