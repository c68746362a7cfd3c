"""Sliced and max-sliced versions of any distance between samples on the line."""

from collections.abc import Callable
from functools import partial

import jax
import jax.numpy as jnp
from jax import lax

from dstjax.math.checks import check_count, check_same_dtype, check_samples, check_unit
from dstjax.types import Array

LineDistance = Callable[[Array, Array], Array]
"""A distance between samples on the line, `[n], [m] -> []`, differentiable in both."""

_Climb = tuple[Array, Array, Array, Array]
"""Value, gradient and direction of the best point so far, and the next angle."""

GROWTH, SHRINK = 1.5, 0.5
"""Factors of the ascent's angle after a step that raised the distance, and after one that did not."""


def sliced(distance: LineDistance, x: Array, y: Array, directions: Array) -> Array:
    """Mean over directions of a distance between the projections of two sample sets (Bonneel et al., 2015).

    Example:
      >>> x, y = jnp.zeros((2, 2)), jnp.array([[3.0, 5.0]])
      >>> float(sliced(line.wasserstein, x, y, jnp.eye(2)))
      4.0

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
    x, y = _centred(x, y, directions, "directions")
    return jax.vmap(lambda theta: distance(_project(x, theta), _project(y, theta)))(directions).mean()


def max_sliced(
    distance: LineDistance, x: Array, y: Array, direction: Array, step_size: Array | float, *, num_steps: int
) -> tuple[Array, Array]:
    """Largest distance between the projections of two sample sets (Deshpande et al., 2019), by ascent on the sphere.

    Each step turns the best direction so far along its normalised Riemannian gradient. The angle grows after a step
    that raised the distance; it halves after one that did not, which is then forgotten. So the ascent does not feel
    the scale of the samples, and more steps never give less.

    Example:
      >>> x, y = jnp.zeros((2, 2)), jnp.array([[0.0, 5.0]])
      >>> value, direction = max_sliced(line.cramer2, x, y, jnp.array([0.6, 0.8]), 0.3, num_steps=20)
      >>> float(value) == pytest.approx(5.0, rel=1e-3)
      True

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
    x, y = _centred(x, y, starts, "direction")
    check_count("num_steps", num_steps, 0)
    fixed_x, fixed_y, starts, angle = lax.stop_gradient((x, y, starts, jnp.asarray(step_size, x.dtype)))

    def at(theta: Array) -> Array:
        return distance(_project(fixed_x, theta), _project(fixed_y, theta))

    best = starts[0]
    if num_steps > 0 or len(starts) > 1:
        values, thetas = jax.vmap(lambda start: _ascend(at, start, angle, num_steps))(starts)
        best = thetas[jnp.argmax(values)]
    return distance(_project(x, best), _project(y, best)), best


def _ascend(at: Callable[[Array], Array], theta: Array, angle: Array, num_steps: int) -> tuple[Array, Array]:
    """The best value and direction of one ascent."""
    if num_steps == 0:
        return at(theta), theta

    def step(best: _Climb, _: None) -> tuple[_Climb, None]:
        value, gradient, theta, angle = best
        candidate = _turn(theta, gradient, angle)
        new_value, new_gradient = jax.value_and_grad(at)(candidate)
        better = new_value > value
        longer, shorter = (new_value, new_gradient, candidate, GROWTH * angle), (*best[:3], SHRINK * angle)
        return jax.tree.map(partial(jnp.where, better), longer, shorter), None

    start = (*jax.value_and_grad(at)(theta), theta, angle)
    value, _, theta, _ = lax.scan(step, start, length=num_steps, unroll=num_steps <= 4)[0]
    return value, theta


def _turn(theta: Array, gradient: Array, angle: Array) -> Array:
    """Rotate `theta` towards the part of `gradient` tangent to the sphere; unmoved where that vanishes."""
    tangent = gradient - jnp.vdot(gradient, theta) * theta
    # Scaled by the largest entry first: the square of a small gradient underflows.
    top = jnp.abs(tangent).max()
    tangent = tangent / jnp.where(top > 0, top, 1.0)
    tangent = tangent / jnp.maximum(jnp.linalg.norm(tangent), 1.0)
    turned = jnp.cos(angle) * theta + jnp.sin(angle) * tangent
    return jnp.where(top > 0, turned / jnp.linalg.norm(turned), theta)


def mean_direction(x: Array, y: Array, key: Array) -> Array:
    """Unit vector along the difference of the means: a warm start for the max-sliced distances.

    Example:
      >>> direction = mean_direction(jnp.zeros((3, 2)), jnp.array([[-3.0, -4.0]]), jax.random.key(0))
      >>> direction.tolist() == pytest.approx([0.6, 0.8])
      True

    Args:
      x: `[n, d]` samples.
      y: `[m, d]` samples.
      key: consumed; gives a uniformly random direction where the means agree to rounding.

    Returns:
      `[d]` a unit vector without gradient.

    Raises:
      UserError: on wrong shapes or types.
    """
    check_samples("x", x)
    check_samples("y", y, x.shape[1])
    x, y = lax.stop_gradient((x, y))
    gap = x.mean(0) - y.mean(0)
    size = jnp.abs(gap).max()
    rounding = 8 * jnp.finfo(gap.dtype).eps * jnp.maximum(jnp.abs(x).max(), jnp.abs(y).max())
    usable = size > rounding
    noise = jax.random.normal(key, gap.shape, gap.dtype)
    chosen = jnp.where(usable, gap / jnp.where(usable, size, 1.0), noise)
    return chosen / jnp.linalg.norm(chosen)


def random_directions(key: Array, num: int, dim: int) -> Array:
    """Directions drawn uniformly from the sphere.

    Example:
      >>> random_directions(jax.random.key(0), 5, 3).shape
      (5, 3)

    Args:
      key: consumed.
      num: how many, `L`.
      dim: the dimension `d` of the samples.

    Returns:
      `[L, d]` unit vectors.
    """
    normal = jax.random.normal(key, (num, dim))
    return normal / jnp.linalg.norm(normal, axis=-1, keepdims=True)


def _project(points: Array, theta: Array) -> Array:
    # Full precision: the reduced precision of an accelerator's default would blur close samples.
    return jnp.matmul(points, theta, precision=lax.Precision.HIGHEST)


def _centred(x: Array, y: Array, directions: Array, name: str) -> tuple[Array, Array]:
    """The samples, checked, and moved so that the mean of their means is 0: projections then round least."""
    check_samples("x", x)
    check_samples("y", y, x.shape[1])
    check_same_dtype("y", y, x)
    check_samples(name, directions, x.shape[1])
    check_unit(name, directions)
    centre = lax.stop_gradient(0.5 * (x.mean(0) + y.mean(0)))
    return x - centre, y - centre
