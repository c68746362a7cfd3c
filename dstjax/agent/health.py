"""Freezing a member whose numbers are spoilt, so that the rest of its population goes on as if it were not there."""

from typing import Any, TypeVar

import jax
import jax.numpy as jnp

from dstjax.types import Array, Metrics

State = TypeVar("State")

NEVER = -1
"""`frozen_step` of a member in good health."""

BOUND = 1e12
"""A loss, value or norm beyond it has diverged: float32 overflows soon, in the middle of some product."""


def spoilt(state: Any, metrics: Metrics) -> Array:
    """Whether a member has diverged: a number of its state that is not finite, or a metric beyond `BOUND`.

    Args:
      state: pytree of what training changes.
      metrics: of the same updates; NaN where there were none.

    Returns:
      `[]` bool.
    """
    floats = [leaf for leaf in jax.tree.leaves(state) if jnp.issubdtype(leaf.dtype, jnp.floating)]
    finite = jnp.stack([jnp.isfinite(leaf).all() for leaf in floats]).all()
    beyond = jnp.stack([jnp.abs(value) > BOUND for value in jax.tree.leaves(metrics)]).any()
    return ~finite | beyond


def keep_where(frozen: Array, before: State, after: State) -> State:
    """The state before where a member is frozen, else the one after: bit for bit either of them.

    Args:
      frozen: `[]` bool.
      before: any pytree of arrays.
      after: of the same structure.

    Returns:
      The one or the other.
    """
    return jax.tree.map(lambda old, new: jnp.where(frozen, old, new), before, after)
