"""Max-sliced distances against exhaustive search over directions, finite differences and each other."""

from functools import partial
from itertools import pairwise

import jax
import jax.numpy as jnp
import math_oracles as oracle
import numpy as np
import pytest

from dstjax.math import (
    cramer2,
    energy,
    max_sliced,
    mean_direction,
    mmd2,
    msmmd2,
    multiquadric,
    random_directions,
    sliced_mmd2,
    wasserstein,
)

H = 100.0
MULTIQUADRIC = partial(oracle.KERNELS["multiquadric"], h=H)


def random_cases(num, dim, n=6, m=8, seed=0):
    """Sample sets that differ by location, by shape, by both, or by one outlying mode."""
    rng = np.random.default_rng(seed)
    x, y = rng.normal(size=(num, n, dim)), rng.normal(size=(num, m, dim))
    shift, stretch = rng.normal(size=(num, 1, dim)), np.exp(rng.normal(size=(num, 1, dim)))
    kind = np.arange(num)[:, None, None] % 4
    y = y * np.where(kind == 0, 1, stretch) + np.where(kind == 1, 0, 2 * shift)
    y[3::4, 0] += 8 * shift[3::4, 0]
    return x, y


@pytest.mark.parametrize(("dim", "grid"), [(2, 720), (3, 6000)])
def test_ascent_finds_what_exhaustive_search_finds(dim, grid):
    x, y = random_cases(500, dim)
    best = np.array([oracle.max_slice(a, b, MULTIQUADRIC, grid) for a, b in zip(x, y, strict=True)])

    def ascend(x, y, key):
        mean_key, random_key = jax.random.split(key)
        starts = jnp.vstack([mean_direction(x, y, mean_key), random_directions(random_key, 7, dim)])
        return msmmd2(x, y, starts, 0.3, multiquadric(H), num_steps=16)[0]

    with jax.enable_x64(True):
        found = np.asarray(jax.jit(jax.vmap(ascend))(x, y, jax.random.split(jax.random.key(0), len(x))))
    assert np.mean(found >= 0.99 * best) >= 0.99
    # The grid itself misses the maximum by a little.
    assert np.all(found <= 1.0002 * best)


def test_value_is_the_distance_at_the_returned_unit_direction():
    x, y = random_cases(4, 5, seed=1)
    kernel = multiquadric(H)
    with jax.enable_x64(True):
        starts = random_directions(jax.random.key(0), 4, 5)
        ascend = jax.jit(jax.vmap(lambda x, y, start: msmmd2(x, y, start, 0.3, kernel, num_steps=8)))
        values, directions = ascend(x, y, starts)
    values, directions = np.asarray(values), np.asarray(directions)
    np.testing.assert_allclose(np.linalg.norm(directions, axis=-1), 1.0, rtol=1e-12)
    for i in range(4):
        u, v = x[i] @ directions[i], y[i] @ directions[i]
        np.testing.assert_allclose(values[i], oracle.line_mmd2(u, v, MULTIQUADRIC), rtol=1e-10)


def test_more_steps_and_more_starts_never_give_less():
    x, y = random_cases(64, 6, seed=2)
    starts = random_directions(jax.random.key(1), 3, 6)

    def value(num_steps, starts):
        run = jax.jit(jax.vmap(lambda x, y: msmmd2(x, y, starts, 1.0, multiquadric(H), num_steps=num_steps)[0]))
        return np.asarray(run(np.float32(x), np.float32(y)))

    by_steps = [value(steps, starts[0]) for steps in (0, 1, 2, 5, 12)]
    for fewer, more in pairwise(by_steps):
        assert np.all(more >= fewer * (1 - 1e-5))
    assert by_steps[-1].mean() > 1.2 * by_steps[0].mean()
    assert np.all(value(5, starts) >= by_steps[3] * (1 - 1e-5))
    np.testing.assert_allclose(value(0, starts), np.max([value(0, start) for start in starts], 0), rtol=1e-5)


