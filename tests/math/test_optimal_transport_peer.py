"""Wasserstein distances against POT, where it is installed."""

import os
from functools import partial

import jax
import numpy as np
import pytest

from dstjax.math import max_sliced, random_directions, sliced, wasserstein

# POT would otherwise import and set up every array library that it finds.
os.environ.update({f"POT_BACKEND_DISABLE_{name}": "1" for name in ("JAX", "PYTORCH", "CUPY", "TENSORFLOW")})
ot = pytest.importorskip("ot")

RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(7, 3)), 0.5 + 1.5 * RNG.normal(size=(7, 3))
W, Q = RNG.dirichlet(np.ones(7)), RNG.dirichlet(np.ones(7))
orders = pytest.mark.parametrize("order", [1, 2])


@orders
def test_weighted_distance_on_the_line(order):
    with jax.enable_x64(True):
        run = jax.jit(lambda u, v: wasserstein(u, v, order=order, u_weights=W, v_weights=Q))
        found = float(run(X[:, 0], Y[:, 0]))
    np.testing.assert_allclose(found, ot.wasserstein_1d(X[:, 0], Y[:, 0], W, Q, p=order), rtol=1e-10)


@orders
def test_sliced_and_max_sliced_distance_over_the_same_directions(order):
    distance = partial(wasserstein, order=order)
    with jax.enable_x64(True):
        directions = random_directions(jax.random.key(0), 30, 3)
        mean, most = jax.jit(
            lambda x, y: (
                sliced(distance, x, y, directions),
                max_sliced(distance, x, y, directions, 0.3, num_steps=0)[0],
            )
        )(X, Y)
        mean, most, directions = float(mean), float(most), np.asarray(directions)
    peers = (ot.sliced_wasserstein_distance, ot.max_sliced_wasserstein_distance)
    expected = [peer(X, Y, projections=directions.T, p=order) ** order for peer in peers]
    np.testing.assert_allclose([mean, most], expected, rtol=1e-10)


def test_no_direction_sees_more_than_the_exact_distance():
    exact = ot.emd2(np.full(7, 1 / 7), np.full(7, 1 / 7), ot.dist(X, Y, metric="euclidean"))
    with jax.enable_x64(True):
        starts = random_directions(jax.random.key(1), 8, 3)
        found = float(jax.jit(lambda x, y: max_sliced(wasserstein, x, y, starts, 0.3, num_steps=20)[0])(X, Y))
    assert 0.5 * exact < found <= exact * (1 + 1e-9)
