"""The contraction factor bounds what one application of the operator does to a distance, and is attained."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from scipy import optimize

from dstjax.math import (
    contraction_factor,
    max_sliced,
    mmd2,
    multiquadric,
    random_directions,
    sobolev_affine,
)
from dstjax.math.line import wasserstein

S, A, GAMMA = 2, 1, 0.9


def system(seed, gain):
    """A linear system under a linear policy, with random matrices of the given size."""
    drift, drive, feedback = (np.random.default_rng(seed).normal(size=shape) for shape in ((S, S), (S, A), (A, S)))
    return gain * drift, gain * drive, feedback


def operator(drift, drive, feedback):
    """Offset, matrix and factor of the Sobolev Bellman operator of a linear system."""
    arguments = (
        lambda s, a, eps: (drift @ s + drive @ a + eps, -(s @ s) - a @ a),
        lambda s: feedback @ s,
        jnp.array([0.3, -0.2]),
        jnp.array([0.5]),
        jnp.zeros(S),
        GAMMA,
    )
    return *sobolev_affine(*arguments, 0.0), contraction_factor(*arguments)


compiled = jax.jit(operator)


def exact_wasserstein(x, y):
    cost = np.linalg.norm(x[:, None] - y[None, :], axis=-1)
    return cost[optimize.linear_sum_assignment(cost)].mean()


def test_factor_of_a_linear_system_is_its_closed_form():
    with jax.enable_x64(True):
        for seed, gain in ((0, 0.1), (1, 0.6), (2, 2.0)):
            drift, drive, feedback = system(seed, gain)
            stretch = np.vstack([drive.T, drift.T]) @ np.hstack([feedback.T, np.eye(S)])
            factor = float(operator(drift, drive, feedback)[2])
            np.testing.assert_allclose(factor, GAMMA * max(1.0, np.linalg.svd(stretch)[1][0]), rtol=1e-12)


def test_factors_of_a_batch_by_singular_values():
    """A model and a policy whose Jacobians change from one transition to the next."""
    rng = np.random.default_rng(4)
    obs, action, noise = rng.normal(size=(9, S)), rng.normal(size=(9, A)), rng.normal(size=(9, S))
    ends = np.float64(np.arange(9) % 4 == 3)

    def model(s, a, eps):
        return jnp.tanh(2 * s * eps) + a, s.sum()

    def policy(s):
        return jnp.sin(3 * s[:1] * s[1])

    with jax.enable_x64(True):
        factor = partial(contraction_factor, model, policy)
        found = np.asarray(jax.jit(jax.vmap(factor, (0, 0, 0, None, 0)))(obs, action, noise, GAMMA, ends))
    for i, (s, a, eps, end) in enumerate(zip(obs, action, noise, ends, strict=True)):
        after, by_obs = np.tanh(2 * s * eps) + a, np.diag(2 * eps / np.cosh(2 * s * eps) ** 2)
        slope = 3 * np.cos(3 * after[0] * after[1]) * after[::-1]
        stretch = np.vstack([np.ones((A, S)), by_obs.T]) @ np.hstack([slope[:, None], np.eye(S)])
        expected = GAMMA * (1 - end) * max(1.0, np.linalg.svd(stretch)[1][0])
        np.testing.assert_allclose(found[i], expected, rtol=1e-12)
    assert found.min() == 0 < found.max() > 1


@given(seed=st.integers(0, 1000), gain=st.sampled_from([0.1, 0.5, 2.0]))
def test_wasserstein_distance_grows_by_at_most_the_factor(seed, gain):
    offset, matrix, factor = (np.asarray(part, float) for part in compiled(*system(seed, gain)))
    rng = np.random.default_rng(seed)
    x, y = rng.normal(size=(6, 4)) * np.exp(rng.normal(size=4)), rng.normal(size=(6, 4)) + rng.normal(size=4)
    after = exact_wasserstein(offset + x @ matrix.T, offset + y @ matrix.T)
    assert after <= factor * exact_wasserstein(x, y) * (1 + 1e-5)


def test_the_bound_is_attained_along_the_widest_direction():
    offset, matrix, factor = (np.asarray(part, float) for part in operator(*system(3, 1.5)))
    x = np.random.default_rng(0).normal(size=(6, 4))
    y = x + np.linalg.svd(matrix)[2][0]
    after = exact_wasserstein(offset + x @ matrix.T, offset + y @ matrix.T)
    np.testing.assert_allclose(after, factor * exact_wasserstein(x, y), rtol=1e-5)


def test_unequal_shrinking_raises_the_mmd_but_not_the_max_sliced_distances():
    """Wide gradient coordinates hide a difference of returns from the MMD until the operator shrinks them."""
    rng = np.random.default_rng(1)
    x = np.float32(rng.normal(size=(200, 3)) * [0.1, 30, 30])
    y = x + np.float32([1, 0, 0])
    matrix, kernel = np.diag(np.float32([0.9, 0.01, 0.01])), multiquadric(100.0)
    starts = jnp.vstack([jnp.eye(3), random_directions(jax.random.key(0), 5, 3)])
    plain = jax.jit(lambda x, y: mmd2(x, y, kernel))
    sliced = jax.jit(
        lambda x, y: (
            max_sliced(lambda u, v: mmd2(u[:, None], v[:, None], kernel), x, y, starts, 0.3, num_steps=20)[0],
            max_sliced(wasserstein, x, y, starts, 0.3, num_steps=20)[0],
        )
    )
    assert plain(x @ matrix.T, y @ matrix.T) > 5 * plain(x, y)
    for after, before in zip(sliced(x @ matrix.T, y @ matrix.T), sliced(x, y), strict=True):
        assert after <= 0.9 * before * (1 + 1e-3)
