"""The flow: a density that integrates to one, bijections and their slopes, two modes, its gradients."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from models import bimodal, check_bimodal, check_gradients, draw, fit, reproduce

from dstjax.types import Transition
from dstjax.world import Flow
from dstjax.world.core import outcome_of
from dstjax.world.flow import JITTER, couplings
from dstjax.world.spline import apply_spline, invert_spline, spline


@pytest.fixture(scope="module")
def fitted():
    model = Flow(1, 32, 2)
    return model, *fit(model, bimodal(jax.random.key(0), 20_000), 1500, jax.random.key(1), learning_rate=2e-3)


def test_splines_invert_and_know_their_slope():
    with jax.enable_x64(True):
        rng = np.random.default_rng(0)
        raw, x = jnp.asarray(rng.normal(0, 3, (50, 23))), jnp.linspace(-5, 5, 50)
        bend = spline(raw)
        y, log_slope = jax.jit(apply_spline)(bend, x)
        slope = jax.jit(jax.vmap(jax.grad(lambda x, raw: apply_spline(spline(raw), x)[0])))(x, raw)
        assert log_slope.std() > 0.5
        np.testing.assert_allclose(jax.jit(invert_spline)(bend, y), x, atol=1e-9)
        np.testing.assert_allclose(jnp.log(slope), log_slope, atol=1e-9)


def test_zeros_are_the_identity_spline():
    x = jnp.linspace(-6, 6, 101)
    y, log_slope = jax.jit(apply_spline)(spline(jnp.zeros((101, 23))), x)
    np.testing.assert_allclose(y, x, atol=1e-5)
    np.testing.assert_allclose(log_slope, 0, atol=1e-5)


@pytest.mark.parametrize("size", [2, 3, 5, 18])
def test_every_entry_is_moved_and_kept(size):
    for moved, kept in couplings(size, 4):
        assert sorted(moved + kept) == list(range(size))
        assert moved
        assert kept
    assert set(range(size)) == {i for moved, _ in couplings(size, 2) for i in moved}


def test_density_integrates_to_one(fitted):
    model, params, world = fitted
    grid = jnp.linspace(-3.5, 3.5, 700)
    change, reward = (part.ravel() for part in jnp.meshgrid(grid, grid))

    @jax.jit
    def mass(obs, action):
        def density(y):
            outcome = world.outcome.denormalize(y)
            there = Transition(obs, action, outcome[1], obs + outcome[:1], jnp.zeros(()))
            return jnp.exp(model.log_likelihood(params, world, there, None))

        return jax.vmap(density)(jnp.stack([change, reward], axis=1)).sum() * (grid[1] - grid[0]) ** 2

    np.testing.assert_allclose(mass(jnp.array([0.5]), jnp.array([-0.3])), 1.0, atol=0.02)


def test_learns_a_bimodal_transition(fitted):
    check_bimodal(draw(*fitted))


def test_inferred_noise_reproduces_real_outcomes_and_is_standard_normal(fitted):
    data = bimodal(jax.random.key(3), 2000)
    # Of the law that was fitted: the data's with the jitter.
    jitter = JITTER * fitted[2].outcome.std[:1] * jax.random.normal(jax.random.key(5), (2000, 1))
    data = data.replace(next_obs=data.next_obs + jitter)
    outcome, noise = reproduce(*fitted, data, jax.random.key(4))
    np.testing.assert_allclose(outcome, outcome_of(data) + np.pad(data.obs, ((0, 0), (0, 1))), atol=1e-3)
    np.testing.assert_allclose(noise.mean(0), 0.0, atol=0.15)
    np.testing.assert_allclose(noise.std(0), 1.0, atol=0.2)


def test_sample_gradients_by_finite_differences():
    check_gradients(Flow(3, 8, 1, layers=2, bins=4))
