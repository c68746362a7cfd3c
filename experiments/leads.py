"""How far a method is ahead of the others, panel by panel, on the same seeds."""

from collections.abc import Sequence

import numpy as np

from dstjax.report.words import estimate_text
from dstjax.runs import Row
from dstjax.stats import (
    area_under_curve,
    bootstrap,
    curve,
    groups,
    mean_difference,
    mean_interval,
    paired_scores,
    probability_of_improvement,
    saving,
    spread_ratio,
    steps_to_threshold,
)
from dstjax.stats.comparison import IN_A_ROW, TARGET, scales
from experiments import common

LEGEND = f"""
Ahead of the others on the same seeds [95 % interval]: difference of means, at the end and over training, and share of
interactions saved until {TARGET:.0%} of the way from the first evaluations to the best method's last (all three paired,
Student); probability of improvement, and spread across seeds over the other's (both bootstrap, too narrow below about
ten seeds). A member gets there with {IN_A_ROW} evaluations in a row; one that does not counts as its whole budget (in
brackets how many do).
"""
HEADER = ("against", "seeds", "ahead by", "over training", "P(better)", "saved", "spread ratio")


def comparisons(rows: Sequence[Row], first: str) -> list[list[str]]:
    """A line per panel and other method: the panel, then the columns of `HEADER`."""
    lines, scale = [], scales(rows)
    for panel, found in groups(rows).items():
        for other, part in found.items():
            if other == first or first not in found:
                continue
            ours, theirs = paired_scores(found[first], part)
            mine, its = curve(found[first]), curve(part)
            threshold = scale[panel][0] + TARGET * (scale[panel][1] - scale[panel][0])
            mine_to, its_to = (steps_to_threshold(c.steps, c.members, threshold, IN_A_ROW) for c in (mine, its))
            paired = mine.seeds == its.seeds
            areas = [area_under_curve(c.steps, c.members) for c in (mine, its)]
            saved = saving(mine_to, its_to, float(mine.steps[-1])) if paired else mean_interval([])
            lines.append(
                [
                    panel, other, str(len(ours)),
                    estimate_text(mean_difference([ours], [theirs], paired=True)),
                    estimate_text(mean_difference(*([area] for area in areas), paired=paired)),
                    estimate_text(bootstrap(probability_of_improvement, [ours], [theirs])),
                    f"{estimate_text(saved)} ({np.isfinite(mine_to).sum()}, {np.isfinite(its_to).sum()})",
                    estimate_text(bootstrap(spread_ratio, [ours], [theirs], paired=True)),
                ]
            )  # fmt: skip
    return lines


def sections(rows: Sequence[Row], leads: Sequence[str], panel: str) -> str:
    """The legend, and a table for each of `leads` that has rows; `panel` heads the first column."""
    methods = {row["method"] for row in rows}
    tables = (
        f"### {name} against\n\n{common.markdown([panel, *HEADER], comparisons(rows, name), 2)}\n"
        for name in leads
        if name in methods
    )
    return "\n".join([LEGEND, *tables])
