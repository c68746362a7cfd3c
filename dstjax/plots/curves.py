"""Return against environment steps."""

import math
import textwrap
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from dstjax.plots.style import TEXT_WIDTH, caption, legend, line_marks, new_figure, paper_style, save, steps_axis
from dstjax.runs import Row
from dstjax.stats import LEVEL, MIN_SEEDS, Curve, curve, groups

COLUMNS = 3
"""Panels side by side at most, where there is one task; several tasks have a line each."""
DOTTED = 25
"""Evaluations up to which each has a dot."""


@paper_style()
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
    figure = new_figure(max(TEXT_WIDTH * min(width, COLUMNS) / COLUMNS, 3.4, 1.9 * width), 0.9 + 1.9 * len(lines))
    share = "all" if len({_task(panel) for panel in panels.values()}) == 1 else "row"
    axes = figure.subplots(len(lines), width, sharex=share, sharey=share, squeeze=False)
    marks = line_marks([label for panel in panels.values() for label in panel])
    counts: dict[str, set[int]] = {}
    for places, names in zip(axes, lines, strict=True):
        for axis, name in zip(places, names, strict=False):
            for label, part in panels[name].items():
                drawn = curve(part)
                counts.setdefault(label, set()).add(drawn.count)
                _draw(axis, drawn, marks[label])
            axis.set_title(textwrap.fill(name.removeprefix(f"{_task(panels[name])}, "), 26))
            steps_axis(axis)
        places[0].set_ylabel(f"{_task(panels[names[0]])}\nevaluation return")
        _limit(places[0], [panels[name] for line in (lines if share == "all" else [names]) for name in line])
        for axis in places[len(names) :]:
            axis.set_visible(False)
    for column in axes.T:
        last = [axis for axis in column if axis.get_visible()][-1]
        last.tick_params(labelbottom=True)
        last.set_xlabel("environment steps")
    _legend(figure, marks, counts)
    caption(
        figure, f"Line: mean over n seeds. Band: {LEVEL:.0%} Student interval; below {MIN_SEEDS} seeds, their range."
    )
    return save(figure, path, dpi=200)


def _arrange(panels: dict[str, dict[str, list[Row]]]) -> list[list[str]]:
    """Names of the panels, line by line."""
    by_task: dict[str, list[str]] = {}
    for name, panel in panels.items():
        by_task.setdefault(_task(panel), []).append(name)
    if len(by_task) > 1:
        return list(by_task.values())
    names, lines = list(panels), math.ceil(len(panels) / COLUMNS)
    columns = math.ceil(len(names) / lines)  # Four panels make a square, not a line of three and one below.
    return [names[columns * line : columns * (line + 1)] for line in range(lines)]


def _task(panel: dict[str, list[Row]]) -> str:
    return next(iter(panel.values()))[0]["env"]


def _draw(axis: Any, drawn: Curve, mark: dict[str, Any]) -> None:
    for member in drawn.members if drawn.count > 1 else ():
        axis.plot(drawn.steps, member, color=mark["color"], linewidth=0.4, alpha=0.5)
    axis.fill_between(drawn.steps, *drawn.band(), color=mark["color"], alpha=0.15, linewidth=0)
    axis.plot(drawn.steps, drawn.mean(), marker="o" if len(drawn.steps) <= DOTTED else None, **mark)


def _limit(axis: Any, panels: Sequence[dict[str, list[Row]]]) -> None:
    values = [row["eval/return"] for panel in panels for rows in panel.values() for row in rows]
    finite = [value for value in values if value is not None and math.isfinite(value)]
    if finite:
        margin = 0.08 * max(max(finite) - min(finite), 1e-3)
        axis.set_ylim(min(finite) - margin, max(finite) + margin)


def _legend(figure: Any, marks: Mapping[str, dict[str, Any]], counts: Mapping[str, set[int]]) -> None:
    """One for all panels; the seeds of a line may differ between them."""
    from matplotlib.lines import Line2D

    ends = {label: sorted({min(found), max(found)}) for label, found in counts.items()}
    texts = [f"{label} (n = {' to '.join(map(str, ends[label]))})" for label in marks]
    legend(figure, [Line2D([], [], **mark) for mark in marks.values()], texts)
