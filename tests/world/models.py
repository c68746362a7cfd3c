"""A bimodal transition, and what the tests of every world model do with it."""

from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax

from dstjax.types import Transition
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


class Samples(NamedTuple):
    """A model's samples at 8 pairs of observation and action, beside what is true of the bimodal transition."""

    place: np.ndarray
    """`[8, 4000]` of the next observation: 1 at the upper mode, -1 at the lower."""
    reward: np.ndarray
    """`[8, 4000]`"""
    mean_reward: np.ndarray
    """`[8]` true."""

    @property
    def upper(self):
        """`[8]` weight of the upper mode; truly 0.7."""
        return (self.place > 0).mean(1)

    @property
    def between(self):
        """`[8]` weight of what lies between the modes; truly 0."""
        return (np.abs(self.place) < 0.7).mean(1)


def draw(model, params, world):
    """Sample a model of the bimodal transition."""
    obs, action = jnp.linspace(-0.9, 0.9, 8)[:, None], jnp.linspace(0.8, -0.8, 8)[:, None]

    @jax.jit
    def samples(noise):
        many = jax.vmap(partial(model.sample, params, world), in_axes=(None, None, 0))
        return jax.vmap(many, in_axes=(0, 0, None))(obs, action, noise)

    next_obs, reward = samples(jax.random.normal(jax.random.key(2), (4000, model.noise_size)))
    place = (next_obs[..., 0] - obs - action) / (0.5 + 0.2 * obs)
    return Samples(np.asarray(place), np.asarray(reward), np.asarray(obs * action)[:, 0])


def check_bimodal(samples, weight=0.05, between=0.15, deviation=0.03):
    """Two modes where they are, with less than so much between them, and the reward's law.

    The weight of a mode and the reward's deviation may err by as much as given.
    """
    np.testing.assert_allclose(samples.upper, 0.7, atol=weight)
    assert samples.between.max() < between
    for place in samples.place:
        np.testing.assert_allclose(np.median(place[place > 0]), 1.0, atol=0.1)
        np.testing.assert_allclose(np.median(place[place < 0]), -1.0, atol=0.1)
    np.testing.assert_allclose(samples.reward.mean(1), samples.mean_reward, atol=0.05)
    np.testing.assert_allclose(samples.reward.std(1), 0.1, atol=deviation)


@partial(jax.jit, static_argnums=0)
def reproduce(model, params, world, data, key):
    """Outcomes `[B, S + 1]` under the noise inferred from each transition, and that noise."""

    def one(transition, key):
        noise = model.infer(params, world, transition, key)
        next_obs, reward = model.sample(params, world, transition.obs, transition.action, noise)
        return jnp.append(next_obs, reward), noise

    return jax.vmap(one)(data, jax.random.split(key, len(data.reward)))


def check_gradients(model):
    """At random parameters: the Jacobian of a sample in `obs [3]` and `action [2]` against central differences."""
    with jax.enable_x64(True):
        world, rng, step = init_world_stats(3), np.random.default_rng(0), 1e-6
        point, noise = jnp.asarray(rng.normal(size=5)), jnp.asarray(rng.normal(size=model.noise_size))
        shifts = step * jnp.eye(5)

        @jax.jit
        def slopes():
            params = jax.tree.map(lambda leaf: leaf.astype(float), model.init(jax.random.key(0), 2))

            def sample(x):
                next_obs, reward = model.sample(params, world, x[:3], x[3:], noise)
                return jnp.append(next_obs, reward)

            after, before = jax.vmap(sample)(point + shifts), jax.vmap(sample)(point - shifts)
            return jax.jacrev(sample)(point), (after - before).T / (2 * step)

        jacobian, differences = slopes()
        assert np.abs(differences).max() > 1e-2
        np.testing.assert_allclose(jacobian, differences, atol=1e-7)
