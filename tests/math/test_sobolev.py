"""Sobolev samples and targets against finite differences, the affine form, and each other."""

from functools import partial

import jax
import jax.numpy as jnp
import math_oracles as oracle
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from dstjax.math import Factored, concat, least_mean, sobolev_affine, sobolev_samples, sobolev_target, truncate
from dstjax.types import SobolevSamples

S, A, K, N = 3, 2, 2, 4
OBS, ACTION = np.array([0.1, -0.4, 0.8]), np.array([0.3, -0.6])
NOISE, LATENTS = np.random.default_rng(0).normal(size=(N, S)), np.random.default_rng(1).normal(size=(N, K))
GAMMA = 0.9


def value_fn(obs, action, latent):
    return jnp.sin(obs).sum() * action[0] + jnp.cos(action[1] + latent[0]) * latent[1] + obs[0] * action[1] ** 2


def other_value_fn(obs, action, latent):
    return 2 * value_fn(obs, action, -latent) + 1


CRITICS = [value_fn, other_value_fn]


def policy_fn(obs):
    return jnp.tanh(jnp.stack([obs[0] - obs[1], obs[2] * obs[0]]))


def model_fn(obs, action, eps):
    next_obs = obs + jnp.tanh(jnp.array([action[0] * obs[1], action[1], action.sum()])) + 0.3 * eps * action[0]
    return next_obs, jnp.sum(obs * next_obs) - action @ action


def target(obs, action, critic=value_fn, noise=NOISE, terminated=0.0, **options):
    options = {"complete": True} | options
    return sobolev_target(model_fn, policy_fn, critic, obs, action, noise, LATENTS, GAMMA, terminated, **options)


def compare(found, expected, **tolerance):
    assert jax.tree.structure(found) == jax.tree.structure(expected)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, **tolerance), found, expected)


def test_samples_carry_their_own_gradients():
    with jax.enable_x64(True):
        samples = jax.jit(lambda s, a: sobolev_samples(value_fn, s, a, LATENTS, complete=True))(OBS, ACTION)
        value = jax.jit(value_fn)
        for i, latent in enumerate(LATENTS):
            np.testing.assert_allclose(samples.value[i], value(OBS, ACTION, latent), rtol=1e-12)
            by_action = oracle.slope(lambda a, xi=latent: value(OBS, a, xi), ACTION)
            by_obs = oracle.slope(lambda s, xi=latent: value(s, ACTION, xi), OBS)
            np.testing.assert_allclose(samples.daction[i], by_action, atol=1e-9)
            np.testing.assert_allclose(samples.dobs[i], by_obs, atol=1e-9)
    assert sobolev_samples(value_fn, jnp.asarray(OBS), jnp.asarray(ACTION), jnp.asarray(LATENTS)).dobs is None


@pytest.mark.parametrize("num", [1, 4, 9])
@pytest.mark.parametrize("complete", [False, True])
def test_a_factored_critic_has_the_samples_of_the_whole(num, complete):
    """One Jacobian of the features for all samples, or a pull-back for each: also the gradients of a loss on them."""
    latents = np.random.default_rng(5).normal(size=(num, K))

    def head(features, latent):
        return jnp.sin(features * latent[0] + latent[1]).sum()

    def loss(scale, factored):
        features = lambda s, a: jnp.tanh(scale * jnp.outer(s, a).ravel())  # noqa: E731
        critic = Factored(features, head) if factored else lambda s, a, xi: head(features(s, a), xi)
        samples = sobolev_samples(critic, OBS, ACTION, latents, complete=complete)
        return jnp.square(concat(samples, 0.7, 0.3)).sum(), samples

    with jax.enable_x64(True):
        found, whole = (jax.jit(jax.grad(partial(loss, factored=f), has_aux=True))(1.3) for f in (True, False))
    compare(found, whole, rtol=1e-11)


def test_samples_are_differentiable_in_the_critic():
    """The gradient of a loss on gradients: a mixed second derivative, by finite differences of the first."""

    def loss(scale):
        samples = sobolev_samples(
            lambda s, a, xi: jnp.sin(scale * a).sum() * s[0] + scale * xi[0], jnp.asarray(OBS), ACTION, LATENTS
        )
        return jnp.square(concat(samples, 0.7, 0.3)).sum()

    with jax.enable_x64(True):
        slope = oracle.slope(jax.jit(loss), np.array(1.3))
        np.testing.assert_allclose(jax.jit(jax.grad(loss))(1.3), slope, rtol=1e-8)


@pytest.mark.parametrize("num_steps", [1, 3])
def test_target_is_the_total_derivative_by_finite_differences(num_steps):
    noise = NOISE if num_steps == 1 else np.random.default_rng(2).normal(size=(N, num_steps, S))
    with jax.enable_x64(True):
        run = jax.jit(partial(target, critic=CRITICS, noise=noise, num_steps=num_steps))
        pooled = run(OBS, ACTION)
        for i in range(2 * N):
            by_action = oracle.slope(lambda a, i=i: run(OBS, a).value[i], ACTION)
            by_obs = oracle.slope(lambda s, i=i: run(s, ACTION).value[i], OBS)
            np.testing.assert_allclose(pooled.daction[i], by_action, atol=1e-8)
            np.testing.assert_allclose(pooled.dobs[i], by_obs, atol=1e-8)


