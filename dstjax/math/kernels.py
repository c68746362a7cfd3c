"""Kernels of the maximum mean discrepancy, as functions of the squared distance.

A kernel here is known up to an additive constant: no MMD sees the constant, because the weights of each sample set
sum to one. All kernels are written so that `k(0) = 0`, which keeps full relative precision for close points.
"""

from collections.abc import Callable

import jax.numpy as jnp

from dstjax.math.checks import check_positive
from dstjax.types import Array, Kernel


def safe_sqrt(squared: Array) -> Array:
    """Square root whose gradient at 0 is 0 instead of infinite.

    Example:
      >>> jax.value_and_grad(safe_sqrt)(0.0)
      (Array(0., dtype=float32...), Array(0., dtype=float32...))

    Args:
      squared: `[...]`, non-negative.

    Returns:
      `[...]` the square roots.
    """
    positive = squared > 0
    return jnp.where(positive, jnp.sqrt(jnp.where(positive, squared, 1.0)), 0.0)


def multiquadric(bandwidth: Array | float) -> Kernel:
    r"""Multiquadric kernel $k(x, y) = 1 - \sqrt{1 + h^2 \|x - y\|^2}$ (Killingberg & Langseth, TMLR 2023).

    Conditionally positive definite. It is quadratic for distances below `1/h` and `h` times the energy kernel beyond.

    Example:
      >>> float(multiquadric(3.0)(jnp.array(16 / 9)))
      -3.12...

    Args:
      bandwidth: `h > 0`, in 1 / unit of the samples; traced.

    Returns:
      The kernel as a function of the squared distance.

    Raises:
      UserError: if the bandwidth is concrete and not positive.
    """
    check_positive("bandwidth", bandwidth)
    square = jnp.square(bandwidth)

    def kernel(squared: Array) -> Array:
        # The rationalised form: 1 - sqrt(1 + u) would lose every digit of a small u.
        u = square * squared
        return -u / (1.0 + jnp.sqrt(1.0 + u))

    return kernel


def gaussian_mixture(bandwidths: Array | float) -> Kernel:
    r"""Mean of Gaussian kernels, $k(x, y) = \frac1J \sum_j \exp(-\|x - y\|^2 / (2 h_j^2)) - 1$ (Gretton et al., 2012).

    Example:
      >>> float(gaussian_mixture([1.0, 2.0])(jnp.array(0.0)))
      0.0

    Args:
      bandwidths: `[J]` or a scalar, `h_j > 0`, in the unit of the samples; traced.

    Returns:
      The kernel as a function of the squared distance.

    Raises:
      UserError: if a bandwidth is concrete and not positive.
    """
    check_positive("bandwidths", bandwidths)
    rates = 0.5 / jnp.square(jnp.atleast_1d(jnp.asarray(bandwidths)))

    def kernel(squared: Array) -> Array:
        total = jnp.zeros_like(squared)
        # One scale at a time keeps the pairwise temporaries at one scale's size.
        for rate in rates:
            total += jnp.expm1(-rate * squared)
        return total / rates.shape[0]

    return kernel


def _energy(squared: Array) -> Array:
    return -safe_sqrt(squared)


def energy() -> Kernel:
    r"""Energy kernel $k(x, y) = -\|x - y\|$, whose MMD² is the energy distance (Székely & Rizzo, 2013).

    Example:
      >>> float(energy()(jnp.array(4.0)))
      -2.0

    Returns:
      The kernel as a function of the squared distance; always the same object.
    """
    return _energy


def _octaves(bandwidth: Array | float) -> Kernel:
    check_positive("bandwidth", bandwidth)
    return gaussian_mixture(jnp.asarray(bandwidth) * 2.0 ** jnp.arange(-2.0, 3.0))


KERNELS: dict[str, Callable[[Array | float], Kernel]] = {
    "multiquadric": multiquadric,
    "gaussian": _octaves,
    "energy": lambda bandwidth: energy(),
}
"""Kernel by name, from one bandwidth: `gaussian` mixes five octaves around it, `energy` has no scale and ignores it."""
