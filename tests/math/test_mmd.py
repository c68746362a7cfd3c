"""MMD against NumPy pair loops, finite differences, SciPy and closed forms of Gaussians."""

import jax
import jax.numpy as jnp
import math_oracles as oracle
import numpy as np
import pytest
from scipy import stats

from dstjax.math import KERNELS, energy, gaussian_mixture, mmd2, multiquadric, pairs
from dstjax.math.mmd import SORT_FROM

FACTORIES = {
    "multiquadric": multiquadric,
    "gaussian": lambda h: gaussian_mixture(jnp.array([h, 3 * h])),
    "energy": lambda h: energy(),
}


def clouds(seed, n, m, d, gap=0.4):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(n, d)), gap + 1.3 * rng.normal(size=(m, d))


@pytest.mark.parametrize("name", FACTORIES)
@pytest.mark.parametrize("unbiased", [False, True])
@pytest.mark.parametrize("shape", [(4, 4, 1), (5, 3, 4)])
@pytest.mark.parametrize("weighted", [False, True])
def test_mmd2_matches_the_definition(name, unbiased, shape, weighted):
    n, m, d = shape
    x, y = clouds(0, n, m, d)
    w, v = (np.arange(1.0, n + 1), np.arange(2.0, m + 2) ** 2) if weighted else (None, None)
    with jax.enable_x64(True):
        value = jax.jit(lambda x, y, h: mmd2(x, y, FACTORIES[name](h), unbiased=unbiased, x_weights=w, y_weights=v))(
            x, y, 2.5
        )
    expected = oracle.mmd2(x, y, lambda r: oracle.KERNELS[name](r, 2.5), w, v, unbiased)
    np.testing.assert_allclose(value, expected, rtol=1e-11)


def test_a_kernel_of_ones_own_need_not_vanish_at_zero():
    x, y = clouds(1, 4, 5, 2)
    with jax.enable_x64(True):
        value = jax.jit(lambda x, y: mmd2(x, y, lambda squared: 3 / (1 + squared), unbiased=True))(x, y)
    np.testing.assert_allclose(value, oracle.mmd2(x, y, lambda r: 3 / (1 + r**2), unbiased=True), rtol=1e-12)


@pytest.mark.parametrize("name", FACTORIES)
@pytest.mark.parametrize("dim", [1, 3])
def test_differences_by_a_matrix_are_those_of_each_pair(monkeypatch, name, dim):
    """The two ways, chosen by size, give one value and one gradient, also where points coincide."""
    x, y = clouds(8, 6, 5, dim)
    x[1], y[0] = x[0], x[0]
    w = np.arange(1.0, 7)

    def value(x, y, h):
        return mmd2(x, y, FACTORIES[name](h), unbiased=True, x_weights=w)

    with jax.enable_x64(True):
        by_matrix = jax.jit(jax.value_and_grad(value, (0, 1, 2)))(x, y, 0.7)
        monkeypatch.setattr(pairs, "MATRIX_UP_TO", 0)
        by_pair = jax.jit(jax.value_and_grad(value, (0, 1, 2)))(x, y, 0.7)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-11, atol=1e-13), by_matrix, by_pair)


def test_memory_of_many_samples_does_not_grow_with_their_dimension():
    def temporaries(dim):
        cloud = jax.ShapeDtypeStruct((8, 60, dim), np.float32)
        run = jax.jit(jax.vmap(jax.value_and_grad(lambda x, y: mmd2(x, y, multiquadric(2.0)))))
        return run.lower(cloud, cloud).compile().memory_analysis().temp_size_in_bytes

    assert temporaries(32) < 1.5 * temporaries(4)


@pytest.mark.parametrize("unbiased", [False, True])
def test_energy_by_sorting_is_energy_by_pairs(unbiased):
    n, m = SORT_FROM // 2 + 7, SORT_FROM // 2
    x, y = clouds(2, n, m, 1)
    x[:20], y[:10] = x[20:40], x[:10]
    w, v = np.linspace(1, 2, n), np.linspace(3, 1, m)

    def value(kernel):
        return lambda x, y: mmd2(x, y, kernel, unbiased=unbiased, x_weights=w, y_weights=v)

    with jax.enable_x64(True):
        by_sorting = jax.jit(jax.value_and_grad(value(energy()), (0, 1)))(x, y)
        by_pairs = jax.jit(jax.value_and_grad(value(lambda squared: energy()(squared)), (0, 1)))(x, y)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-12), by_sorting, by_pairs)


def test_energy_mmd2_is_scipys_energy_distance_squared():
    (u, v), (w, q) = clouds(3, 7, 9, 1), (np.arange(1.0, 8), np.arange(9.0, 0, -1))
    with jax.enable_x64(True):
        value = jax.jit(lambda u, v: mmd2(u, v, energy(), x_weights=w, y_weights=q))(u, v)
    np.testing.assert_allclose(value, stats.energy_distance(u[:, 0], v[:, 0], w, q) ** 2, rtol=1e-12)


