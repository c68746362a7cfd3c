"""Statistics over seeds."""

import dataclasses
from collections.abc import Iterable, Sequence

import numpy as np
import numpy.typing as npt
from scipy.special import stdtrit

from dstjax.runs import Row, line_label, noise_label

LEVEL = 0.95
INTERVAL = "95 % interval of the mean, Student t over seeds"


@dataclasses.dataclass(frozen=True)
class Estimate:
    """A mean and its interval; `low` and `high` are NaN where one value cannot give any."""

    mean: float
    low: float
    high: float
    count: int


@dataclasses.dataclass(frozen=True)
class Curve:
    """Return against environment steps of one group of members.

    Attributes:
      steps: `[T]` environment steps per member.
      estimates: `[T]` over the members that have a value.
      members: one `[T]` array per member, NaN where it has none.
    """

    steps: np.ndarray
    estimates: list[Estimate]
    members: list[np.ndarray]


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


def groups(rows: Iterable[Row]) -> dict[str, dict[str, list[Row]]]:
    """Sort rows by noise level and by method.

    Args:
      rows: of `metrics.jsonl`.

    Returns:
      Rows by noise label and then by line label, in the order in which they first appear.
    """
    found: dict[str, dict[str, list[Row]]] = {}
    for row in rows:
        found.setdefault(noise_label(row), {}).setdefault(line_label(row), []).append(row)
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
    members = sorted({row["member"] for row in rows})
    table = np.full((len(members), len(steps)), np.nan)
    for row in rows:
        value = row.get(metric)
        table[members.index(row["member"]), steps.index(row["step"])] = np.nan if value is None else value
    return Curve(np.asarray(steps), [mean_interval(column) for column in table.T], list(table))


def last_rows(rows: Iterable[Row]) -> list[Row]:
    """The last row of each member.

    Args:
      rows: of `metrics.jsonl`, in order.

    Returns:
      One row per member.
    """
    return list({row["member"]: row for row in rows}.values())
