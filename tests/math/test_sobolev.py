"""Sobolev samples and targets against finite differences and the affine form written out."""

import jax
import jax.numpy as jnp
import numpy as np

from dstjax.math import sobolev
from dstjax.types import SobolevSamples

S, A, K = 3, 2, 2


def value_fn(obs, action, latent):
    return jnp.sin(obs).sum() * action[0] + jnp.cos(action[1] + latent[0]) * latent[1] + obs[0] * action[1] ** 2


def second_critic(obs, action, latent):
    return 2 * value_fn(obs, action, -latent) + 1


def policy_fn(obs):
    return jnp.tanh(jnp.stack([obs[0] - obs[1], obs[2] * obs[0]]))


def model_fn(obs, action, eps):
    next_obs = obs + jnp.tanh(jnp.array([action[0] * obs[1], action[1], action.sum()])) + 0.3 * eps * action[0]
    return next_obs, jnp.sum(obs * next_obs) - action @ action


def test_samples_carry_their_own_gradients():
    obs, action, latents = (
        jnp.array([0.1, -0.4, 0.8]),
        jnp.array([0.3, -0.6]),
        jax.random.normal(jax.random.key(0), (4, K)),
    )
    samples = sobolev.sobolev_samples(value_fn, obs, action, latents, complete=True)
    for i, latent in enumerate(latents):
        np.testing.assert_allclose(samples.value[i], value_fn(obs, action, latent), rtol=1e-6)
        np.testing.assert_allclose(samples.daction[i], jax.jacfwd(value_fn, 1)(obs, action, latent), rtol=1e-5)
        np.testing.assert_allclose(samples.dobs[i], jax.jacfwd(value_fn, 0)(obs, action, latent), rtol=1e-5)


def test_target_is_the_total_derivative_by_finite_differences():
    with jax.enable_x64(True):
        obs, action = jnp.array([0.1, -0.4, 0.8]), jnp.array([0.3, -0.6])
        noise = jax.random.normal(jax.random.key(1), (4, S))
        latents = jax.random.normal(jax.random.key(2), (4, K))

        def target(action, obs=obs):
            return sobolev.sobolev_target(
                model_fn, policy_fn, (value_fn, second_critic), obs, action, noise, latents, 0.9, 0.0, complete=True
            )

        pooled, step = target(action), 1e-6
        for a in range(A):
            shift = step * jnp.eye(A)[a]
            slope = (target(action + shift).value - target(action - shift).value) / (2 * step)
            np.testing.assert_allclose(pooled.daction[:, a], slope, atol=1e-8)
        for s in range(S):
            shift = step * jnp.eye(S)[s]
            slope = (target(action, obs + shift).value - target(action, obs - shift).value) / (2 * step)
            np.testing.assert_allclose(pooled.dobs[:, s], slope, atol=1e-8)


def test_truncation_of_two_point_critics_is_the_minimum():
    pooled = SobolevSamples(jnp.array([2.0, -1.0]), jnp.array([[1.0, 2.0], [3.0, 4.0]]))
    kept = sobolev.truncate(pooled, 1)
    np.testing.assert_array_equal(kept.value, [-1.0])
    np.testing.assert_array_equal(kept.daction, [[3.0, 4.0]])
