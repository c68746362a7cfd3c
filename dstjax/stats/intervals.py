"""Estimates with intervals: Student's for a mean, the stratified bootstrap for everything else."""

import dataclasses
from collections.abc import Callable, Sequence
from typing import Literal

import numpy as np
import numpy.typing as npt
from scipy.special import stdtrit

from dstjax.errors import UserError

LEVEL = 0.95
INTERVAL = "95 % interval of the mean, Student t over seeds"
REPLICATES = 2000

Strata = Sequence[npt.ArrayLike]
"""One array of scores per task and noise level, a score per seed; lengths may differ."""
Statistic = Callable[..., np.ndarray]
"""Takes each sample as a list of arrays `[..., R]`, its strata, and gives `[...]` or `[..., T]`."""


@dataclasses.dataclass(frozen=True)
class Estimate:
    """A value and its interval; `low` and `high` are NaN where one seed cannot give any."""

    value: float
    low: float
    high: float
    count: int
    """Scores that it is made of."""


def mean_interval(values: npt.ArrayLike, level: float = LEVEL) -> Estimate:
    r"""Mean over seeds with Student's interval, `mean ± t_{n-1} s / sqrt(n)`.

    It has its level for normal values even at two seeds, where a bootstrap is far too narrow; at few seeds it is wide,
    because few seeds say little.

    Args:
      values: one per seed; those that are not finite are left out.
      level: of confidence.

    Returns:
      The estimate; with one value no interval, with none all NaN.
    """
    array = np.asarray(values, dtype=np.float64)
    finite = array[np.isfinite(array)]
    count = len(finite)
    mean = float(finite.mean()) if count else float("nan")
    if count < 2:
        return Estimate(mean, float("nan"), float("nan"), count)
    half = stdtrit(count - 1, 0.5 + level / 2) * finite.std(ddof=1) / np.sqrt(count)
    return Estimate(mean, float(mean - half), float(mean + half), count)


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
    arrays = _arrays(samples, paired)
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
    arrays = _arrays(samples, paired)
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


def _arrays(samples: Sequence[Strata], paired: bool) -> list[list[np.ndarray]]:
    """Scores without NaN: a member without a return has none, and is reported apart; of pairs, both scores go."""
    arrays = [[np.asarray(stratum, dtype=np.float64) for stratum in sample] for sample in samples]
    known = [[~np.isnan(stratum) for stratum in sample] for sample in arrays]
    if paired:
        shapes = [[len(stratum) for stratum in sample] for sample in arrays]
        if any(shape != shapes[0] for shape in shapes):
            raise UserError(
                f"paired samples: strata of {shapes} scores are not allowed; allowed: the same seeds in each"
            )
        known = [[np.logical_and.reduce(column) for column in zip(*known, strict=True)]] * len(arrays)
    return [
        [stratum[where] for stratum, where in zip(sample, wheres, strict=True)]
        for sample, wheres in zip(arrays, known, strict=True)
    ]
