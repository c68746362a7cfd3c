"""Aliases and the small pytrees that every room of the library passes around.

Shape legend, used in every docstring: `B` batch, `N` samples per transition, `S` observation, `A` action,
`K` critic noise, `M` population member, `D` a generic feature dimension.
"""

from collections.abc import Callable
from typing import Any

import flax.struct
import jax

Array = jax.Array
Key = jax.Array
Params = Any
Metrics = dict[str, Array]
Kernel = Callable[[Array], Array]


@flax.struct.dataclass
class Transition:
    """One environment step. `next_obs` is the true successor, also where the episode ended and was reset."""

    obs: Array
    """`[..., S]` observation the action was chosen from."""
    action: Array
    """`[..., A]` action in `[-1, 1]`."""
    reward: Array
    """`[...]`"""
    next_obs: Array
    """`[..., S]`"""
    terminated: Array
    """`[...]` 1.0 where the episode ended for good; a time limit is not a termination."""
    truncated: Array | None = None
    """`[...]` 1.0 where the next transition belongs to another episode although this one did not terminate; None where
    nothing looks beyond one step."""
    steps: Array | None = None
    """`[...]` environment steps that it spans, each discounting once; None is one."""


@flax.struct.dataclass
class SobolevSamples:
    """Samples of the Sobolev return `(G, dG/da)`, and of `dG/ds` in the complete variant."""

    value: Array
    """`[..., N]` returns."""
    daction: Array
    """`[..., N, A]` gradients in the first action; `A` is 0 where a method uses none."""
    dobs: Array | None = None
    """`[..., N, S]` gradients in the first observation, or None for the action-only variant."""
    weight: Array | None = None
    """`[..., N]` weights of the samples that sum to one, or None for equal ones."""
