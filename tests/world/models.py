"""A bimodal transition, and what the tests of every world model do with it."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import optax

from dstjax.types import Transition
from dstjax.world import WorldStats
from dstjax.world.core import init_world_stats, update_world_stats


def bimodal(key, size):
    """`s' = s + a +- (0.5 + 0.2 s)`, plus with probability 0.7; reward `s a + 0.1 e`."""
    keys = jax.random.split(key, 4)
    obs = jax.random.uniform(keys[0], (size, 1), minval=-1.0)
    action = jax.random.uniform(keys[1], (size, 1), minval=-1.0)
    sign = jnp.where(jax.random.bernoulli(keys[2], 0.7, (size, 1)), 1.0, -1.0)
    reward = (obs * action)[:, 0] + 0.1 * jax.random.normal(keys[3], (size,))
    return Transition(obs, action, reward, obs + action + sign * (0.5 + 0.2 * obs), jnp.zeros(size))


@partial(jax.jit, static_argnums=(0, 2), static_argnames="batch_size")
def fit(model, data, steps, key, batch_size=128, learning_rate=1e-3):
    """Train on transitions; parameters and statistics."""
    world = update_world_stats(init_world_stats(data.obs.shape[1]), data)
    params, adam = model.init(key, data.action.shape[1]), optax.scale_by_adam()

    def step(carry, inputs):
        params, state = carry
        progress, key = inputs
        pick_key, loss_key = jax.random.split(key)
        rows = jax.random.randint(pick_key, (batch_size,), 0, len(data.reward))
        batch = jax.tree.map(lambda leaf: leaf[rows], data)
        grads, _ = jax.grad(model.loss, has_aux=True)(params, world, batch, loss_key, 1.0)
        updates, state = adam.update(grads, state)
        rate = learning_rate * jnp.minimum(1.0, 3.0 * (1.0 - progress))
        return (jax.tree.map(lambda p, u: p - rate * u, params, updates), state), None

    progress = jnp.arange(steps) / steps
    return jax.lax.scan(step, (params, adam.init(params)), (progress, jax.random.split(key, steps)))[0][0], world


@partial(jax.jit, static_argnums=(0, 5))
def draw(model, params, world, obs, action, size=4000):
    """`size` samples at each of `[Q]` observations and actions, `[Q, size]` next observations and rewards."""
    noise = jax.random.normal(jax.random.key(2), (size, model.noise_size))
    many = jax.vmap(partial(model.sample, params, world), in_axes=(None, None, 0))
    return jax.vmap(many, in_axes=(0, 0, None))(obs, action, noise)


def mode_weights(model, params, world):
    """At 8 pairs of observation and action: weight of the upper mode, and of what lies between the modes `[8]`."""
    obs, action = jnp.linspace(-0.9, 0.9, 8)[:, None], jnp.linspace(0.8, -0.8, 8)[:, None]
    next_obs, _ = draw(model, params, world, obs, action)
    place = np.asarray((next_obs[..., 0] - obs - action) / (0.5 + 0.2 * obs))
    return (place > 0).mean(1), (np.abs(place) < 0.7).mean(1)


@partial(jax.jit, static_argnums=0)
def reproduce(model, params, world, data, key):
    """Outcomes `[B, S + 1]` under the noise inferred from each transition, and that noise."""

    def one(transition, key):
        noise = model.infer(params, world, transition, key)
        next_obs, reward = model.sample(params, world, transition.obs, transition.action, noise)
        return jnp.append(next_obs, reward), noise

    return jax.vmap(one)(data, jax.random.split(key, len(data.reward)))


def untrained(model, obs_size=3, action_size=2, dtype=jnp.float64):
    """Parameters drawn at random, and statistics of no data."""
    params = jax.tree.map(lambda leaf: leaf.astype(dtype), jax.jit(model.init, static_argnums=1)(jax.random.key(0), 2))
    assert action_size == 2
    return params, init_world_stats(obs_size)


def check_gradients(model, params, world: WorldStats, seed=0, obs_size=3, action_size=2, atol=1e-7):
    """The Jacobian of a sample in observation and action against central differences; call under float64."""
    rng = np.random.default_rng(seed)
    point = jnp.asarray(rng.normal(size=obs_size + action_size))
    noise, step = jnp.asarray(rng.normal(size=model.noise_size)), 1e-6

    @jax.jit
    def sample(x):
        next_obs, reward = model.sample(params, world, x[:obs_size], x[obs_size:], noise)
        return jnp.append(next_obs, reward)

    shifts = step * jnp.eye(obs_size + action_size)
    slopes = jnp.stack([(sample(point + shift) - sample(point - shift)) / (2 * step) for shift in shifts], axis=1)
    jacobian = jax.jit(jax.jacrev(sample))(point)
    assert np.abs(slopes).max() > 1e-2
    np.testing.assert_allclose(jacobian, slopes, atol=atol)
