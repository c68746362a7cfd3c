"""What every distance between sample sets must satisfy, for one table of all of them."""

from functools import cache, partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from dstjax.math import (
    cramer2,
    energy,
    gaussian_mixture,
    max_sliced,
    mmd2,
    msmmd2,
    multiquadric,
    random_directions,
    sliced,
    sliced_mmd2,
    wasserstein,
)

DIM = 3
AXES = random_directions(jax.random.key(0), 4, DIM)


def sliced_with(distance, x, y):
    return sliced(distance, x, y, AXES.astype(x.dtype))


def max_sliced_with(distance, x, y):
    return max_sliced(distance, x, y, AXES.astype(x.dtype), 0.3, num_steps=6)[0]


def slices(x, y, kernel):
    return sliced_mmd2(x, y, AXES.astype(x.dtype), kernel)


def max_slices(x, y, kernel):
    return msmmd2(x, y, AXES.astype(x.dtype), 0.3, kernel, num_steps=6)[0]


# Each distance with the power of a common factor by which it grows; None where a kernel has a scale of its own.
DISTANCES = {
    "mmd2 multiquadric": (lambda x, y: mmd2(x, y, multiquadric(2.0)), None),
    "mmd2 gaussian": (lambda x, y: mmd2(x, y, gaussian_mixture(jnp.array([0.5, 2.0], x.dtype))), None),
    "mmd2 energy": (lambda x, y: mmd2(x, y, energy()), 1),
    "sliced mmd2": (partial(slices, kernel=multiquadric(2.0)), None),
    "max-sliced mmd2": (partial(max_slices, kernel=multiquadric(2.0)), None),
    "max-sliced energy": (partial(max_slices, kernel=energy()), 1),
    "sliced wasserstein": (partial(sliced_with, partial(wasserstein, order=2)), 2),
    "max-sliced wasserstein": (partial(max_sliced_with, wasserstein), 1),
    "sliced cramer": (partial(sliced_with, cramer2), 1),
    "max-sliced cramer": (partial(max_sliced_with, cramer2), 1),
}
every_distance = pytest.mark.parametrize("name", DISTANCES)
# Few distinct coordinates, so that points coincide often.
clouds = arrays(np.float32, (5, DIM), elements=st.integers(-3, 3).map(float))


@cache
def compiled(name):
    return jax.jit(jax.value_and_grad(DISTANCES[name][0], (0, 1)))


@every_distance
@given(x=clouds, y=clouds, seed=st.integers(0, 9), shift=st.integers(-50, 50))
def test_properties_of_a_distance(name, x, y, seed, shift):
    function = compiled(name)
    value, gradients = function(x, y)
    tolerance = {"rtol": 2e-4, "atol": 2e-5}
    assert value >= -2e-6
    assert all(np.all(np.isfinite(gradient)) for gradient in gradients)
    at_equality, flat = function(x, np.random.default_rng(seed).permutation(x))
    np.testing.assert_allclose(at_equality, 0.0, atol=2e-6)
    np.testing.assert_allclose(flat, 0.0, atol=2e-5)
    # A permutation changes nothing, and a common shift changes nothing.
    shuffled = np.random.default_rng(seed).permutation(5)
    again, permuted = function(x[shuffled], y)
    np.testing.assert_allclose(again, value, **tolerance)
    if "wasserstein" not in name:  # Points that coincide may be matched in any order, each with its own gradient.
        np.testing.assert_allclose(permuted[0], gradients[0][shuffled], **tolerance)
    np.testing.assert_allclose(function(x + np.float32(shift), y + np.float32(shift))[0], value, **tolerance)
    np.testing.assert_allclose(function(y, x)[0], value, **tolerance)


@every_distance
@given(x=clouds, y=clouds, factor=st.sampled_from([0.25, 3.0, 64.0]))
def test_scaling_by_the_kernels_law(name, x, y, factor):
    power = DISTANCES[name][1]
    if power is not None:
        value, scaled = (compiled(name)(np.float32(c) * x, np.float32(c) * y)[0] for c in (1, factor))
        np.testing.assert_allclose(scaled, factor**power * value, rtol=1e-4, atol=1e-5 * factor**power)


@pytest.mark.parametrize("factory", [multiquadric, lambda h: gaussian_mixture(1 / h)])
def test_a_kernels_bandwidth_is_a_scale(factory):
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(5, DIM)), rng.normal(size=(6, DIM)) + 1
    with jax.enable_x64(True):
        run = jax.jit(lambda c, h: mmd2(c * x, c * y, factory(h)))
        np.testing.assert_allclose(run(7.0, 0.3), run(1.0, 7.0 * 0.3), rtol=1e-11)


@every_distance
def test_grows_with_the_separation(name):
    x = np.random.default_rng(1).normal(size=(5, DIM)).astype(np.float32)
    gap = np.float32([0.6, 0.0, 0.8])
    values = [compiled(name)(x, x + distance * gap)[0] for distance in np.float32([0, 0.1, 0.5, 1, 2, 4])]
    assert np.all(np.diff(values) > 0)


@every_distance
def test_single_precision_is_close_to_double(name):
    rng = np.random.default_rng(2)
    x, y = (np.float32(50 + rng.normal(size=(5, DIM)) + shift) for shift in (0, 0.3))
    single = compiled(name)(x, y)
    with jax.enable_x64(True):
        double = jax.jit(jax.value_and_grad(DISTANCES[name][0], (0, 1)))(x.astype(float), y.astype(float))
        double = jax.tree.map(np.asarray, double)
    assert double[0].dtype == np.float64
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=2e-3, atol=2e-4), single, double)


@every_distance
def test_batches_by_vmap_with_one_trace_a_shape(name):
    rng, traces = np.random.default_rng(3), []
    x, y = (rng.normal(size=(4, 5, DIM)).astype(np.float32) for _ in range(2))

    @jax.jit
    def batched(x, y):
        traces.append(x.shape)
        return jax.vmap(jax.value_and_grad(DISTANCES[name][0], (0, 1)))(x, y)

    for scale in (1.0, 2.0):
        found = batched(np.float32(scale) * x, y)
        for i in range(4):
            alone = compiled(name)(np.float32(scale) * x[i], y[i])
            expected = jax.tree.map(lambda leaf, i=i: leaf[i], found)
            jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5), alone, expected)
    assert len(traces) == 1


def test_numbers_are_traced():
    """Bandwidth, step and weights change the result without a new trace, and can be a `vmap` axis."""
    rng, traces = np.random.default_rng(4), []
    x, y = (rng.normal(size=(5, DIM)).astype(np.float32) for _ in range(2))

    @jax.jit
    def run(bandwidth, step, weights):
        traces.append(0)
        return msmmd2(x, y, AXES[0], step, multiquadric(bandwidth), num_steps=2, x_weights=weights)[0]

    even, uneven = jnp.ones(5), jnp.arange(1.0, 6.0)
    values = [run(1.0, 0.1, even), run(2.0, 0.1, even), run(1.0, 0.2, even), run(1.0, 0.1, uneven)]
    assert len({float(value) for value in values}) == 4
    assert len(traces) == 1
    members = jax.vmap(run)(jnp.array([1.0, 2.0]), jnp.array([0.1, 0.1]), jnp.stack([even, even]))
    np.testing.assert_allclose(members, values[:2], rtol=1e-5)