def test_no_step_is_the_sliced_distance():
    x, y = (np.float32(z[0]) for z in random_cases(1, 4, seed=3))
    start = random_directions(jax.random.key(2), 1, 4)
    kernel = multiquadric(H)
    found = jax.jit(lambda x, y: msmmd2(x, y, start[0], 0.3, kernel, num_steps=0)[0])(x, y)
    np.testing.assert_allclose(found, jax.jit(lambda x, y: sliced_mmd2(x, y, start, kernel))(x, y), rtol=1e-6)


def test_sliced_is_the_mean_over_directions():
    x, y = (z[0] for z in random_cases(1, 3, seed=4))
    with jax.enable_x64(True):
        directions = random_directions(jax.random.key(3), 5, 3)
        value = jax.jit(lambda x, y: sliced_mmd2(x, y, directions, multiquadric(2.0)))(x, y)
    projected = (np.asarray(directions) @ z.T for z in (x, y))
    expected = oracle.line_mmd2(*projected, lambda r: oracle.KERNELS["multiquadric"](r, 2.0)).mean()
    np.testing.assert_allclose(value, expected, rtol=1e-10)


def smooth_mmd2(u, v):
    return mmd2(u[:, None], v[:, None], multiquadric(1.0))


@pytest.mark.parametrize("distance", [partial(wasserstein, order=2), smooth_mmd2])
def test_gradient_is_that_of_the_maximum(distance):
    """The envelope theorem: the direction is held fixed, yet the gradient is that of the supremum itself."""
    x, y = (z[0] for z in random_cases(1, 3, n=5, m=5, seed=5))

    def value(x):
        return max_sliced(distance, x, y, jnp.array([0.6, 0.0, 0.8]), 0.3, num_steps=120)[0]

    with jax.enable_x64(True):
        found = jax.jit(jax.grad(value))(x)
        np.testing.assert_allclose(found, oracle.slope(jax.jit(value), x, 1e-4), atol=2e-5)


def test_ascent_does_not_feel_the_scale():
    x, y = (z[0] for z in random_cases(1, 4, seed=6))
    with jax.enable_x64(True):
        start = random_directions(jax.random.key(4), 1, 4)[0]
        ascend = jax.jit(lambda x, y, h: msmmd2(x, y, start, 0.3, multiquadric(h), num_steps=6))
        value, direction = ascend(x, y, H)
        for factor in (1e-12, 1e6):
            scaled, turned = ascend(factor * x, factor * y, H / factor)
            np.testing.assert_allclose(scaled, value, rtol=1e-7)
            np.testing.assert_allclose(turned, direction, rtol=1e-7)


def test_max_sliced_cramer_is_half_the_max_sliced_energy():
    x, y = (np.float32(z[0]) for z in random_cases(1, 4, seed=7))
    start = random_directions(jax.random.key(5), 1, 4)[0]
    cramer, direction = jax.jit(lambda x, y: max_sliced(cramer2, x, y, start, 0.3, num_steps=8))(x, y)
    distance, same = jax.jit(lambda x, y: msmmd2(x, y, start, 0.3, energy(), num_steps=8))(x, y)
    np.testing.assert_allclose(2 * cramer, distance, rtol=1e-4)
    np.testing.assert_allclose(direction, same, atol=1e-3)


def test_mean_direction_is_random_but_unit_where_the_means_agree():
    x = jnp.ones((3, 4))
    one, other = (mean_direction(x, x, jax.random.key(seed)) for seed in (0, 1))
    np.testing.assert_allclose([jnp.linalg.norm(one), jnp.linalg.norm(other)], 1.0, rtol=1e-6)
    assert not np.allclose(one, other)
    np.testing.assert_allclose(mean_direction(x, x.at[:, 2].set(-1.0), jax.random.key(0)), [0, 0, 1, 0], atol=1e-7)


def test_random_directions_are_uniform():
    directions = np.asarray(random_directions(jax.random.key(0), 20_000, 3))
    np.testing.assert_allclose(np.linalg.norm(directions, axis=-1), 1.0, rtol=1e-5)
    np.testing.assert_allclose(directions.T @ directions / 20_000, np.eye(3) / 3, atol=0.01)
