"""Return against environment steps."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from dstjax.plots.style import line_marks, new_figure, save
from dstjax.runs import Row
from dstjax.stats import LEVEL, MIN_SEEDS, Curve, curve, groups

COLUMNS = 3
"""Panels side by side at most, where there is one task; several tasks have a line each."""


def plot_curves(rows: Sequence[Row], path: Path) -> Path:
    """Draw return against environment steps: a panel per task and noise level, a line per method with its interval.

    Below `MIN_SEEDS` seeds Student's interval is wider than any figure; there the band is the range of the seeds.
    Single members are thin lines. The axes of a task are shared, and follow the members and not the bands.

    Args:
      rows: of one or several runs' `metrics.jsonl`.
      path: to write; its ending chooses PNG, PDF or SVG.

    Returns:
      The path.
    """
    panels = groups(rows)
    lines = _arrange(panels)
    width = max(map(len, lines))
    figure = new_figure(1.2 + 4.3 * width, 1.2 + 3.1 * len(lines))
    share = "all" if len({_task(panel) for panel in panels.values()}) == 1 else "row"
    axes = figure.subplots(len(lines), width, sharex=share, sharey=share, squeeze=False)
    marks = line_marks([label for panel in panels.values() for label in panel])
    for places, names in zip(axes, lines, strict=True):
        for axis, name in zip(places, names, strict=False):
            for label, part in panels[name].items():
                _draw(axis, curve(part), label, marks[label])
            axis.set_title(name)
            axis.grid(alpha=0.3, linewidth=0.6)
            axis.legend(loc="best", fontsize=8, framealpha=0.7)
        _limit(places[0], [panels[name] for line in (lines if share == "all" else [names]) for name in line])
        for axis in places[len(names) :]:
            axis.set_visible(False)
    for column in axes.T:
        [axis for axis in column if axis.get_visible()][-1].tick_params(labelbottom=True)
    _label(figure, rows)
    return save(figure, path)


def _arrange(panels: dict[str, dict[str, list[Row]]]) -> list[list[str]]:
    """Names of the panels, line by line."""
    by_task: dict[str, list[str]] = {}
    for name, panel in panels.items():
        by_task.setdefault(_task(panel), []).append(name)
    if len(by_task) > 1:
        return list(by_task.values())
    names = list(panels)
    columns = min(len(names), COLUMNS)
    return [names[columns * line : columns * (line + 1)] for line in range(math.ceil(len(names) / columns))]


def _task(panel: dict[str, list[Row]]) -> str:
    return next(iter(panel.values()))[0]["env"]


def _draw(axis: Any, drawn: Curve, label: str, mark: dict[str, Any]) -> None:
    for member in drawn.members if drawn.count > 1 else ():
        axis.plot(drawn.steps, member, color=mark["color"], linewidth=0.6, alpha=0.4)
    axis.fill_between(drawn.steps, *drawn.band(), color=mark["color"], alpha=0.15, linewidth=0)
    label = f"{label} (n={drawn.count})"
    axis.plot(drawn.steps, drawn.mean(), label=label, linewidth=2, marker="o", markersize=3, **mark)


def _limit(axis: Any, panels: Sequence[dict[str, list[Row]]]) -> None:
    values = [row["eval/return"] for panel in panels for rows in panel.values() for row in rows]
    finite = [value for value in values if value is not None and math.isfinite(value)]
    if finite:
        margin = 0.08 * max(max(finite) - min(finite), 1e-3)
        axis.set_ylim(min(finite) - margin, max(finite) + margin)


def _label(figure: Any, rows: Sequence[Row]) -> None:
    tasks = ", ".join(dict.fromkeys(row["env"] for row in rows))
    figure.suptitle(f"{tasks}: evaluation return of the deterministic policy")
    band = f"band: {LEVEL:.0%} Student interval of the mean, or below {MIN_SEEDS} seeds their range"
    figure.supxlabel(f"environment steps per member\nthick line: mean over n seeds; {band}", fontsize=9)
    figure.supylabel("return (sum of rewards per episode)", fontsize=9)
