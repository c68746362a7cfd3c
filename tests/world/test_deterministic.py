"""The ensemble of means: what it learns, what its noise selects, its gradients."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from models import bimodal, check_gradients, draw, fit, mode_weights, reproduce, untrained

from dstjax.world import Deterministic


@pytest.fixture(scope="module")
def fitted():
    model = Deterministic(1, 32, 2, 4)
    return model, *fit(model, bimodal(jax.random.key(0), 20_000), 1500, jax.random.key(1), learning_rate=2e-3)


def test_learns_the_conditional_mean_and_no_mode(fitted):
    obs, action = jnp.linspace(-0.9, 0.9, 8)[:, None], jnp.linspace(0.8, -0.8, 8)[:, None]
    next_obs, reward = draw(*fitted, obs, action)
    mean = obs + action + 0.4 * (0.5 + 0.2 * obs)
    np.testing.assert_allclose(next_obs.mean(1), mean, atol=0.05)
    np.testing.assert_allclose(reward.mean(1), (obs * action)[:, 0], atol=0.05)
    assert mode_weights(*fitted)[1].min() > 0.95


def test_noise_selects_every_member_equally_often(fitted):
    next_obs, _ = draw(*fitted, jnp.zeros((1, 1)), jnp.zeros((1, 1)))
    values, counts = np.unique(next_obs, return_counts=True)
    assert len(values) == 4
    np.testing.assert_allclose(counts / counts.sum(), 0.25, atol=0.03)


def test_inferred_noise_selects_the_nearest_member(fitted):
    model, params, world = fitted
    data = bimodal(jax.random.key(3), 50)
    outcome, _ = reproduce(*fitted, data, jax.random.key(4))
    members = jnp.array([[-3.0], [-0.5], [0.5], [3.0]])
    next_obs, reward = jax.jit(jax.vmap(jax.vmap(model.sample, (None, None, None, None, 0)), (None, None, 0, 0, None)))(
        params, world, data.obs, data.action, members
    )
    std = np.asarray(world.outcome.std)
    error = ((next_obs[..., 0] - data.next_obs) / std[0]) ** 2 + ((reward - data.reward[:, None]) / std[1]) ** 2
    best = error.argmin(1)
    assert len(set(best.tolist())) > 1
    np.testing.assert_allclose(outcome[:, 0], next_obs[np.arange(50), best, 0], atol=1e-6)


def test_sample_gradients_by_finite_differences():
    with jax.enable_x64(True):
        model = Deterministic(3, 8, 2, 2)
        check_gradients(model, *untrained(model))
