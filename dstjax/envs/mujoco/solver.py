r"""MuJoCo's constraint problem solved by Newton's method with an exact line search.

The acceleration minimises the convex, piecewise quadratic

.. math:: \tfrac12 (a - a_s)^T M (a - a_s) + \tfrac12 \sum_i D_i \min(0, J_i a - r_i)^2

over the unilateral rows of `rows.fill`, the primal problem of Todorov, "Convex and
analytically-invertible dynamics with contacts and constraints" (ICRA 2014). MJX brackets each line search by a loop;
on a piecewise quadratic the root can be computed in closed form, which is cheaper to run and much cheaper to compile,
and an unchanged active set proves the minimum, which ends the loop without a tolerance.

Shapes: `V` velocities, `C` constraint rows.
"""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from dstjax.types import Array


class Problem(NamedTuple):
    """The constraint problem of one instant."""

    mass: Array
    """`[V, V]` M, symmetric positive definite."""
    force: Array
    """`[V]` `M a_s`: every force but the constraints'."""
    free: Array
    """`[V]` a_s, the acceleration without constraints."""
    jacobian: Array
    """`[C, V]` J."""
    stiffness: Array
    """`[C]` D, positive."""
    reference: Array
    """`[C]` r: a row pushes while `J a < r`."""


def solve(problem: Problem, start: Array, *, iterations: int | Array) -> tuple[Array, Array]:
    """The constrained acceleration and the constraint forces.

    Differentiable in `problem` in both modes, by the implicit function theorem at the minimum.

    Args:
      problem: see there.
      start: `[V]` where to start if that is better than the free acceleration.
      iterations: bound on Newton steps; may be traced.

    Returns:
      `[V]` acceleration and `[V]` generalised constraint force.
    """
    acceleration = _minimise(problem, start, iterations)
    return acceleration, _constraint_force(problem, acceleration)


@jax.custom_jvp
def _minimise(problem: Problem, start: Array, iterations: int | Array) -> Array:
    def unsettled(carry: tuple[Array, Array, Array]) -> Array:
        _, settled, count = carry
        return ~settled & (count < iterations)

    def improve(carry: tuple[Array, Array, Array]) -> tuple[Array, Array, Array]:
        acceleration, _, count = carry
        slack = _slack(problem, acceleration)
        active = slack < 0
        search = -_newton_step(problem, active, _gradient(problem, acceleration))
        acceleration = acceleration + _line_search(problem, acceleration, slack, search) * search
        settled = jnp.all((_slack(problem, acceleration) < 0) == active)
        return acceleration, settled, count + 1

    better = _cost(problem, start) < _cost(problem, problem.free)
    begin = (jnp.where(better, start, problem.free), jnp.zeros((), bool), jnp.zeros((), jnp.int32))
    return jax.lax.while_loop(unsettled, improve, begin)[0]


@_minimise.defjvp
def _minimise_jvp(
    primals: tuple[Problem, Array, int | Array], tangents: tuple[Problem, Any, Any]
) -> tuple[Array, Array]:
    (problem, start, iterations), (dproblem, _, _) = primals, tangents
    acceleration = _minimise(problem, start, iterations)
    active = _slack(problem, acceleration) < 0
    _, dgradient = jax.jvp(lambda p: _gradient(p, acceleration), (problem,), (dproblem,))
    return acceleration, -_newton_step(problem, active, dgradient)


def _slack(problem: Problem, acceleration: Array) -> Array:
    return problem.jacobian @ acceleration - problem.reference


def _cost(problem: Problem, acceleration: Array) -> Array:
    offset = acceleration - problem.free
    violation = jnp.minimum(_slack(problem, acceleration), 0)
    return 0.5 * (offset @ problem.mass @ offset + jnp.sum(problem.stiffness * violation**2))


def row_forces(problem: Problem, acceleration: Array) -> Array:
    """The force of each row at an acceleration.

    Args:
      problem: see there.
      acceleration: `[V]`

    Returns:
      `[C]` non-negative.
    """
    return -problem.stiffness * jnp.minimum(_slack(problem, acceleration), 0)


def _constraint_force(problem: Problem, acceleration: Array) -> Array:
    return row_forces(problem, acceleration) @ problem.jacobian


def _gradient(problem: Problem, acceleration: Array) -> Array:
    return problem.mass @ acceleration - problem.force - _constraint_force(problem, acceleration)


def _newton_step(problem: Problem, active: Array, gradient: Array) -> Array:
    weighted = problem.jacobian * jnp.where(active, problem.stiffness, 0)[:, None]
    hessian = problem.mass + problem.jacobian.T @ weighted
    return jax.scipy.linalg.cho_solve(jax.scipy.linalg.cho_factor(hessian), gradient)


def _line_search(problem: Problem, acceleration: Array, slack: Array, search: Array) -> Array:
    """The exact minimiser along `search`: the root of a continuous, increasing, piecewise linear slope.

    Each row bends the slope at most once, where its slack changes sign. The slope is evaluated at every bend; the root
    lies on the line that starts at the last bend where the slope is not yet positive.
    """
    rate = problem.jacobian @ search
    active = slack < 0
    crosses = jnp.where(active, rate > 0, rate < 0)
    bend = jnp.where(crosses, -slack / jnp.where(crosses, rate, 1), 0)
    curvature = search @ problem.mass @ search
    offset = search @ (problem.mass @ acceleration - problem.force)
    weight = problem.stiffness * rate

    def line(step: Array) -> tuple[Array, Array]:
        """Slope and its derivative, just after `step`."""
        pushing = active ^ (crosses & (bend <= step))
        slope = offset + step * curvature + jnp.sum(jnp.where(pushing, weight * (slack + step * rate), 0))
        return slope, curvature + jnp.sum(jnp.where(pushing, weight * rate, 0))

    before = crosses & (jax.vmap(line)(bend)[0] <= 0)
    last = jnp.max(jnp.where(before, bend, 0), initial=0)
    slope, derivative = line(last)
    return last - slope / jnp.where(derivative > 0, derivative, 1)  # no derivative: no search direction, at the minimum
