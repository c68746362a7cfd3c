"""The page's tables of what came out, as headings and cells of text."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from dstjax.report.words import Table, estimate_text, number
from dstjax.runs import Row
from dstjax.stats import (
    area_under_curve,
    bootstrap,
    curve,
    groups,
    interquartile_mean,
    last_rows,
    mean_interval,
    spread,
)
from dstjax.stats.comparison import METRIC, TARGET, interactions, scales


def results(rows: Sequence[Row]) -> Table:
    """Every method in every panel: what its last evaluations amount to.

    Args:
      rows: of the runs.

    Returns:
      Headings and cells.
    """
    heads = ["noise", "method", "mean", "IQM", "spread", "over training", f"steps to {TARGET}", "seeds", "failed"]
    scale = scales(rows)
    return heads, [
        [panel, line, *_scores(part, scale[panel])]
        for panel, lines in groups(rows).items()
        for line, part in lines.items()
    ]


def _scores(rows: Sequence[Row], scale: tuple[float, float]) -> list[str]:
    """The cells of one method in one panel."""
    drawn, last = curve(rows, METRIC), last_rows(rows)
    scores = np.array([row[METRIC] for row in last if row.get(METRIC) is not None])
    area = area_under_curve(drawn.steps, drawn.members)
    found = interactions(rows, scale)
    return [
        estimate_text(mean_interval(scores)),
        estimate_text(bootstrap(interquartile_mean, [scores])) if len(scores) else "–",
        number(float(spread([scores]))) if len(scores) > 1 else "–",
        estimate_text(mean_interval(area)),
        f"{found.restricted.value:,.0f} ({found.reached}/{found.total})",
        str(len(scores)),
        str(sum(bool(trouble(row)) for row in last)),
    ]


def failed_members(rows: Sequence[Row]) -> Table:
    """Members that were frozen or whose last evaluation has no finite return.

    Args:
      rows: of the runs.

    Returns:
      Headings and cells; no cells where all are well.
    """
    found = [(row, trouble(row)) for row in last_rows(rows)]
    return ["member", "method", "seed", "step", "what happened"], [
        [_member(row["member"]), str(row["method"]), str(row["seed"]), f"{row['step']:,}", what]
        for row, what in found
        if what
    ]


def trouble(row: Row) -> str:
    """What is wrong with a member at a row.

    Args:
      row: of `metrics.jsonl`.

    Returns:
      In words; empty where nothing is.
    """
    for name, value in row.items():
        if name.endswith("frozen_step") and value is not None and value >= 0:
            return f"diverged and frozen at step {value:,.0f}"
        if name.endswith("frozen") and value:
            return "diverged and frozen"
    return "" if row.get(METRIC) is not None else "no finite return"


def _member(member: Any) -> str:
    run, index = member
    return f"{index} of run {run + 1}"
