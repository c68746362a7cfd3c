"""Last returns of methods side by side, and their performance profiles."""

import textwrap
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from dstjax.plots.style import SHAPES, TEXT_WIDTH, caption, legend, line_marks, new_figure, paper_style, save
from dstjax.runs import Row
from dstjax.stats import (
    INTERVAL,
    MIN_SEEDS,
    bootstrap_replicates,
    mean_interval,
    percentile_interval,
    performance_profile,
)
from dstjax.stats.comparison import NORMALISATION, final_scores, lines_of, normalised_scores


@paper_style()
def plot_final(rows: Sequence[Row], path: Path) -> Path:
    """Draw the last returns: a panel per task, a group per noise level, means with intervals, seeds as dots.

    Args:
      rows: of one or several runs.
      path: to write; its ending chooses PNG, PDF or SVG.

    Returns:
      The path.
    """
    tasks = {task: [row for row in rows if row["env"] == task] for task in dict.fromkeys(row["env"] for row in rows)}
    lines = lines_of(rows)
    groups = max(len(final_scores(part)) for part in tasks.values())
    width = 1.0 + 0.2 * groups * (len(lines) + 1)
    figure = new_figure(min(max(3.4, width), TEXT_WIDTH), 0.8 + 2.2 * len(tasks))
    marks = line_marks(lines)
    for axis, (task, part) in zip(figure.subplots(len(tasks), squeeze=False)[:, 0], tasks.items(), strict=True):
        _draw_final(axis, final_scores(part), marks)
        axis.set_ylabel(f"{task}\nreturn at the last evaluation")
    legend(figure, *figure.axes[0].get_legend_handles_labels())
    caption(figure, f"Large marks: means. Dots: seeds. Bars, from {MIN_SEEDS} seeds on: {INTERVAL}.")
    return save(figure, path, dpi=200)


def _draw_final(axis: Any, cells: Mapping[str, Mapping[str, np.ndarray]], marks: Mapping[str, Any]) -> None:
    """One task: `cells` are scores by noise level and line."""
    step = 0.8 / len(marks)
    for number, (line, mark) in enumerate(marks.items()):
        color, first = mark["color"], -0.4 + (number + 0.5) * step
        estimates = [mean_interval(found.get(line, ())) for found in cells.values()]
        for group, found in enumerate(cells.values()):
            scores = found.get(line, np.array([]))
            axis.plot(np.full(len(scores), group + first - 0.2 * step), scores, "o", color=color, alpha=0.5, mew=0)
            if estimates[group].count >= MIN_SEEDS:
                axis.vlines(group + first + 0.15 * step, estimates[group].low, estimates[group].high, color=color)
        places, means = np.arange(len(cells)) + first + 0.15 * step, [e.value for e in estimates]
        axis.plot(places, means, SHAPES[mark["linestyle"]], color=color, markersize=5, label=line)
    axis.set_xticks(range(len(cells)), [textwrap.fill(panel, 18) for panel in cells])
    axis.set_xlim(-0.5, len(cells) - 0.5)
    axis.grid(axis="x", visible=False)


@paper_style()
def plot_profile(rows: Sequence[Row], path: Path) -> Path:
    """Draw performance profiles: the share of runs above each normalised return, with bootstrap bands.

    Args:
      rows: of one or several runs.
      path: to write; its ending chooses PNG, PDF or SVG.

    Returns:
      The path.
    """
    thresholds = np.linspace(0.0, 1.1, 221)
    figure = new_figure(3.4, 3.0)
    axis = figure.subplots()
    marks = line_marks(lines_of(rows))
    for line, strata in normalised_scores(rows).items():
        redrawn = bootstrap_replicates(lambda s: performance_profile(s, thresholds), strata)
        low, high = percentile_interval(redrawn)
        axis.fill_between(thresholds, low, high, step="post", color=marks[line]["color"], alpha=0.15, linewidth=0)
        shares = performance_profile(strata, thresholds)
        axis.step(thresholds, shares, where="post", label=f"{line} (n = {sum(map(len, strata))})", **marks[line])
    axis.set(xlabel="normalised return τ", ylabel="share of runs above τ", xlim=(0.0, 1.1), ylim=(-0.02, 1.02))
    legend(figure)
    caption(figure, f"Band: 95 % stratified bootstrap over seeds. Scale: {NORMALISATION}.")
    return save(figure, path, dpi=200)
