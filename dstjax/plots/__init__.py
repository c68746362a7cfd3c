"""Figures for papers, with Matplotlib: PNG, PDF or SVG by the file's ending."""

from dstjax.plots.audit import plot_audit, reliability
from dstjax.plots.curves import plot_curves
from dstjax.plots.strip import plot_strips
from dstjax.plots.style import COLORS, FORMATS, TEXT_WIDTH, line_marks, new_figure, paper_style, save
from dstjax.plots.summary import plot_final, plot_profile

__all__ = [
    "COLORS",
    "FORMATS",
    "TEXT_WIDTH",
    "line_marks",
    "new_figure",
    "paper_style",
    "plot_audit",
    "plot_curves",
    "plot_final",
    "plot_profile",
    "plot_strips",
    "reliability",
    "save",
]
