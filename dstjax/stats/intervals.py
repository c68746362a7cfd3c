"""Estimates with Student's intervals: of a mean, of a difference of means, of a ratio of means."""

import dataclasses
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from scipy.special import stdtrit

from dstjax.errors import UserError

LEVEL = 0.95
INTERVAL = "95 % interval of the mean, Student t over seeds"

Strata = Sequence[npt.ArrayLike]
"""One array of scores per task and noise level, a score per seed; lengths may differ."""


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
    mean = float(finite.mean()) if len(finite) else float("nan")
    return student(mean, [finite], level)


def mean_difference(ours: Strata, other: Strata, *, paired: bool = False, level: float = LEVEL) -> Estimate:
    r"""Difference of means, averaged over the strata, with Student's interval.

    With `d_p` the mean difference in stratum `p` of `K` and `v_p` its squared standard error, the estimate is
    `sum_p d_p / K` and its half width `t_nu sqrt(sum_p v_p) / K`, where Welch and Satterthwaite's
    `nu = (sum_p v_p)^2 / sum_p v_p^2 / (n_p - 1)`. A bootstrap of five seeds a stratum has four fifths of the variance,
    and is too narrow however many strata there are.

    Args:
      ours: scores of one method.
      other: of another.
      paired: whether both share their seeds, position by position.
      level: of confidence.

    Returns:
      The estimate; no interval where a stratum has one score alone.

    Raises:
      UserError: if paired samples have unequal strata.
    """
    mine, theirs = complete([ours, other], paired)
    value = float(np.mean([x.mean() - y.mean() for x, y in zip(mine, theirs, strict=True)]))
    parts = [x - y for x, y in zip(mine, theirs, strict=True)] if paired else [*mine, *theirs]
    return dataclasses.replace(student(value, parts, level, len(mine)), count=sum(map(len, mine)))


def student(value: float, parts: Sequence[np.ndarray], level: float = LEVEL, divisor: float = 1.0) -> Estimate:
    """An estimate that sums the means of independent samples over `divisor`, with Welch and Satterthwaite's interval.

    Args:
      value: the estimate.
      parts: the samples.
      level: of confidence.
      divisor: of the sum.

    Returns:
      `value` with its interval; without one where a sample has fewer than two values.
    """
    count = sum(map(len, parts))
    if min(map(len, parts), default=0) < 2:
        return Estimate(value, float("nan"), float("nan"), count)
    squares = np.array([part.var(ddof=1) / len(part) for part in parts])
    freedom = np.array([len(part) - 1 for part in parts])
    total = squares.sum()
    degrees = total**2 / (squares**2 / freedom).sum() if total else np.inf
    half = float(stdtrit(degrees, 0.5 + level / 2) * np.sqrt(total) / divisor)
    return Estimate(value, value - half, value + half, count)


def complete(samples: Sequence[Strata], paired: bool) -> list[list[np.ndarray]]:
    """Scores without NaN: a member without a return has none, and is reported apart; of pairs, both scores go.

    Args:
      samples: scores of each method.
      paired: whether the methods share their seeds, position by position.

    Returns:
      For each sample its strata.

    Raises:
      UserError: if paired samples have unequal strata, or a number is in the place of a stratum.
    """
    arrays = [[np.asarray(stratum, dtype=np.float64) for stratum in sample] for sample in samples]
    if any(stratum.ndim == 0 for sample in arrays for stratum in sample):
        raise UserError("strata: a number in place of a stratum; allowed: a list of arrays of scores, one per panel")
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
