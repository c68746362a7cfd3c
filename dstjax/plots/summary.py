"""Last returns of methods side by side, and their performance profiles."""

import textwrap
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from dstjax.plots.style import line_marks, new_figure, save
from dstjax.runs import Row
from dstjax.stats import (
    INTERVAL,
    bootstrap_replicates,
    mean_interval,
    percentile_interval,
    performance_profile,
)
from dstjax.stats.comparison import NORMALISATION, final_scores, lines_of, normalised_scores


def plot_final(rows: Sequence[Row], path: Path) -> Path:
    """Draw the last returns: a group per task and noise level, a method's mean with its interval, seeds as dots.

    Args:
      rows: of one or several runs.
      path: to write; its ending chooses PNG, PDF or SVG.

    Returns:
      The path.
    """
    cells, lines = final_scores(rows), lines_of(rows)
    marks, step = line_marks(lines), 0.8 / len(lines)
    figure = new_figure(2.5 + 0.28 * len(cells) * (len(lines) + 1), 4.2)
    axis = figure.subplots()
    for number, line in enumerate(lines):
        color = marks[line]["color"]
        for group, (panel, found) in enumerate(cells.items()):
            scores, place = found.get(line, np.array([])), group + (number - (len(lines) - 1) / 2) * step
            estimate = mean_interval(scores)
            axis.plot(np.full(len(scores), place), scores, ".", color=color, alpha=0.4, markersize=5)
            ends = [[estimate.value - estimate.low], [estimate.high - estimate.value]]
            label = line if panel == next(iter(cells)) else None
            axis.errorbar(place, estimate.value, np.nan_to_num(ends), fmt="o", color=color, label=label, capsize=2)
    finite = np.concatenate([scores for found in cells.values() for scores in found.values()])
    if len(finite):
        margin = 0.08 * (finite.max() - finite.min()) or 1.0
        axis.set_ylim(finite.min() - margin, finite.max() + margin)
    axis.set_xticks(range(len(cells)), [textwrap.fill(panel, 18) for panel in cells], fontsize=8)
    axis.set_xlim(-0.5, len(cells) - 0.5)
    axis.grid(axis="y", alpha=0.3, linewidth=0.6)
    axis.set_ylabel("return at the last evaluation\n(sum of rewards per episode)")
    figure.legend(fontsize=8, loc="outside upper center", ncols=min(len(lines), 5))
    _caption(figure, f"Dots: seeds. Bars: {INTERVAL}; cut off where they leave the range of the seeds.")
    return save(figure, path)


def plot_profile(rows: Sequence[Row], path: Path) -> Path:
    """Draw performance profiles: the share of runs above each normalised return, with bootstrap bands.

    Args:
      rows: of one or several runs.
      path: to write; its ending chooses PNG, PDF or SVG.

    Returns:
      The path.
    """
    thresholds = np.linspace(0.0, 1.1, 221)
    figure = new_figure(5.6, 4.2)
    axis = figure.subplots()
    marks = line_marks(lines_of(rows))
    for line, strata in normalised_scores(rows).items():
        redrawn = bootstrap_replicates(lambda s: performance_profile(s, thresholds), strata)
        axis.fill_between(
            thresholds, *percentile_interval(redrawn), color=marks[line]["color"], alpha=0.15, linewidth=0
        )
        label = f"{line} (n={sum(map(len, strata))})"
        axis.plot(thresholds, performance_profile(strata, thresholds), label=label, linewidth=2, **marks[line])
    axis.set(xlabel="normalised return τ", ylabel="share of runs above τ", xlim=(0.0, 1.1), ylim=(-0.02, 1.02))
    axis.grid(alpha=0.3, linewidth=0.6)
    axis.legend(fontsize=8, loc="lower left")
    _caption(figure, f"Band: 95 % stratified bootstrap over seeds. Normalisation: {NORMALISATION}.")
    return save(figure, path)


def _caption(figure: object, text: str) -> None:
    width = int(14 * figure.get_figwidth())  # type: ignore[attr-defined]
    figure.supxlabel(textwrap.fill(text, width), fontsize=8)  # type: ignore[attr-defined]
