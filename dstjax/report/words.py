"""Numbers, estimates and tables in words and HTML."""

import html
import math
from collections.abc import Sequence

from dstjax.stats import Estimate

Table = tuple[list[str], list[list[str]]]
"""Headings, and rows of cells."""


def html_table(table: Table, text_columns: int = 1) -> str:
    """A table in HTML; everything in it is escaped.

    Args:
      table: headings and cells.
      text_columns: columns from the left that hold words; the others are numbers, set to the right.

    Returns:
      HTML.
    """
    heads, rows = table

    def line(cells: Sequence[str], tag: str) -> str:
        return "".join(
            f"<{tag}{'' if index < text_columns else ' class=number'}>{html.escape(cell)}</{tag}>"
            for index, cell in enumerate(cells)
        )

    body = "\n".join(f"<tr>{line(cells, 'td')}</tr>" for cells in rows)
    return f"<div class=scroll><table><thead><tr>{line(heads, 'th')}</tr></thead>\n<tbody>{body}</tbody></table></div>"


def estimate_text(estimate: Estimate) -> str:
    """An estimate with its interval.

    Args:
      estimate: to show.

    Returns:
      For instance `812 [640, 950]`.
    """
    if math.isnan(estimate.value):
        return "–"
    if math.isnan(estimate.low):
        return number(estimate.value)
    return f"{number(estimate.value)} [{number(estimate.low)}, {number(estimate.high)}]"


def number(value: float) -> str:
    """A number as a table shows it.

    Args:
      value: finite or not.

    Returns:
      Whole from 100 on and below a hundred million, else three digits.
    """
    return f"{value:,.0f}" if 100 <= abs(value) < 1e8 else f"{value:.3g}"


def clock(seconds: float) -> str:
    """A duration.

    Args:
      seconds: at least 0.

    Returns:
      For instance `2 h 05 min`, `3 min 07 s` or `12 s`.
    """
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02} min" if hours else f"{minutes} min {rest:02} s" if minutes else f"{rest} s"
