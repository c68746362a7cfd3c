"""The constraint solver against SciPy's solution of the dual, and its derivative against finite differences."""

import jax
import jax.numpy as jnp
import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import nnls

from dstjax.envs.mujoco.solver import Problem, solve


def draw(seed, size, rows, scale=1.0):
    """A random problem; rows come in near-parallel pairs of very different stiffness, as contacts' do."""
    rng = np.random.default_rng(seed)
    root = rng.normal(size=(size, size))
    mass, free = root @ root.T + 0.1 * np.eye(size), scale * rng.normal(size=size)
    jacobian = rng.normal(size=(rows, size))
    jacobian[1::2] = jacobian[: 2 * (rows // 2) : 2] + 0.1 * rng.normal(size=(rows // 2, size))
    stiffness = 10.0 ** rng.uniform(-1, 4, rows)
    reference = scale * rng.normal(size=rows)
    return Problem(mass, mass @ free, free, jacobian, stiffness, reference), scale * rng.normal(size=size)


def dual_by_nnls(problem):
    """Forces f >= 0 of the dual `min f'(A + R)f / 2 + f'(J a_s - r)`, a non-negative least squares problem."""
    mass, _, free, jacobian, stiffness, reference = problem
    quadratic = jacobian @ np.linalg.solve(mass, jacobian.T) + np.diag(1 / stiffness)
    upper = np.linalg.cholesky(quadratic).T
    force, _ = nnls(upper, np.linalg.solve(upper.T, reference - jacobian @ free))
    return free + np.linalg.solve(mass, jacobian.T @ force), jacobian.T @ force


def run(problem, start, iterations=50):
    return jax.jit(lambda p, s: solve(p, s, iterations=iterations))(jax.tree.map(jnp.asarray, problem), start)


@given(st.integers(0, 10_000), st.sampled_from([(1, 1), (3, 2), (6, 12), (9, 30)]), st.sampled_from([0.1, 100.0]))
def test_solution_is_the_duals(seed, shape, scale):
    problem, start = draw(seed, *shape, scale)
    with jax.enable_x64(True):
        ours = run(problem, jnp.asarray(start))
    for mine, theirs in zip(ours, dual_by_nnls(problem), strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=1e-7, atol=1e-7 * scale)


@given(st.integers(0, 10_000))
def test_the_start_does_not_matter_and_few_steps_suffice(seed):
    problem, start = draw(seed, 6, 12)
    with jax.enable_x64(True):
        far, _ = run(problem, jnp.asarray(1e3 * start), iterations=15)
        near, _ = run(problem, far, iterations=1)
    np.testing.assert_allclose(far, near, rtol=1e-8, atol=1e-8)


def test_without_a_push_the_free_acceleration_returns_unchanged():
    problem, _ = draw(0, 4, 3)
    slackened = problem._replace(reference=problem.jacobian @ problem.free - 1.0)
    with jax.enable_x64(True):
        acceleration, force = run(slackened, jnp.asarray(problem.free))
    np.testing.assert_allclose(acceleration, problem.free, atol=1e-12)
    np.testing.assert_array_equal(force, 0)


def test_derivatives_are_those_of_the_solution():
    problem, start = draw(5, 4, 6)
    direction = draw(6, 4, 6)[0]

    def moved(step):
        mass = problem.mass + step * (direction.mass + direction.mass.T)
        free = problem.free + step * direction.free
        jacobian = problem.jacobian + step * direction.jacobian
        reference = problem.reference + step * direction.reference
        return Problem(mass, mass @ free, free, jacobian, problem.stiffness * (1 + step), reference)

    with jax.enable_x64(True):
        both = lambda step: jnp.concatenate(solve(moved(step), jnp.asarray(start), iterations=50))  # noqa: E731
        h = 1e-6
        difference = (both(h) - both(-h)) / (2 * h)
        forward, reverse = jax.jacfwd(both)(0.0), jax.jacrev(both)(0.0)
    assert np.abs(difference).max() > 0.1
    np.testing.assert_allclose(forward, difference, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(reverse, forward, rtol=1e-9, atol=1e-10)
