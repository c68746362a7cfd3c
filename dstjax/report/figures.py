"""The page's figures with Plotly. Colours that depend on the theme are set in the browser, from the page's style."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go

from dstjax.report.curves import COLORS, fill, interval_words, marks
from dstjax.report.words import number
from dstjax.runs import Row
from dstjax.stats import (
    bootstrap,
    bootstrap_replicates,
    mean_interval,
    percentile_interval,
    performance_profile,
    probability_of_improvement,
)
from dstjax.stats.comparison import final_scores, lines_of, normalised_scores

_INK = "#1b2330"
"""Of numbers in cells: dark, on scales that are light all over, so that it reads in both themes."""
_RISING = ["#f1f6fb", "#c3dcf2", "#8fbfe6", "#5aa0dc"]
_AROUND_HALF = ["#f4a582", "#fbdccb", "#f7f7f7", "#cfe3f0", "#92c5de"]


def heat_map(rows: Sequence[Row]) -> go.Figure:
    """Mean return at the last evaluation, method by noise level.

    Args:
      rows: of one task.

    Returns:
      The figure.
    """
    cells, lines = final_scores(rows), lines_of(rows)
    panels = list(cells)
    estimates = [[mean_interval(cells[panel].get(line, ())) for panel in panels] for line in lines]
    values = [estimate.value for row in estimates for estimate in row if estimate.count]
    return _grid(
        [[estimate.value for estimate in row] for row in estimates],
        [[_cell_text(estimate.value) for estimate in row] for row in estimates],
        [
            [f"{interval_words(e.low, e.high)}, {e.count} members with a return" for e in row] for row in estimates
        ],
        panels, lines, _RISING, zmin=min([0.0, *values]), zmax=max([0.0, *values]),
    )  # fmt: skip


def improvement_map(rows: Sequence[Row]) -> go.Figure:
    """Chance that a run of the row's method beats one of the column's, over the panels that both have.

    Args:
      rows: of the runs.

    Returns:
      The figure.
    """
    cells, lines = final_scores(rows), lines_of(rows)

    def compare(ours: str, other: str) -> Any:
        shared = [panel for panel in cells.values() if {ours, other} <= panel.keys()]
        if ours == other or not shared:
            return None
        return bootstrap(probability_of_improvement, [p[ours] for p in shared], [p[other] for p in shared])

    found = [[compare(ours, other) for other in lines] for ours in lines]
    figure = _grid(
        [[None if e is None else e.value for e in row] for row in found],
        [["" if e is None else f"{e.value:.2f}" for e in row] for row in found],
        [["" if e is None else interval_words(e.low, e.high) for e in row] for row in found],
        lines, lines, _AROUND_HALF, zmin=0.0, zmax=1.0,
    )  # fmt: skip
    return figure.update_xaxes(title="beats a run of").update_yaxes(title="a run of")


def profile(rows: Sequence[Row]) -> go.Figure:
    """Share of runs that score above each threshold, with its bootstrap band.

    Args:
      rows: of the runs.

    Returns:
      The figure.
    """
    thresholds = np.linspace(0.0, 1.1, 111)
    figure, style = go.Figure(), marks(rows)
    for line, strata in normalised_scores(rows).items():
        redrawn = bootstrap_replicates(lambda s: performance_profile(s, thresholds), strata, replicates=500)
        low, high = percentile_interval(redrawn)
        color, dash = style[line]
        figure.add_scatter(
            x=[*thresholds, *thresholds[::-1]], y=[*high, *low[::-1]], fill="toself", mode="lines", line={"width": 0},
            fillcolor=fill(color, 0.15), hoverinfo="skip", name=line, showlegend=False, legendgroup=line,
        )  # fmt: skip
        figure.add_scatter(
            x=thresholds, y=performance_profile([np.asarray(s) for s in strata], thresholds), name=line,
            mode="lines", line={"color": color, "width": 2.5, "dash": dash, "shape": "hv"}, legendgroup=line,
            hovertemplate="<b>%{fullData.name}</b>: %{y:.0%} above %{x:.2f}<extra></extra>",
        )  # fmt: skip
    return figure.update_layout(
        xaxis_title="normalised return τ", yaxis_title="share of runs above τ", yaxis_range=[-0.03, 1.03], height=360
    )


def speed(programs: Mapping[str, float]) -> go.Figure:
    """Environment steps per second of each program.

    Args:
      programs: steps per second by name.

    Returns:
      The figure.
    """
    names, values = list(programs), list(programs.values())
    bars = go.Bar(
        x=values, y=names, orientation="h", marker={"color": COLORS[0]}, text=[f"{value:,.0f}" for value in values],
        textposition="auto", hovertemplate="%{y}: %{x:,.0f} steps/s<extra></extra>",
    )  # fmt: skip
    figure = go.Figure(bars).update_yaxes(autorange="reversed")
    return figure.update_layout(xaxis_title="environment steps/s of all members", height=110 + 34 * len(names))


def _grid(
    values: Sequence[Sequence[float | None]], texts: Sequence[Sequence[str]], details: Sequence[Sequence[str]],
    columns: Sequence[str], lines: Sequence[str], scale: Sequence[str], **limits: float,
) -> go.Figure:  # fmt: skip
    heat = go.Heatmap(
        z=[[None if value is None or not np.isfinite(value) else value for value in row] for row in values],
        x=[_wrap(column) for column in columns], y=[_wrap(line) for line in lines], text=texts,
        texttemplate="%{text}", textfont={"size": 14, "color": _INK}, customdata=details,
        hoverongaps=False, xgap=2, ygap=2, colorscale=scale, showscale=False, **limits,
        hovertemplate="%{y}, %{x}<br><b>%{text}</b>%{customdata}<extra></extra>",
    )  # fmt: skip
    axis = {"automargin": True, "showgrid": False, "zeroline": False}
    figure = go.Figure(heat).update_yaxes(autorange="reversed", **axis).update_xaxes(**axis)
    tallest = max(1 + _wrap(line).count("<br>") for line in lines)
    return figure.update_layout(height=150 + max(46, 12 + 17 * tallest) * len(lines))


def _cell_text(value: float) -> str:
    return number(value) if np.isfinite(value) else ""


def _wrap(label: str) -> str:
    return label.replace(", ", "<br>")
