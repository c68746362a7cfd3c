"""Who trains: members of a population, as the product of seeds and numeric axes."""

import dataclasses
import itertools
from collections.abc import Mapping, Sequence
from typing import Any

import jax
import numpy as np

from dstjax.config import Hyper, check_fields
from dstjax.errors import UserError, unknown_name


@dataclasses.dataclass(frozen=True)
class Members:
    """Who trains: for each member its seed and its numbers.

    Attributes:
      hyper: every leaf a float32 NumPy array `[M]`.
      seeds: `[M]` integers.
    """

    hyper: Hyper
    seeds: np.ndarray

    def __len__(self) -> int:
        return len(self.seeds)

    def __getitem__(self, block: slice) -> "Members":
        return Members(jax.tree.map(lambda leaf: leaf[block], self.hyper), self.seeds[block])

    def rows(self) -> list[dict[str, float]]:
        """One dictionary per member: its index, its seed and every number by dotted name."""
        leaves = flatten(self.hyper)
        return [
            {
                "member": i,
                "seed": int(self.seeds[i]),
                **{name: float(f"{leaf[i]:.7g}") for name, leaf in leaves.items()},
            }
            for i in range(len(self))
        ]


def flatten(hyper: Hyper) -> dict[str, Any]:
    """The leaves of a `Hyper` by dotted name, such as `noise.obs_scale`.

    Args:
      hyper: of any leaves.

    Returns:
      Name to leaf, in the order of declaration.
    """
    return {".".join(key.name for key in path): leaf for path, leaf in jax.tree_util.tree_leaves_with_path(hyper)}


def grid(
    hyper: Hyper, seeds: Sequence[int], axes: Mapping[str, Sequence[float]], *, zipped: Sequence[str] = ()
) -> Members:
    """The product of seeds and numeric axes.

    Args:
      hyper: the numbers that no axis varies.
      seeds: they vary fastest, and are shared by all cells of the grid, so that comparisons are paired.
      axes: values by dotted name of a `Hyper` leaf.
      zipped: names of axes of one length that vary together, as one axis of the product, which varies slowest.

    Returns:
      The members.

    Raises:
      UserError: on an unknown name, a value outside its domain, an empty axis or no seed.
    """
    defaults = flatten(hyper)
    for name, values in axes.items():
        if name not in defaults:
            raise unknown_name("axis", name, defaults)
        if np.size(values) == 0 or np.ndim(values) != 1:
            raise UserError(f"{name}: {values} is not allowed; allowed: a sequence of one or more numbers")
    if np.ndim(seeds) != 1:
        raise UserError(f"seeds: {seeds} is not allowed; allowed: a sequence, such as range({seeds})")
    if len(seeds) == 0:
        raise UserError("seeds: 0 is not allowed; allowed: at least 1")
    structure = jax.tree.structure(hyper)
    together = list(zip(*(axes[name] for name in zipped), strict=True)) if zipped else [()]
    apart = [name for name in axes if name not in zipped]
    cells = [
        {**defaults, **dict(zip(zipped, row, strict=True)), **dict(zip(apart, values, strict=True))}
        for row, values in itertools.product(together, itertools.product(*(axes[name] for name in apart)))
    ]
    for cell in cells:
        check_fields(jax.tree.unflatten(structure, list(cell.values())))
    columns = [np.repeat(np.asarray([cell[name] for cell in cells], np.float32), len(seeds)) for name in defaults]
    return Members(jax.tree.unflatten(structure, columns), np.tile(np.asarray(seeds), len(cells)))
