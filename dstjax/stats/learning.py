"""Statistics of whole learning curves: area, and interactions to a threshold with runs that never get there.

A run that does not reach the threshold within its budget is *censored*: its number of interactions is only known to be
more than the budget, written as infinity. Means are therefore *restricted*, of `min(interactions, budget)`: a censored
run counts as one that needs exactly the budget, the least it can need.
"""

import dataclasses

import numpy as np
import numpy.typing as npt

from dstjax.stats.intervals import Estimate, complete, mean_interval, student


@dataclasses.dataclass(frozen=True)
class Reach:
    """Interactions to a threshold over seeds.

    Attributes:
      reached: runs that reached it within the budget.
      total: runs.
      median: interactions of the middle run, the later of two; infinite where half of the runs did not reach it.
      restricted: mean of `min(interactions, budget)` with Student's interval; a lower bound of the mean where any run
        is censored.
    """

    reached: int
    total: int
    median: float
    restricted: Estimate


def area_under_curve(steps: npt.ArrayLike, returns: npt.ArrayLike) -> np.ndarray:
    """Mean return over the interactions from the first to the last evaluation, by the trapezoidal rule.

    Args:
      steps: `[T]`, rising.
      returns: `[..., T]`.

    Returns:
      `[...]`, in the unit of the return; with one evaluation, that one.
    """
    steps, returns = np.asarray(steps, dtype=np.float64), np.asarray(returns, dtype=np.float64)
    if len(steps) == 1:
        return returns[..., 0]
    return np.trapezoid(returns, steps, axis=-1) / (steps[-1] - steps[0])


def steps_to_threshold(steps: npt.ArrayLike, returns: npt.ArrayLike, threshold: float, window: int = 1) -> np.ndarray:
    """Interactions after which the mean of the last `window` evaluations first reaches a threshold.

    Args:
      steps: `[T]`, rising.
      returns: `[R, T]`, a row per run; evaluations without a value are NaN and reach nothing.
      threshold: return to reach.
      window: evaluations averaged, so that one lucky evaluation counts less.

    Returns:
      `[R]`; infinity where a run is censored.
    """
    steps, returns = np.asarray(steps, dtype=np.float64), np.atleast_2d(np.asarray(returns, dtype=np.float64))
    if window > returns.shape[1]:
        return np.full(len(returns), np.inf)
    means = np.lib.stride_tricks.sliding_window_view(returns, window, axis=1).mean(axis=-1)
    above = means >= threshold
    first = steps[window - 1 :][above.argmax(axis=1)]
    return np.where(above.any(axis=1), first, np.inf)


def reach(interactions: npt.ArrayLike, budget: float) -> Reach:
    """Summary of interactions to a threshold.

    Args:
      interactions: `[R]` from `steps_to_threshold`.
      budget: interactions that every run had.

    Returns:
      The summary.
    """
    times = np.asarray(interactions, dtype=np.float64)
    ordered = np.sort(times)
    restricted = mean_interval(np.minimum(times, budget))
    return Reach(int(np.isfinite(times).sum()), len(times), float(ordered[len(ordered) // 2]), restricted)


def saving(ours: npt.ArrayLike, other: npt.ArrayLike, budget: float) -> Estimate:
    r"""Share of the other method's interactions that ours does without, `1 - q`, `q = E[min(T, b)] / E[min(T', b)]`.

    Pairs runs by seed. The half width is `t_{n-1} s / (sqrt(n) E[min(T', b)])`, with `s` the standard deviation of
    `min(T, b) - q min(T', b)` (delta method). Where only the other method has censored runs the true saving is at least
    this; where only ours has, at most; state both counts beside it.

    Args:
      ours: `[R]` interactions to the threshold.
      other: `[R]` the other method's, on the same seeds.
      budget: interactions that every run had.

    Returns:
      The share; negative where ours needs more.
    """
    capped = [[np.minimum(np.asarray(times, dtype=np.float64), budget)] for times in (ours, other)]
    (mine,), (theirs,) = complete(capped, paired=True)
    ratio = float(mine.mean() / theirs.mean())
    return student(1.0 - ratio, [mine - ratio * theirs], divisor=float(theirs.mean()))