@pytest.mark.parametrize("name", FACTORIES)
@pytest.mark.parametrize("unbiased", [False, True])
def test_gradients_by_finite_differences(name, unbiased):
    x, y = clouds(4, 3, 4, 3)

    def value(x, y, h):
        return mmd2(x, y, FACTORIES[name](h), unbiased=unbiased)

    with jax.enable_x64(True):
        function, gradient = jax.jit(value), jax.jit(jax.grad(value, (0, 1, 2)))
        by_x, by_y, by_h = gradient(x, y, 0.8)
        np.testing.assert_allclose(by_x, oracle.slope(lambda p: function(p, y, 0.8), x), atol=1e-9)
        np.testing.assert_allclose(by_y, oracle.slope(lambda p: function(x, p, 0.8), y), atol=1e-9)
        np.testing.assert_allclose(by_h, oracle.slope(lambda p: function(x, y, p), np.array(0.8)), atol=1e-9)


def gaussian_kernel_mean(gap, variance, dim, h):
    """E exp(-|D|²/2h²) for D ~ N(gap, variance I)."""
    shrink = h**2 / (h**2 + variance)
    return shrink ** (dim / 2) * np.exp(-(gap @ gap) / (2 * (h**2 + variance)))


def absolute_mean(gap, variance):
    """E|D| for D ~ N(gap, variance)."""
    std = np.sqrt(variance)
    return gap * (1 - 2 * stats.norm.cdf(-gap / std)) + 2 * std * stats.norm.pdf(gap / std)


def test_two_gaussians_agree_with_their_closed_forms():
    gap, std, n, repeats = np.array([0.5, -0.3]), 1.6, 40, 4000
    rng = np.random.default_rng(5)
    x, y = rng.normal(size=(repeats, n, 2)), gap + std * rng.normal(size=(repeats, n, 2))

    def estimates(kernel, dims):
        cast = [jnp.asarray(z[..., :dims], jnp.float32) for z in (x, y)]
        return np.asarray(jax.jit(jax.vmap(lambda x, y: mmd2(x, y, kernel, unbiased=True)))(*cast), np.float64)

    def law(mean):
        return mean(0 * gap, 2.0) + mean(0 * gap, 2 * std**2) - 2 * mean(gap, 1 + std**2)

    for found, exact in (
        (estimates(gaussian_mixture(1.2), 2), law(lambda g, v: gaussian_kernel_mean(g, v, 2, 1.2))),
        (estimates(energy(), 1), law(lambda g, v: -absolute_mean(g[0], v))),
    ):
        error = found.std() / np.sqrt(repeats)
        assert exact > 20 * error
        assert abs(found.mean() - exact) < 4 * error


def test_named_kernels_take_one_bandwidth():
    squared = np.linspace(0.0, 9.0, 5)
    for name, factory in KERNELS.items():
        value = factory(2.0)(jnp.asarray(squared))
        assert value[0] == 0, name
        assert np.all(np.diff(value) < 0), name
    octaves = [np.exp(-squared / (2 * h**2)) - 1 for h in (0.5, 1, 2, 4, 8)]
    np.testing.assert_allclose(KERNELS["gaussian"](2.0)(jnp.asarray(squared)), np.mean(octaves, 0), rtol=1e-5)


@pytest.mark.parametrize(("name", "bandwidth"), [("multiquadric", 100.0), ("gaussian", 0.1)])
def test_close_points_keep_their_digits_in_single_precision(name, bandwidth):
    """At `h = 100` the textbook forms of the kernels round differences like these away."""
    x, y = clouds(6, 8, 8, 2)
    x, y = np.float32(1e-4 * x), np.float32(1e-4 * y)
    value = jax.jit(lambda x, y: mmd2(x, y, FACTORIES[name](bandwidth)))(x, y)
    exact = oracle.mmd2(x.astype(float), y.astype(float), lambda r: oracle.KERNELS[name](r, bandwidth))
    np.testing.assert_allclose(value, exact, rtol=1e-3)


@pytest.mark.parametrize(("unbiased", "spread"), [(False, 0.8251), (True, 1.0)])
def test_few_samples_of_a_generative_critic_need_the_unbiased_statistic(unbiased, spread):
    """The scale `s` of a critic `s xi`, `N = 10`, at which the expected gradient towards a standard normal vanishes.

    In closed form `s / sqrt(s^2 + 1) = (1 - 1/N) / sqrt(2)` for the V-statistic of the energy kernel: each backup would
    shrink the law's deviation by 17 %. The U-statistic is at rest at the target's own deviation.
    """
    rng = np.random.default_rng(7)
    latents, targets = np.float32(rng.normal(size=(20_000, 10, 1))), np.float32(rng.normal(size=(20_000, 10, 1)))

    def slopes(scale):
        one = jax.grad(lambda s, xi, y: mmd2(s * xi, y, energy(), unbiased=unbiased))
        return np.asarray(jax.jit(jax.vmap(one, in_axes=(None, 0, 0)))(scale, latents, targets), float)

    at_rest = slopes(spread)
    assert abs(at_rest.mean()) < 4 * at_rest.std() / np.sqrt(20_000)
    assert slopes(1.1 * spread).mean() > 0.01 > -0.01 > slopes(0.9 * spread).mean()
