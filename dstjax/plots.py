"""Figures from `metrics.jsonl`."""

import itertools
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from dstjax.runs import Row
from dstjax.stats import LEVEL, Curve, curve, groups

COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00", "#000000", "#F0E442")
"""Okabe and Ito's palette, told apart by colour-blind readers too."""
MIN_SEEDS = 4
"""Fewest seeds for which the band is an interval of the mean."""
STYLES = ("-", "--", "-.", ":")
"""A second mark of a line beside its colour."""


def plot_curves(rows: Sequence[Row], path: Path) -> Path:
    """Draw return against environment steps: a panel per noise level, a line per method, its interval over seeds.

    Below `MIN_SEEDS` seeds Student's interval is wider than any figure; there the band is the range of the seeds.
    Single members are thin lines. The axis follows the lines and not the bands.

    Args:
      rows: of one or several runs' `metrics.jsonl`.
      path: of the PNG to write.

    Returns:
      The path.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    panels = groups(rows)
    columns = min(len(panels), 3)
    lines = math.ceil(len(panels) / columns)
    figure = Figure(figsize=(1.2 + 4.3 * columns, 1.2 + 3.1 * lines), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots(lines, columns, sharex=True, sharey=True, squeeze=False)
    marks = _marks([label for panel in panels.values() for label in panel])
    for axis, (noise, panel) in zip(axes.flat, panels.items(), strict=False):
        curves = {label: curve(members) for label, members in panel.items()}
        for label, drawn in curves.items():
            _draw(axis, drawn, label, marks[label])
        axis.set_title(noise)
        axis.grid(alpha=0.3, linewidth=0.6)
    _limit(axes[0, 0], panels)
    for axis in axes.flat[len(panels) :]:
        axis.set_visible(False)
    _label(figure, axes, rows)
    figure.savefig(path, dpi=150)
    return path


def _marks(labels: Sequence[str]) -> dict[str, dict[str, Any]]:
    marks = itertools.cycle(itertools.product(STYLES, COLORS))
    return {
        label: {"color": color, "linestyle": style}
        for label, (style, color) in zip(dict.fromkeys(labels), marks, strict=False)
    }


def _draw(axis: Any, drawn: Curve, label: str, mark: dict[str, Any]) -> None:
    means, lows, highs = (np.asarray([getattr(e, name) for e in drawn.estimates]) for name in ("value", "low", "high"))
    count = max(estimate.count for estimate in drawn.estimates)
    if 1 < count < MIN_SEEDS:
        lows, highs = np.nanmin(drawn.members, axis=0), np.nanmax(drawn.members, axis=0)
    for member in drawn.members if count > 1 else ():
        axis.plot(drawn.steps, member, color=mark["color"], linewidth=0.6, alpha=0.4)
    axis.fill_between(drawn.steps, lows, highs, color=mark["color"], alpha=0.15, linewidth=0)
    axis.plot(drawn.steps, means, label=f"{label} (n={count})", linewidth=2, marker="o", markersize=3, **mark)


def _limit(axis: Any, panels: dict[str, dict[str, list[Row]]]) -> None:
    values = [row["eval/return"] for panel in panels.values() for rows in panel.values() for row in rows]
    finite = [value for value in values if value is not None and math.isfinite(value)]
    if finite:
        margin = 0.08 * max(max(finite) - min(finite), 1e-3)
        axis.set_ylim(min(finite) - margin, max(finite) + margin)


def _label(figure: Any, axes: Any, rows: Sequence[Row]) -> None:
    tasks = ", ".join(dict.fromkeys(row["env"] for row in rows))
    figure.suptitle(f"{tasks}: evaluation return of the deterministic policy")
    band = f"band: {LEVEL:.0%} Student interval of the mean, or below {MIN_SEEDS} seeds their range"
    figure.supxlabel(f"environment steps per member\nthick line: mean over n seeds; {band}", fontsize=9)
    figure.supylabel("return (sum of rewards per episode)", fontsize=9)
    for axis in axes.flat:
        if axis.get_visible():
            axis.legend(loc="best", fontsize=8, framealpha=0.7)
