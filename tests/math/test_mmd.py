"""MMD and its slices against NumPy loops, finite differences, SciPy and exhaustive search."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from dstjax.math import kernels, mmd, slicing

RNG = np.random.default_rng(0)
LOOP_KERNELS = {
    "multiquadric": (kernels.multiquadric(3.0), lambda r: -np.sqrt(1 + 9.0 * r**2)),
    "gaussian": (kernels.gaussian_mixture(jnp.array([0.5, 2.0])), lambda r: np.mean(np.exp(-(r**2) / [0.5, 8.0]))),
    "energy": (kernels.energy(), lambda r: -r),
}


def loop_mmd2(x, y, kernel, unbiased=False):
    """The definition, pair by pair, in float64."""

    def mean(a, b, skip):
        pairs = [
            kernel(np.linalg.norm(p - q)) for i, p in enumerate(a) for j, q in enumerate(b) if not (skip and i == j)
        ]
        return np.mean(pairs)

    return mean(x, x, unbiased) + mean(y, y, unbiased) - 2 * mean(x, y, False)


@pytest.mark.parametrize("name", LOOP_KERNELS)
@pytest.mark.parametrize("unbiased", [False, True])
@pytest.mark.parametrize("shape", [(4, 4, 1), (5, 3, 4)])
def test_mmd2_matches_the_definition(name, unbiased, shape):
    kernel, loop_kernel = LOOP_KERNELS[name]
    n, m, d = shape
    x, y = RNG.normal(size=(n, d)), RNG.normal(size=(m, d)) + 0.3
    with jax.enable_x64(True):
        value = mmd.mmd2(jnp.array(x), jnp.array(y), kernel, unbiased=unbiased)
    np.testing.assert_allclose(value, loop_mmd2(x, y, loop_kernel, unbiased), rtol=1e-6, atol=1e-7)


def test_energy_mmd2_is_scipys_energy_distance_squared():
    u, v = RNG.normal(size=7), RNG.normal(size=9) * 2
    with jax.enable_x64(True):
        value = mmd.mmd2(jnp.array(u)[:, None], jnp.array(v)[:, None], kernels.energy())
    np.testing.assert_allclose(value, stats.energy_distance(u, v) ** 2, rtol=1e-12)


def test_max_slice_finds_the_planted_direction():
    x = RNG.normal(size=(40, 6))
    y = RNG.normal(size=(40, 6)) + np.array([0, 0, 4.0, 0, 0, 0])
    x, y = jnp.array(x, jnp.float32), jnp.array(y, jnp.float32)
    start = jnp.full(6, 6**-0.5)
    value, direction = mmd.msmmd2(x, y, start, 0.3, kernels.multiquadric(100.0), num_steps=15)
    assert abs(direction[2]) > 0.97
    assert value > 1.5 * mmd.msmmd2(x, y, start, 0.3, kernels.multiquadric(100.0), num_steps=0)[0]


def test_mean_direction_is_random_but_unit_where_the_means_agree():
    x = jnp.ones((3, 4))
    one, other = (slicing.mean_direction(x, x, jax.random.key(seed)) for seed in (0, 1))
    np.testing.assert_allclose([jnp.linalg.norm(one), jnp.linalg.norm(other)], 1.0, rtol=1e-6)
    assert not np.allclose(one, other)
    np.testing.assert_allclose(
        slicing.mean_direction(x, x.at[:, 2].set(-1.0), jax.random.key(0)), [0, 0, 1, 0], atol=1e-7
    )
