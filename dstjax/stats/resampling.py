"""The stratified percentile bootstrap, for what has no interval of its own."""

from collections.abc import Callable, Sequence
from typing import Literal

import numpy as np

from dstjax.stats.intervals import LEVEL, Estimate, Strata, complete

REPLICATES = 2000

Statistic = Callable[..., np.ndarray]
"""Takes each sample as a list of arrays `[..., R]`, its strata, and gives `[...]` or `[..., T]`."""


def bootstrap(
    statistic: Statistic, *samples: Strata, paired: bool = False, level: float = LEVEL, replicates: int = REPLICATES
) -> Estimate:
    """A statistic with its stratified percentile bootstrap interval.

    Below about ten seeds a stratum the interval is too narrow (it cannot see seeds that were not run): the count
    belongs beside it.

    Args:
      statistic: of one number.
      *samples: one per method compared.
      paired: whether the samples share their seeds, position by position; then both are redrawn together.
      level: of confidence.
      replicates: redraws.

    Returns:
      The estimate; no interval where no stratum has two scores.

    Raises:
      UserError: if paired samples have unequal strata.
    """
    arrays = complete(samples, paired)
    value = float(statistic(*arrays))
    count = sum(len(stratum) for stratum in arrays[0])
    if max((len(stratum) for sample in arrays for stratum in sample), default=0) < 2:
        return Estimate(value, float("nan"), float("nan"), count)
    redrawn = bootstrap_replicates(statistic, *samples, paired=paired, replicates=replicates)
    low, high = percentile_interval(redrawn, level)
    return Estimate(value, float(low), float(high), count)


def bootstrap_replicates(
    statistic: Statistic, *samples: Strata, paired: bool = False, replicates: int = REPLICATES, seed: int = 0
) -> np.ndarray:
    """The statistic of samples redrawn with replacement within their strata.

    Args:
      statistic: see `Statistic`.
      *samples: one per method compared.
      paired: whether the samples share their seeds.
      replicates: redraws.
      seed: of the redraws, so that a figure made twice is the same.

    Returns:
      `[replicates, ...]`.

    Raises:
      UserError: if paired samples have unequal strata.
    """
    arrays = complete(samples, paired)
    shapes = [[len(stratum) for stratum in sample] for sample in arrays]
    rng = np.random.default_rng(seed)

    def draw(shape: Sequence[int]) -> list[np.ndarray]:
        return [rng.integers(0, size, (replicates, size)) for size in shape]

    first = draw(shapes[0])
    indices = [first if paired or number == 0 else draw(shape) for number, shape in enumerate(shapes)]
    redrawn = (
        [stratum[index] for stratum, index in zip(sample, picks, strict=True)]
        for sample, picks in zip(arrays, indices, strict=True)
    )
    return np.asarray(statistic(*redrawn))


def percentile_interval(replicates: np.ndarray, level: float = LEVEL) -> tuple[np.ndarray, np.ndarray]:
    """The central interval of bootstrap replicates.

    Args:
      replicates: `[replicates, ...]`.
      level: of confidence.

    Returns:
      Lower and upper end, `[...]` each.
    """
    tail = 50.0 * (1.0 - level)
    # Between two infinite replicates, such as ratios to a spread of zero, nothing can be interpolated.
    method: Literal["linear", "nearest"] = "linear" if np.isfinite(replicates).all() else "nearest"
    low, high = np.percentile(replicates, [tail, 100.0 - tail], axis=0, method=method)
    return low, high
