"""What all figures share: colours, strokes, sizes, file formats."""

import itertools
import textwrap
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00", "#000000", "#882255")
"""Okabe and Ito's palette, told apart by colour-blind readers too; wine for its yellow, which is lost on white."""
STYLES = ("-", "--", "-.", ":")
"""A second mark of a line beside its colour."""
SHAPES = {"-": "o", "--": "s", "-.": "^", ":": "D"}
"""The same of a point, by the style of its line."""
FORMATS = (".png", ".pdf", ".svg")
TEXT_WIDTH = 6.75
"""Inches that the text of a page is wide, with margins; figures are made at the size at which they are printed."""
_PAPER: Any = {
    "font.size": 8, "axes.titlesize": 8, "axes.labelsize": 8, "legend.fontsize": 7.5, "xtick.labelsize": 7,
    "ytick.labelsize": 7, "axes.linewidth": 0.6, "xtick.major.width": 0.6, "ytick.major.width": 0.6,
    "axes.spines.top": False, "axes.spines.right": False, "axes.grid": True, "axes.axisbelow": True,
    "grid.color": "0.9", "grid.linewidth": 0.6, "legend.frameon": False, "lines.linewidth": 1.5, "lines.markersize": 3,
}  # fmt: skip


@contextmanager
def paper_style() -> Iterator[None]:
    """While a figure is drawn, text and strokes have the sizes of a printed page. Also a decorator.

    Returns:
      A context manager.
    """
    import matplotlib

    with matplotlib.rc_context(_PAPER):
        yield


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


def save(figure: Any, path: Path, dpi: int = 150) -> Path:
    """Write a figure; text in a PDF or SVG stays text.

    Args:
      figure: of `new_figure`.
      path: its ending is one of `FORMATS`.
      dpi: pixels per inch of a PNG.

    Returns:
      The path.
    """
    import matplotlib

    with matplotlib.rc_context({"pdf.fonttype": 42, "svg.fonttype": "none"}):
        figure.savefig(path, dpi=dpi)
    return path


def legend(figure: Any, *args: Any) -> None:
    """Put one legend above all panels, in as many columns as fit.

    Args:
      figure: of `new_figure`.
      *args: handles and labels; without them those of the artists.
    """
    figure.legend(*args, loc="outside upper center", ncols=max(2, int(figure.get_figwidth() / 1.5)))


def caption(figure: Any, text: str) -> None:
    """Say below a figure how to read it.

    Args:
      figure: of `new_figure`.
      text: broken into lines as wide as the figure.
    """
    figure.supxlabel(textwrap.fill(text, int(19 * figure.get_figwidth())), fontsize=7, color="0.35")


def steps_axis(axis: Any) -> None:
    """Write environment steps as 500, 20k or 1M.

    Args:
      axis: its x axis counts steps.
    """
    from matplotlib.ticker import EngFormatter, MaxNLocator

    axis.xaxis.set_major_locator(MaxNLocator(5, steps=[1, 2, 2.5, 5, 10]))
    axis.xaxis.set_major_formatter(EngFormatter(sep=""))
