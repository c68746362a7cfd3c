"""Checks of arguments at trace time; each error names the argument, what was given and what is allowed."""

import jax
import jax.numpy as jnp
import numpy as np

from dstjax.errors import UserError
from dstjax.types import Array


def check_samples(name: str, samples: Array, dim: int | None = None) -> None:
    """Raise `UserError` unless `samples` is a non-empty floating `[n, d]`, with `d = dim` where that is given.

    Args:
      name: what the error calls the argument.
      samples: the argument.
      dim: the required dimension of a sample.
    """
    shape = jnp.shape(samples)
    fits = len(shape) == 2 and shape[0] > 0 and (shape[1] > 0 if dim is None else shape[1] == dim)
    if not fits:
        _refuse(name, shape, f"[n, {'d' if dim is None else dim}], not empty")
    check_float(name, samples)


def check_line(name: str, samples: Array) -> None:
    """Raise `UserError` unless `samples` is a non-empty floating `[n]`.

    Args:
      name: what the error calls the argument.
      samples: the argument.
    """
    shape = jnp.shape(samples)
    if len(shape) != 1 or shape[0] < 1:
        _refuse(name, shape, "[n], not empty")
    check_float(name, samples)


def check_shape(name: str, array: Array, shape: tuple[int, ...]) -> None:
    """Raise `UserError` unless `array` has exactly this shape.

    Args:
      name: what the error calls the argument.
      array: the argument.
      shape: the required shape.
    """
    if jnp.shape(array) != shape:
        _refuse(name, jnp.shape(array), str(list(shape)))


def check_rank(name: str, array: Array, axes: str) -> None:
    """Raise `UserError` unless `array` has one axis for each letter.

    Args:
      name: what the error calls the argument.
      array: the argument.
      axes: a letter for each axis, as in the shape legend.
    """
    if jnp.ndim(array) != len(axes):
        _refuse(name, jnp.shape(array), f"[{', '.join(axes)}]")


def check_float(name: str, array: Array) -> None:
    """Raise `UserError` unless `array` is of a floating type.

    Args:
      name: what the error calls the argument.
      array: the argument.
    """
    dtype = jnp.result_type(array)
    if not jnp.issubdtype(dtype, jnp.floating):
        raise UserError(f"{name}: dtype {dtype} is not allowed; allowed: a floating type")


def check_same_dtype(name: str, array: Array, other: Array) -> None:
    """Raise `UserError` unless two arrays have one type: a silent promotion would hide half of the precision.

    Args:
      name: what the error calls the argument.
      array: the argument.
      other: the argument it must agree with.
    """
    given, wanted = jnp.result_type(array), jnp.result_type(other)
    if given != wanted:
        raise UserError(f"{name}: dtype {given} is not allowed; allowed: {wanted}")


def check_count(name: str, count: int, low: int, high: int | None = None) -> None:
    """Raise `UserError` unless a static count lies within inclusive bounds.

    Args:
      name: what the error calls the argument.
      count: the argument.
      low: the smallest allowed count.
      high: the largest allowed count, if there is one.
    """
    if count < low or (high is not None and count > high):
        allowed = f"at least {low}" if high is None else f"{low} to {high}"
        raise UserError(f"{name}: {count} is not allowed; allowed: {allowed}")


def check_positive(name: str, value: Array | float) -> None:
    """Raise `UserError` if `value` is concrete and not positive throughout; a traced value passes.

    Args:
      name: what the error calls the argument.
      value: the argument.
    """
    if not isinstance(value, jax.core.Tracer) and not np.all(np.asarray(value) > 0):
        raise UserError(f"{name}: {value} is not allowed; allowed: positive numbers")


def check_unit(name: str, direction: Array) -> None:
    """Raise `UserError` if `direction` is concrete and not of unit length along its last axis; a traced one passes.

    Args:
      name: what the error calls the argument.
      direction: the argument, `[..., d]`.
    """
    if isinstance(direction, jax.core.Tracer):
        return
    norms = np.linalg.norm(np.asarray(direction, dtype=np.float64), axis=-1)
    if not np.allclose(norms, 1.0, atol=1e-3):
        raise UserError(f"{name}: norm {norms} is not allowed; allowed: unit vectors")


def _refuse(name: str, shape: tuple[int, ...], allowed: str) -> None:
    raise UserError(f"{name}: shape {list(shape)} is not allowed; allowed: {allowed}")
