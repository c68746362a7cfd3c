"""Sliced and max-sliced versions of any distance between samples on the line."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jax import lax

from dstjax.math.checks import check_float, check_samples, check_unit
from dstjax.types import Array

LineDistance = Callable[[Array, Array], Array]
"""A distance between samples on the line, `[n], [m] -> []`, differentiable in both."""

GROWTH, SHRINK = 1.5, 0.5


def sliced(distance: LineDistance, x: Array, y: Array, directions: Array) -> Array:
    """Mean over directions of a distance between the projections of two sample sets.

    Args:
      distance: the distance on the line.
      x: `[n, d]` samples.
      y: `[m, d]` samples.
      directions: `[L, d]` unit vectors.

    Returns:
      `[]`, differentiable in `x` and `y`.

    Raises:
      UserError: on wrong shapes or types, or concrete directions that are not of unit length.
    """
    x, y = _checked(x, y, directions)
    return jax.vmap(lambda theta: distance(x @ theta, y @ theta))(directions).mean()


def max_sliced(
    distance: LineDistance, x: Array, y: Array, direction: Array, step_size: Array | float, *, num_steps: int
) -> tuple[Array, Array]:
    """Largest distance between the projections of two sample sets, by ascent on the sphere.

    Each step turns the best direction so far along its normalised Riemannian gradient. The angle grows after a step
    that raised the distance; it halves after one that did not, which is then forgotten. So the ascent does not feel
    the scale of the samples, and more steps never give less.

    Args:
      distance: the distance on the line.
      x: `[n, d]` samples.
      y: `[m, d]` samples.
      direction: `[d]` unit vector to start from, or `[R, d]` for `R` restarts.
      step_size: angle of the first step, in radians; traced.
      num_steps: steps of the ascent.

    Returns:
      The value `[]`, differentiable in `x` and `y` at the direction held fixed, and that direction `[d]`.

    Raises:
      UserError: on wrong shapes or types, or concrete directions that are not of unit length.
    """
    starts = jnp.atleast_2d(direction)
    x, y = _checked(x, y, starts)
    points = lax.stop_gradient((x, y))

    def at(theta: Array) -> Array:
        return distance(points[0] @ theta, points[1] @ theta)

    theta = lax.stop_gradient(starts)
    if num_steps == 0 and len(starts) == 1:
        best = theta[0]
    else:
        angle = lax.stop_gradient(jnp.asarray(step_size, theta.dtype))
        values, thetas = jax.vmap(lambda start: _ascend(at, start, angle, num_steps))(theta)
        best = thetas[jnp.argmax(values)]
    return distance(x @ best, y @ best), best


def _ascend(at: Callable[[Array], Array], theta: Array, angle: Array, num_steps: int) -> tuple[Array, Array]:
    """The best value and direction of one ascent."""
    if num_steps == 0:
        return at(theta), theta

    def turn(theta: Array, gradient: Array, angle: Array) -> Array:
        tangent = gradient - (gradient @ theta) * theta
        # Scaled by its largest entry first: the square of a small gradient underflows.
        top = jnp.abs(tangent).max()
        tangent = tangent / jnp.where(top > 0, top, 1.0)
        length = jnp.where(top > 0, jnp.linalg.norm(jnp.where(top > 0, tangent, 1.0)), 1.0)
        turned = jnp.cos(angle) * theta + jnp.sin(angle) * tangent / length
        return jnp.where(top > 0, turned / jnp.linalg.norm(turned), theta)

    def step(carry: tuple[Array, ...], _: None) -> tuple[tuple[Array, ...], None]:
        value, gradient, theta, angle = carry
        candidate = turn(theta, gradient, angle)
        new_value, new_gradient = jax.value_and_grad(at)(candidate)
        better = new_value > value
        value, gradient, theta = jax.tree.map(
            lambda new, old: jnp.where(better, new, old), (new_value, new_gradient, candidate), (value, gradient, theta)
        )
        return (value, gradient, theta, angle * jnp.where(better, GROWTH, SHRINK)), None

    start = (*jax.value_and_grad(at)(theta), theta, angle)
    value, _, theta, _ = lax.scan(step, start, length=num_steps, unroll=num_steps <= 4)[0]
    return value, theta


def _checked(x: Array, y: Array, directions: Array) -> tuple[Array, Array]:
    """The samples, checked, and moved so that their common mean is 0: projections then round least."""
    check_samples("x", x)
    check_samples("y", y, x.shape[1])
    check_samples("direction", directions, x.shape[1])
    check_unit("direction", directions)
    check_float("y", y)
    centre = lax.stop_gradient(0.5 * (x.mean(0) + y.mean(0)))
    return x - centre, y - centre
