"""What all figures share: colours, strokes, sizes, file formats."""

import itertools
from collections.abc import Sequence
from pathlib import Path
from typing import Any

COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00", "#000000", "#F0E442")
"""Okabe and Ito's palette, told apart by colour-blind readers too."""
STYLES = ("-", "--", "-.", ":")
"""A second mark of a line beside its colour."""
FORMATS = (".png", ".pdf", ".svg")


def line_marks(labels: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Colour and stroke of every line.

    Args:
      labels: of the lines; a label may come more than once.

    Returns:
      Matplotlib's arguments by label, in the order in which labels first appear.
    """
    marks = itertools.cycle(itertools.product(STYLES, COLORS))
    return {
        label: {"color": color, "linestyle": style}
        for label, (style, color) in zip(dict.fromkeys(labels), marks, strict=False)
    }


def new_figure(width: float, height: float) -> Any:
    """A figure that needs no display.

    Args:
      width: in inches.
      height: in inches.

    Returns:
      A Matplotlib figure.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def save(figure: Any, path: Path) -> Path:
    """Write a figure; text in a PDF or SVG stays text.

    Args:
      figure: of `new_figure`.
      path: its ending is one of `FORMATS`.

    Returns:
      The path.
    """
    import matplotlib

    with matplotlib.rc_context({"pdf.fonttype": 42, "svg.fonttype": "none"}):
        figure.savefig(path, dpi=150)
    return path
