"""The ensemble of means: what it learns, what its noise selects, its gradients."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from models import bimodal, check_bimodal, check_gradients, draw, fit, reproduce

from dstjax.world import Deterministic


@pytest.fixture(scope="module")
def fitted():
    model = Deterministic(1, 32, 2, 4)
    return model, *fit(model, bimodal(jax.random.key(0), 20_000), 1000, jax.random.key(1), learning_rate=2e-3)


@pytest.fixture(scope="module")
def samples(fitted):
    return draw(*fitted)


def test_learns_the_conditional_mean_and_no_mode(samples):
    np.testing.assert_allclose(samples.place.mean(1), 0.4, atol=0.1)
    np.testing.assert_allclose(samples.reward.mean(1), samples.mean_reward, atol=0.05)
    # What the stochastic models pass, a model of means cannot.
    assert samples.between.min() > 0.95
    with pytest.raises(AssertionError):
        check_bimodal(samples)


def test_noise_selects_every_member_equally_often(samples):
    for place in samples.place:
        values, counts = np.unique(place, return_counts=True)
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
    check_gradients(Deterministic(3, 8, 1, 2))
