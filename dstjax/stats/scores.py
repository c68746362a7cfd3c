"""Statistics of final scores. Each takes samples as lists of strata `[..., R]`, so that `bootstrap` can redraw them."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from scipy.stats import trim_mean

Arrays = Sequence[np.ndarray]


def interquartile_mean(sample: Arrays) -> np.ndarray:
    """Mean of the middle half of all scores, pooled over strata: less moved by a lucky seed than the mean.

    Args:
      sample: strata `[..., R]`.

    Returns:
      `[...]`.
    """
    return trim_mean(np.concatenate(sample, axis=-1), 0.25, axis=-1)


def spread(sample: Arrays) -> np.ndarray:
    """Standard deviation across seeds, the root of the mean variance of the strata with two seeds or more.

    Args:
      sample: strata `[..., R]`.

    Returns:
      `[...]`; NaN where no stratum has two seeds.
    """
    variances = [stratum.var(axis=-1, ddof=1) for stratum in sample if stratum.shape[-1] > 1]
    return np.sqrt(np.mean(variances, axis=0)) if variances else np.full(sample[0].shape[:-1], np.nan)


def spread_ratio(ours: Arrays, other: Arrays) -> np.ndarray:
    """Spread across seeds of one method over another's; below 1 the first is the steadier.

    Args:
      ours: strata `[..., R]`.
      other: strata `[..., R]`.

    Returns:
      `[...]`; infinite where the other's seeds all agree, 1 where both do.
    """
    mine, theirs = np.asarray(spread(ours)), np.asarray(spread(other))
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where((mine == 0) & (theirs == 0), 1.0, mine / theirs)


def probability_of_improvement(ours: Arrays, other: Arrays) -> np.ndarray:
    """Chance that a run of one method beats a run of another, ties counting half, averaged over strata.

    The Mann-Whitney statistic as a share: 0.5 says that neither is ahead.

    Args:
      ours: strata `[..., R]`.
      other: strata `[..., R']`.

    Returns:
      `[...]`.
    """
    shares = []
    for x, y in zip(ours, other, strict=True):
        gap = x[..., :, None] - y[..., None, :]
        shares.append(((gap > 0) + 0.5 * (gap == 0)).mean(axis=(-2, -1)))
    return np.mean(shares, axis=0)


def performance_profile(sample: Arrays, thresholds: npt.ArrayLike) -> np.ndarray:
    """Share of runs, pooled over strata, that score above each threshold.

    Args:
      sample: strata `[..., R]`.
      thresholds: `[T]`.

    Returns:
      `[..., T]`, falling from 1 to 0.
    """
    scores = np.concatenate(sample, axis=-1)
    return (scores[..., None] > np.asarray(thresholds)).mean(axis=-2)


def normalise(scores: npt.ArrayLike, floor: float, ceiling: float) -> np.ndarray:
    """Scores on a scale on which `floor` is 0 and `ceiling` 1.

    Args:
      scores: of any shape.
      floor: score that becomes 0.
      ceiling: score that becomes 1.

    Returns:
      Of the same shape; all 0 where floor and ceiling are the same.
    """
    array = np.asarray(scores, dtype=np.float64)
    width = ceiling - floor
    return (array - floor) / width if width else np.zeros_like(array)
