"""Scores of methods side by side, and the scale on which tasks and noise levels are pooled."""

from collections.abc import Sequence

import numpy as np

from dstjax.runs import Row, line_label
from dstjax.stats.learning import Reach, reach, steps_to_threshold
from dstjax.stats.scores import normalise
from dstjax.stats.table import curve, groups, last_rows

METRIC = "eval/return"
TARGET = 0.9
"""Normalised return to which interactions are counted."""
IN_A_ROW = 2
"""Evaluations whose mean must reach it."""
NORMALISATION = (
    "0 is the mean first evaluation of all members of a task and noise level, 1 the highest mean last evaluation of a "
    "method there"
)


def lines_of(rows: Sequence[Row]) -> list[str]:
    """The lines of the comparison.

    Args:
      rows: of the runs.

    Returns:
      Line labels, in the order in which they first appear.
    """
    return list(dict.fromkeys(line_label(row) for row in rows))


def final_scores(rows: Sequence[Row]) -> dict[str, dict[str, np.ndarray]]:
    """Returns at each member's last evaluation.

    Args:
      rows: of the runs.

    Returns:
      Finite returns `[R]` by panel and line.
    """
    return {
        panel: {line: _finite(part) for line, part in lines.items()} for panel, lines in groups(last_rows(rows)).items()
    }


def scales(rows: Sequence[Row]) -> dict[str, tuple[float, float]]:
    """The scale of `NORMALISATION`.

    Args:
      rows: of the runs.

    Returns:
      Returns that become 0 and 1, by panel.
    """
    cells, found = final_scores(rows), {}
    for panel, lines in groups(rows).items():
        firsts = _finite([row for part in lines.values() for row in last_rows(reversed(part))])
        means = [float(scores.mean()) for scores in cells[panel].values() if len(scores)]
        found[panel] = (float(firsts.mean()) if len(firsts) else 0.0, max(means, default=0.0))
    return found


def normalised_scores(rows: Sequence[Row]) -> dict[str, list[np.ndarray]]:
    """Last returns on the scale of `NORMALISATION`.

    Args:
      rows: of the runs.

    Returns:
      Strata by line: one array `[R]` per panel in which the line has a score.
    """
    scale = scales(rows)
    found: dict[str, list[np.ndarray]] = {}
    for panel, lines in final_scores(rows).items():
        for line, scores in lines.items():
            if len(scores):
                found.setdefault(line, []).append(normalise(scores, *scale[panel]))
    return found


def interactions(rows: Sequence[Row], scale: tuple[float, float]) -> Reach:
    """Interactions of a method's members to `TARGET`.

    Args:
      rows: of one method in one panel.
      scale: of the panel, from `scales`.

    Returns:
      The summary.
    """
    drawn = curve(rows, METRIC)
    times = steps_to_threshold(drawn.steps, normalise(drawn.members, *scale), TARGET, IN_A_ROW)
    return reach(times, float(drawn.steps[-1]))


def _finite(rows: Sequence[Row]) -> np.ndarray:
    values = np.array([np.nan if row.get(METRIC) is None else row[METRIC] for row in rows], dtype=np.float64)
    return values[np.isfinite(values)]
