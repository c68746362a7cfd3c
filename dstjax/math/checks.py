"""Checks of arguments at trace time; each error names the argument, what was expected and what was given."""

import jax
import jax.numpy as jnp
import numpy as np

from dstjax.errors import UserError
from dstjax.types import Array


def check_samples(name: str, samples: Array, dim: int | None = None) -> None:
    """Raise `UserError` unless `samples` is a non-empty floating `[n, d]`, with `d = dim` where that is given."""
    wanted = f"[n, {'d' if dim is None else dim}] with n >= 1"
    shape = jnp.shape(samples)
    if len(shape) != 2 or shape[0] < 1 or (shape[1] != dim if dim is not None else shape[1] < 1):
        raise UserError(f"{name}: shape {list(shape)} is not allowed; allowed: {wanted}")
    check_float(name, samples)


def check_shape(name: str, array: Array, shape: tuple[int, ...]) -> None:
    """Raise `UserError` unless `array` has exactly this shape."""
    if jnp.shape(array) != shape:
        raise UserError(f"{name}: shape {list(jnp.shape(array))} is not allowed; allowed: {list(shape)}")


def check_float(name: str, array: Array) -> None:
    """Raise `UserError` unless `array` is of a floating type."""
    dtype = jnp.result_type(array)
    if not jnp.issubdtype(dtype, jnp.floating):
        raise UserError(f"{name}: dtype {dtype} is not allowed; allowed: a floating type")


def check_positive(name: str, value: Array | float) -> None:
    """Raise `UserError` if `value` is concrete and not positive throughout; a traced value passes."""
    if not isinstance(value, jax.core.Tracer) and not np.all(np.asarray(value) > 0):
        raise UserError(f"{name}: {value} is not allowed; allowed: positive numbers")


def check_unit(name: str, direction: Array) -> None:
    """Raise `UserError` if `direction` is concrete and not of unit length along its last axis; a traced one passes."""
    if isinstance(direction, jax.core.Tracer):
        return
    norms = np.linalg.norm(np.asarray(direction, dtype=np.float64), axis=-1)
    if not np.allclose(norms, 1.0, atol=1e-3):
        raise UserError(f"{name}: norm {norms} is not allowed; allowed: unit vectors")
