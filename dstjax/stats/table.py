"""From rows of `metrics.jsonl` to arrays: cells of the comparison, curves, final and paired scores."""

import dataclasses
from collections.abc import Iterable, Sequence

import numpy as np

from dstjax.runs import Row, line_label, noise_label
from dstjax.stats.intervals import Estimate, mean_interval

MIN_SEEDS = 4
"""Fewest seeds for which a band is an interval of the mean; below, Student's is wider than any figure."""


@dataclasses.dataclass(frozen=True)
class Curve:
    """A metric against environment steps of one group of members.

    Attributes:
      steps: `[T]` environment steps per member.
      estimates: `[T]` mean over the members that have a value, with Student's interval.
      members: `[R, T]`, a row per member, NaN where it has no value.
      seeds: of the members.
    """

    steps: np.ndarray
    estimates: list[Estimate]
    members: np.ndarray
    seeds: list[int]

    @property
    def count(self) -> int:
        """Most members that have a value at one step."""
        return max(estimate.count for estimate in self.estimates)

    def mean(self) -> np.ndarray:
        """`[T]` mean over members."""
        return np.array([estimate.value for estimate in self.estimates])

    def band(self) -> tuple[np.ndarray, np.ndarray]:
        """`[T]` ends of the interval of the mean; below `MIN_SEEDS` members the range of the members instead."""
        if 1 < self.count < MIN_SEEDS:
            empty = np.isnan(self.members).all(axis=0)
            low, high = (
                np.where(empty, np.nan, bound(np.where(np.isnan(self.members), fill, self.members), axis=0))
                for bound, fill in ((np.min, np.inf), (np.max, -np.inf))
            )
            return low, high
        return np.array([e.low for e in self.estimates]), np.array([e.high for e in self.estimates])


def groups(rows: Iterable[Row]) -> dict[str, dict[str, list[Row]]]:
    """Sort rows by task and noise level, and by method.

    Args:
      rows: of `metrics.jsonl`.

    Returns:
      Rows by panel and then by line label, in the order in which they first appear. A panel is a noise level, with the
      task before it where there are several.
    """
    rows = list(rows)
    several = len({row["env"] for row in rows}) > 1
    found: dict[str, dict[str, list[Row]]] = {}
    for row in rows:
        panel = f"{row['env']}, {noise_label(row)}" if several else noise_label(row)
        found.setdefault(panel, {}).setdefault(line_label(row), []).append(row)
    return found


def curve(rows: Sequence[Row], metric: str = "eval/return") -> Curve:
    """Mean and interval over members at each step.

    Args:
      rows: of one group; steps that not every member has reached are kept.
      metric: name of the metric.

    Returns:
      The curve.
    """
    steps = sorted({row["step"] for row in rows})
    seeds = {row["member"]: row["seed"] for row in sorted(rows, key=lambda row: row["member"])}
    column, line = ({key: index for index, key in enumerate(keys)} for keys in (steps, seeds))
    table = np.full((len(seeds), len(steps)), np.nan)
    for row in rows:
        value = row.get(metric)
        table[line[row["member"]], column[row["step"]]] = np.nan if value is None else value
    return Curve(np.asarray(steps), [mean_interval(values) for values in table.T], table, list(seeds.values()))


def last_rows(rows: Iterable[Row]) -> list[Row]:
    """The last row of each member.

    Args:
      rows: of `metrics.jsonl`, in order.

    Returns:
      One row per member.
    """
    return list({row["member"]: row for row in rows}.values())


def paired_scores(
    ours: Sequence[Row], other: Sequence[Row], metric: str = "eval/return"
) -> tuple[np.ndarray, np.ndarray]:
    """Last scores of two methods on the seeds that both have.

    Args:
      ours: rows of one method in one panel.
      other: rows of another in the same panel.
      metric: name of the metric.

    Returns:
      Two arrays `[R]` of the same seeds in the same order; members without a finite score are left out.
    """
    mine, theirs = (
        {row["seed"]: row[metric] for row in last_rows(rows) if row.get(metric) is not None} for rows in (ours, other)
    )
    shared = sorted(mine.keys() & theirs.keys())
    return np.array([mine[seed] for seed in shared]), np.array([theirs[seed] for seed in shared])