@pytest.mark.parametrize("terminated", [0.0, 1.0, 0.25])
def test_target_is_the_affine_map_of_the_next_sobolev_return(terminated):
    with jax.enable_x64(True):
        features = concat(jax.jit(partial(target, terminated=terminated))(OBS, ACTION), 1.0)
        for i in range(N):
            offset, matrix = sobolev_affine(
                model_fn, policy_fn, jnp.asarray(OBS), jnp.asarray(ACTION), NOISE[i], GAMMA, terminated
            )
            next_obs = model_fn(OBS, ACTION, NOISE[i])[0]
            after = sobolev_samples(value_fn, next_obs, policy_fn(next_obs), LATENTS[i : i + 1], complete=True)
            np.testing.assert_allclose(features[i], offset + matrix @ concat(after, 1.0)[0], rtol=1e-10, atol=1e-12)


def test_two_steps_are_two_affine_maps():
    noise = np.random.default_rng(3).normal(size=(N, 2, S))
    ends = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
    with jax.enable_x64(True):
        found = concat(jax.jit(partial(target, noise=noise, num_steps=2, terminated=ends))(OBS, ACTION), 1.0)
        affine = jax.jit(partial(sobolev_affine, model_fn, policy_fn))
        for i in range(N):
            offset, matrix = affine(OBS, ACTION, noise[i, 0], GAMMA, ends[i, 0])
            middle = model_fn(OBS, ACTION, noise[i, 0])[0]
            next_offset, next_matrix = affine(middle, policy_fn(middle), noise[i, 1], GAMMA, ends[i, 1])
            last = model_fn(middle, policy_fn(middle), noise[i, 1])[0]
            after = concat(sobolev_samples(value_fn, last, policy_fn(last), LATENTS[i : i + 1], complete=True), 1.0)[0]
            np.testing.assert_allclose(found[i], offset + matrix @ (next_offset + next_matrix @ after), rtol=1e-9)


def test_termination_decided_by_the_next_observation_carries_no_gradient():
    with jax.enable_x64(True):
        soft = jax.jit(partial(target, terminated=lambda obs: jax.nn.sigmoid(3 * obs[0])))(OBS, ACTION)
        ends = np.array([jax.nn.sigmoid(3 * model_fn(OBS, ACTION, eps)[0][0]) for eps in NOISE])
        compare(soft, jax.jit(partial(target, terminated=ends))(OBS, ACTION), rtol=1e-12)
        assert np.ptp(ends) > 0.1


def test_pooled_critics_share_the_model_sample():
    with jax.enable_x64(True):
        pooled = jax.jit(partial(target, critic=CRITICS))(OBS, ACTION)
        for c, critic in enumerate(CRITICS):
            alone = jax.jit(partial(target, critic=critic))(OBS, ACTION)
            compare(jax.tree.map(lambda leaf, c=c: leaf[c::2], pooled), alone, rtol=1e-12)


@pytest.mark.parametrize("critic", [value_fn, CRITICS])
def test_action_only_target_is_the_same_without_observation_gradients(critic):
    """Two action coordinates are differentiated by tangents, five of action and observation by pull-backs."""
    with jax.enable_x64(True):
        alone = jax.jit(partial(target, critic=critic, complete=False))(OBS, ACTION)
        whole = jax.jit(partial(target, critic=critic))(OBS, ACTION)
    compare(alone, whole.replace(dobs=None), rtol=1e-12)


def test_target_has_no_gradient_of_its_own():
    def value(scale):
        return concat(target(OBS, scale * ACTION, critic=lambda *args: scale * value_fn(*args)), 1.0).sum()

    with jax.enable_x64(True):
        assert jax.jit(jax.grad(value))(1.0) == 0.0


def test_truncation_takes_gradients_along():
    values = np.array([2.0, -1.0, 5.0, 0.5, 3.0])
    samples = SobolevSamples(
        jnp.array(values), jnp.array(10 * values[:, None] + [1, 2]), jnp.array(values[:, None] ** 2)
    )
    kept = truncate(samples, 2)
    np.testing.assert_array_equal(kept.value, [-1.0, 0.5, 2.0])
    np.testing.assert_array_equal(kept.daction, [[-9, -8], [6, 7], [21, 22]])
    np.testing.assert_array_equal(kept.dobs, [[1.0], [0.25], [4.0]])
    assert truncate(samples, 0).value.shape == (5,)


def test_truncation_of_two_point_critics_is_the_minimum():
    pooled = SobolevSamples(jnp.array([2.0, -1.0]), jnp.array([[1.0, 2.0], [3.0, 4.0]]))
    compare(truncate(pooled, 1), SobolevSamples(np.array([-1.0]), np.array([[3.0, 4.0]])))
    compare(least_mean(pooled, 2), truncate(pooled, 1))


@given(values=arrays(np.float64, (4, 3), elements=st.integers(-50, 50).map(float)))
def test_the_critic_of_smallest_mean_keeps_its_samples_and_gradients(values):
    pooled = SobolevSamples(jnp.array(values.ravel()), jnp.array(np.arange(12.0)[:, None] * [1, 10]))
    kept = least_mean(pooled, 3)
    column = min(range(3), key=lambda c: sum(values[:, c]))
    np.testing.assert_array_equal(kept.value, values[:, column])
    np.testing.assert_array_equal(kept.daction, np.arange(column, 12, 3)[:, None] * [1, 10])


def test_features_are_return_then_action_then_observation_gradients():
    samples = SobolevSamples(jnp.array([1.0]), jnp.array([[2.0, 3.0]]), jnp.array([[5.0]]))
    np.testing.assert_allclose(concat(samples), [[1.0, 2.0, 3.0, 5.0]])
    np.testing.assert_allclose(concat(samples, 10.0, 4.0), [[1.0, 20.0, 30.0, 20.0]])
    np.testing.assert_allclose(concat(SobolevSamples(jnp.ones(2), jnp.zeros((2, 0))), 3.0), [[1.0], [1.0]])
