"""Distances on the line against SciPy, linear programming and finite differences."""

import jax
import jax.numpy as jnp
import math_oracles as oracle
import numpy as np
import pytest
from scipy import optimize, stats

from dstjax.math import cramer2, wasserstein
from dstjax.math.line import absolute_sum

RNG = np.random.default_rng(0)
CASES = {
    "equal": (RNG.normal(size=6), RNG.normal(size=6) + 1, None, None),
    "unequal": (RNG.normal(size=5), RNG.normal(size=8), None, None),
    "weighted": (RNG.normal(size=6), RNG.normal(size=6), np.arange(1.0, 7), np.arange(6.0, 0, -1) ** 2),
    "tied": (np.array([1.0, 1.0, 2.0]), np.array([1.0, 2.0, 2.0, 3.0]), None, np.array([1.0, 0.0, 2.0, 1.0])),
}


def transport_cost(u, v, w, q, order):
    """The transport problem itself, as a linear program."""
    w = np.ones(len(u)) if w is None else w
    q = np.ones(len(v)) if q is None else q
    rows = np.kron(np.eye(len(u)), np.ones(len(v)))
    columns = np.kron(np.ones(len(u)), np.eye(len(v)))
    cost = np.abs(u[:, None] - v[None, :]).ravel() ** order
    constraint, mass = np.vstack([rows, columns]), np.concatenate([w / w.sum(), q / q.sum()])
    return optimize.linprog(cost, A_eq=constraint, b_eq=mass).fun


@pytest.mark.parametrize("case", CASES)
def test_distances_match_scipy(case):
    u, v, w, q = CASES[case]
    with jax.enable_x64(True):
        first, second, cramer = jax.jit(
            lambda u, v: (
                wasserstein(u, v, u_weights=w, v_weights=q),
                wasserstein(u, v, order=2, u_weights=w, v_weights=q),
                cramer2(u, v, u_weights=w, v_weights=q),
            )
        )(u, v)
    first, second, cramer = map(float, (first, second, cramer))
    np.testing.assert_allclose(first, stats.wasserstein_distance(u, v, w, q), rtol=1e-12)
    np.testing.assert_allclose(second, transport_cost(u, v, w, q, 2), rtol=1e-9)
    np.testing.assert_allclose(2 * cramer, stats.energy_distance(u, v, w, q) ** 2, rtol=1e-12)


@pytest.mark.parametrize("case", ["equal", "unequal", "weighted"])
def test_gradients_by_finite_differences(case):
    u, v, w, q = CASES[case]
    distances = {
        "first": lambda u, v: wasserstein(u, v, u_weights=w, v_weights=q),
        "second": lambda u, v: wasserstein(u, v, order=2, u_weights=w, v_weights=q),
        "cramer": lambda u, v: cramer2(u, v, u_weights=w, v_weights=q),
    }
    with jax.enable_x64(True):
        for distance in map(jax.jit, distances.values()):
            by_u, by_v = jax.jit(jax.grad(distance, (0, 1)))(u, v)
            np.testing.assert_allclose(by_u, oracle.slope(lambda p, d=distance: d(p, v), u), atol=1e-8)
            np.testing.assert_allclose(by_v, oracle.slope(lambda p, d=distance: d(u, p), v), atol=1e-8)


def test_two_gaussians_agree_with_their_closed_forms():
    """W2² = gap² + (difference of deviations)², from quantiles at even levels."""
    levels = (np.arange(20_000) + 0.5) / 20_000
    u, v = stats.norm.ppf(levels), stats.norm.ppf(levels, 0.7, 2.0)
    np.testing.assert_allclose(wasserstein(jnp.array(u), jnp.array(v), order=2), 0.7**2 + 1.0, rtol=2e-3)


def test_absolute_sum_takes_any_masses():
    points, masses = RNG.normal(size=9), RNG.normal(size=9)
    points[3] = points[5]
    pairs = np.abs(points[:, None] - points[None, :])
    signs = np.sign(points[:, None] - points[None, :])
    with jax.enable_x64(True):
        value, gradient = jax.jit(jax.value_and_grad(absolute_sum))(points, masses)
    np.testing.assert_allclose(value, masses @ pairs @ masses, rtol=1e-12)
    np.testing.assert_allclose(gradient, 2 * masses * (signs @ masses), rtol=1e-12)
