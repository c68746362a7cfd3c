"""The losses of the other critics against loops, minimisers and finite differences."""

import jax
import jax.numpy as jnp
import math_oracles as oracle
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import special

from dstjax.math import cross_entropy, huber, mage_loss, midpoint_levels, project, quantile_huber, sobolev_regression
from dstjax.types import SobolevSamples

RNG = np.random.default_rng(0)


def test_huber_is_scipys():
    errors = np.linspace(-4, 4, 41)
    for threshold in (0.5, 1.0, 3.0):
        np.testing.assert_allclose(huber(jnp.array(errors), threshold), special.huber(threshold, errors), 1e-5)


@pytest.mark.parametrize("weighted", [False, True])
def test_quantile_huber_matches_the_definition(weighted):
    quantiles, levels, targets = RNG.normal(size=5), RNG.uniform(size=5), 2 * RNG.normal(size=7)
    weights = RNG.dirichlet(np.ones(7)) if weighted else np.full(7, 1 / 7)
    expected = 0.0
    for q, tau in zip(quantiles, levels, strict=True):
        for y, w in zip(targets, weights, strict=True):
            expected += w * abs(tau - (y < q)) * special.huber(0.7, y - q) / 0.7
    with jax.enable_x64(True):
        given_weights = weights if weighted else None
        value = quantile_huber(jnp.array(quantiles), levels, jnp.array(targets), 0.7, weights=given_weights)
    np.testing.assert_allclose(float(value), expected, rtol=1e-12)


def test_quantile_huber_is_least_at_the_quantiles():
    """For a small threshold, gradient descent ends at the targets' quantiles."""
    targets, levels = jnp.array(RNG.exponential(size=200)), midpoint_levels(5)
    descend = jax.jit(
        lambda q: jax.lax.fori_loop(
            0, 4000, lambda _, q: q - 0.02 * jax.grad(quantile_huber)(q, levels, targets, 0.02), q
        )
    )
    np.testing.assert_allclose(descend(jnp.zeros(5)), np.quantile(targets, levels), atol=0.05)


def classic_projection(values, masses, atoms):
    """Split each mass between its neighbours, one at a time, by floor and ceiling."""
    spacing, result = atoms[1] - atoms[0], np.zeros(len(atoms))
    for value, mass in zip(values, masses, strict=True):
        place = (np.clip(value, atoms[0], atoms[-1]) - atoms[0]) / spacing
        low, high = int(np.floor(place)), int(np.ceil(place))
        if low == high:
            result[low] += mass
        else:
            result[low] += mass * (high - place)
            result[high] += mass * (place - low)
    return result


@given(values=arrays(float, 6, elements=st.floats(-3, 3)), seed=st.integers(0, 99))
def test_projection_matches_the_classic_loop_and_keeps_mass(values, seed):
    masses, atoms = np.random.default_rng(seed).dirichlet(np.ones(6)), np.linspace(-2, 2, 9)
    found = np.asarray(jax.jit(project)(np.float32(values), np.float32(masses), np.float32(atoms)))
    np.testing.assert_allclose(found, classic_projection(values, masses, atoms), atol=2e-6)
    np.testing.assert_allclose(found.sum(), 1.0, rtol=1e-5)
    if np.abs(values).max() <= 2:
        np.testing.assert_allclose(found @ atoms, masses @ values, atol=1e-5)


def test_cross_entropy_is_least_at_the_target_and_its_gradient_is_the_difference():
    logits, masses = RNG.normal(size=6), RNG.dirichlet(np.ones(6))
    with jax.enable_x64(True):
        value, gradient = jax.value_and_grad(cross_entropy)(jnp.array(logits), masses)
        least = cross_entropy(jnp.log(jnp.array(masses)), masses)
    np.testing.assert_allclose(float(value), -masses @ np.log(special.softmax(logits)), rtol=1e-12)
    np.testing.assert_allclose(np.asarray(gradient), special.softmax(logits) - masses, atol=1e-12)
    np.testing.assert_allclose(float(least), -masses @ np.log(masses), rtol=1e-12)


def samples(n, dobs=True):
    return SobolevSamples(RNG.normal(size=n), 2 * RNG.normal(size=(n, 3)), RNG.normal(size=(n, 2)) if dobs else None)


def test_mage_loss_matches_the_definition():
    prediction, target = samples(4), samples(4)
    expected = [
        1.5 * special.huber(1.0, target.value[i] - prediction.value[i])
        + 5 * special.huber(1.0, np.linalg.norm(target.daction[i] - prediction.daction[i]))
        for i in range(4)
    ]
    with jax.enable_x64(True):
        value = float(jax.jit(mage_loss)(prediction, target, 1.5, 5.0))
    np.testing.assert_allclose(value, np.mean(expected), rtol=1e-12)


def test_mage_gradient_is_finite_where_the_gradients_agree():
    prediction = jax.tree.map(jnp.asarray, samples(2, dobs=False))
    gradient = jax.grad(mage_loss)(prediction, prediction, 1.0, 5.0)
    np.testing.assert_array_equal(gradient.daction, 0.0)


def test_sobolev_regression_matches_the_definition():
    prediction, target = samples(4), samples(4)
    expected = [
        (target.value[i] - prediction.value[i]) ** 2
        + 0.3 * np.mean((target.daction[i] - prediction.daction[i]) ** 2)
        + 0.2 * np.mean((target.dobs[i] - prediction.dobs[i]) ** 2)
        for i in range(4)
    ]
    with jax.enable_x64(True):
        complete = float(jax.jit(sobolev_regression)(prediction, target, 0.3, 0.2))
        alone = float(jax.jit(sobolev_regression)(prediction.replace(dobs=None), target, 0.3, 0.2))
        slope = oracle.slope(
            lambda v: float(sobolev_regression(prediction.replace(value=jnp.asarray(v)), target, 0.3)), prediction.value
        )
    np.testing.assert_allclose(complete, np.mean(expected), rtol=1e-12)
    assert alone < complete
    np.testing.assert_allclose(slope, (prediction.value - target.value) / 2, atol=1e-8)
