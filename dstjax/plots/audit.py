"""A critic's samples against the true return of its policy."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from dstjax.plots.style import TEXT_WIDTH, caption, legend, line_marks, new_figure, paper_style, save

LEVELS = np.linspace(0.0, 1.0, 41)

Audits = Mapping[str, tuple[Any, Any]]
"""Line label to `SobolevSamples` of critic and truth, NumPy arrays `[members, states, ...]`."""


@paper_style()
def plot_audit(audits: Audits, path: Path, *, gradients: bool) -> Path:
    """Draw mean returns, calibration, and mean action gradients of critics against the truth, a line per method.

    Args:
      audits: samples by line label.
      path: to write; its ending chooses PNG, PDF or SVG.
      gradients: whether the samples carry gradients.

    Returns:
      The path.
    """
    figure = new_figure(TEXT_WIDTH * (2 + gradients) / 3, 3.0)
    axes = figure.subplots(1, 2 + gradients)
    for label, mark in line_marks(list(audits)).items():
        drawn, true = audits[label]
        color = mark["color"]
        _scatter(axes[0], true.value.mean(-1), drawn.value.mean(-1), color)
        axes[1].plot(LEVELS, reliability(drawn.value, true.value), label=label, **mark)
        if gradients:
            _scatter(axes[2], true.daction.mean(-2), drawn.daction.mean(-2), color)
    axes[0].set(title="mean return", xlabel="true", ylabel="critic")
    axes[1].set(title="calibration", xlabel="level of the critic's quantile", ylabel="true returns below (share)")
    if gradients:
        axes[2].set(title="mean action gradient", xlabel="true", ylabel="critic")
    axes[1].set(xlim=(-0.02, 1.02), ylim=(-0.02, 1.02))
    for axis in (axes[0], *axes[2:]):
        _same_limits(axis)
    for axis in axes:
        axis.set_box_aspect(1)
        axis.axline((0, 0), slope=1, color="0.6", linewidth=0.8, zorder=0)
    legend(figure, *axes[1].get_legend_handles_labels())
    caption(
        figure,
        "On the grey line the critic is right. Dots: states that the policy visits, of all members; gradients: each "
        "coordinate of them. Up to 2 % of the values lie outside.",
    )
    return save(figure, path, dpi=200)


def reliability(drawn: np.ndarray, true: np.ndarray) -> np.ndarray:
    """Share of true returns below each quantile of the critic's samples; the diagonal where the critic is calibrated.

    Args:
      drawn: `[..., N]` the critic's samples.
      true: `[..., M]` true returns.

    Returns:
      Of the levels `LEVELS`, averaged over the leading axes.
    """
    quantiles = np.quantile(drawn, LEVELS, axis=-1)
    # A return equal to the quantile counts half: a point critic's quantiles are all one number.
    below = (true < quantiles[..., None]) + 0.5 * (true == quantiles[..., None])
    return below.mean(axis=tuple(range(1, below.ndim)))


def _scatter(axis: Any, x: np.ndarray, y: np.ndarray, color: str) -> None:
    axis.plot(x.reshape(-1), y.reshape(-1), "o", color=color, alpha=0.45, mew=0)


def _same_limits(axis: Any) -> None:
    """One scale for truth and critic, so that the diagonal is one; a few values far out do not set it."""
    values = np.concatenate([line.get_xydata() for line in axis.get_lines()])
    low, high = np.percentile(values[np.isfinite(values)], [1, 99])
    margin = 0.1 * (high - low) or 1.0
    limits = (low - margin, high + margin)
    axis.set(xlim=limits, ylim=limits)
