"""Learning curves with Plotly: a panel for each task and noise level, a line over its band for each method."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from dstjax.runs import Row
from dstjax.stats import Curve, curve, groups
from dstjax.stats.comparison import lines_of

COLORS = ("#2a86d1", "#e06c1f", "#12a37f", "#c767a5", "#8577f0", "#c29100", "#d64550", "#6b7c93")
"""Readable on white and on near-black; hues in the order of Okabe and Ito's palette."""
DASHES = ("solid", "dash", "dot", "dashdot")
POINTS = 300
"""Evaluations drawn of a curve at most: more than a panel has pixels for only make the page slow."""


def marks(rows: Sequence[Row]) -> dict[str, tuple[str, str]]:
    """Colour and dash of every line.

    Args:
      rows: of the runs.

    Returns:
      The pair by line label, in the order in which lines appear.
    """
    return {
        label: (COLORS[index % len(COLORS)], DASHES[index // len(COLORS) % len(DASHES)])
        for index, label in enumerate(lines_of(rows))
    }


def curve_panels(rows: Sequence[Row], metrics: Sequence[str]) -> list[dict[str, Any]]:
    """Traces of every panel and metric against environment steps.

    Args:
      rows: of the runs.
      metrics: names.

    Returns:
      For each panel its `title`, its `task` and `traces` by metric, as plain data for Plotly.
    """
    style = marks(rows)
    return [
        {
            "title": panel,
            "task": next(iter(lines.values()))[0]["env"],
            "traces": {
                metric: [
                    trace
                    for label, part in lines.items()
                    for trace in _traces(curve(part, metric), label, style[label])
                ]
                for metric in metrics
            },
        }
        for panel, lines in groups(rows).items()
    ]


def _traces(drawn: Curve, label: str, mark: tuple[str, str]) -> list[dict[str, Any]]:
    """A line of means over its band; the band is one closed outline, so that the legend switches two traces a line."""
    keep = np.unique(np.linspace(0, len(drawn.steps) - 1, POINTS).astype(int))
    steps, mean = drawn.steps[keep], drawn.mean()[keep]
    low, high = (end[keep] for end in drawn.band())
    inside = np.isfinite(low) & np.isfinite(high)
    outline = [*steps[inside], *steps[inside][::-1]], [*high[inside], *low[inside][::-1]]
    color, dash = mark
    count = f"{drawn.count} seed{'s' if drawn.count != 1 else ''}"
    return [
        {
            "type": "scatter", "x": _plain(outline[0]), "y": _plain(outline[1]), "fill": "toself", "mode": "lines",
            "fillcolor": fill(color, 0.18), "line": {"width": 0}, "hoverinfo": "skip", "name": label,
        },
        {
            "type": "scatter", "x": _plain(steps), "y": _plain(mean), "mode": "lines+markers", "name": label,
            "line": {"color": color, "width": 2.5, "dash": dash}, "marker": {"size": 5 if len(steps) < 40 else 1},
            "customdata": [interval_words(a, b) for a, b in zip(low, high, strict=True)],
            "hovertemplate": f"<b>{label}</b> %{{y:.4g}}%{{customdata}} ({count})<extra></extra>",
        },
    ]  # fmt: skip


def interval_words(low: float, high: float) -> str:
    """An interval behind a value.

    Args:
      low: lower end.
      high: upper end.

    Returns:
      For instance ` [1.5, 2]`; empty where there is none.
    """
    return "" if np.isnan(low) or np.isnan(high) else f" [{low:.4g}, {high:.4g}]"


def fill(color: str, opacity: float) -> str:
    """A translucent colour.

    Args:
      color: as `#rrggbb`.
      opacity: in `[0, 1]`.

    Returns:
      In CSS.
    """
    return f"rgba({', '.join(str(int(color[at : at + 2], 16)) for at in (1, 3, 5))}, {opacity})"


def _plain(values: Any) -> list[float | None]:
    """Five digits are more than a screen shows; JSON has no NaN."""
    return [float(f"{value:.5g}") if np.isfinite(value) else None for value in np.asarray(values, float)]
