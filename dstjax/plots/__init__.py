"""Figures for papers, with Matplotlib: PNG, PDF or SVG by the file's ending."""

from dstjax.plots.audit import plot_audit, reliability
from dstjax.plots.curves import plot_curves
from dstjax.plots.style import COLORS, FORMATS, line_marks, new_figure, save
from dstjax.plots.summary import plot_final, plot_profile

__all__ = [
    "COLORS",
    "FORMATS",
    "line_marks",
    "new_figure",
    "plot_audit",
    "plot_curves",
    "plot_final",
    "plot_profile",
    "reliability",
    "save",
]
