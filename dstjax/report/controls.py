"""The learning curves' part of the page: legend, choice of metric and noise level, and a place for each panel."""

import html
import itertools
from collections.abc import Sequence

from dstjax.report.curves import curve_panels, marks
from dstjax.runs import Row

_PATTERNS = {"solid": "none", "dash": "6 4", "dot": "2 3", "dashdot": "6 3 2 3"}


def controls(rows: Sequence[Row], metrics: Sequence[str]) -> str:
    """What the reader can press above the curves.

    Args:
      rows: of the runs.
      metrics: names to choose from.

    Returns:
      HTML.
    """
    keys = "".join(_key(line, *mark) for line, mark in marks(rows).items())
    options = "".join(f"<option>{html.escape(name)}</option>" for name in metrics)
    last = len(curve_panels(rows, ())) - 1
    hidden = "" if last else " hidden"
    return (
        f"<div class=bar>{keys}</div>"
        f"<div class=bar><label>metric <select id=metric>{options}</select></label>"
        f"<button id=one type=button aria-pressed=false{hidden}>one noise level at a time</button>"
        f'<label id=slider hidden><input id=level type=range min=0 max={last} value=0 aria-label="noise level">'
        "<output id=level-name></output></label></div>"
    )


def facets(rows: Sequence[Row]) -> str:
    """A place for each panel, the tasks one below the other.

    Args:
      rows: of the runs.

    Returns:
      HTML.
    """
    numbered = enumerate(curve_panels(rows, ()))
    blocks = (
        "".join(f"<div id=facet-{i}><h3>{html.escape(p['title'])}</h3>{place(f'panel-{i}')}</div>" for i, p in panels)
        for _, panels in itertools.groupby(numbered, key=lambda item: item[1]["task"])
    )
    return "".join(f"<div class=panels>{block}</div>" for block in blocks)


def place(name: str) -> str:
    """An empty element that the page's script draws into; a figure wider than the screen is scrolled inside it.

    Args:
      name: of the figure.

    Returns:
      HTML.
    """
    return f'<div class=scroll><div id="{html.escape(name)}"></div></div>'


def _key(line: str, color: str, dash: str) -> str:
    stroke = f'stroke="{color}" stroke-width=3 stroke-dasharray="{_PATTERNS[dash]}"'
    return (
        f'<button class=key type=button aria-pressed=true data-line="{html.escape(line)}">'
        f"<svg width=22 height=8><line x1=0 x2=22 y1=4 y2=4 {stroke}/></svg>{html.escape(line)}</button>"
    )
