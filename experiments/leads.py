"""How far a method is ahead of the others, panel by panel, on the same seeds."""

import dataclasses
from collections.abc import Sequence

import numpy as np

from dstjax.report.words import estimate_text
from dstjax.runs import Row
from dstjax.stats import (
    Estimate,
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
ten seeds). A member gets there when the mean of {IN_A_ROW} evaluations in a row does; one that never does counts as its
whole budget (in brackets how many do).
"""
HEADER = ("against", "seeds", "ahead by", "over training", "P(better)", "saved", "spread ratio")


@dataclasses.dataclass(frozen=True)
class Lead:
    """How far one method's members are ahead of another's, in one panel.

    Attributes:
      seeds: that both have.
      last: difference of mean last returns.
      training: difference of mean returns over training.
      better: probability of improvement.
      saved: share of interactions.
      arrived: how many of each got to the threshold.
      spread: ratio of spreads across seeds.
    """

    seeds: int
    last: Estimate
    training: Estimate
    better: Estimate
    saved: Estimate
    arrived: tuple[int, int]
    spread: Estimate


def lead(first: Sequence[Row], other: Sequence[Row], scale: tuple[float, float]) -> Lead:
    """Compare two methods in a panel, whose scale is that of `scales`."""
    ours, theirs = paired_scores(first, other)
    mine, its = curve(first), curve(other)
    threshold = scale[0] + TARGET * (scale[1] - scale[0])
    mine_to, its_to = (steps_to_threshold(c.steps, c.members, threshold, IN_A_ROW) for c in (mine, its))
    paired = mine.seeds == its.seeds
    areas = [area_under_curve(c.steps, c.members) for c in (mine, its)]
    return Lead(
        seeds=len(ours),
        last=mean_difference([ours], [theirs], paired=True),
        training=mean_difference(*([area] for area in areas), paired=paired),
        better=bootstrap(probability_of_improvement, [ours], [theirs]),
        saved=saving(mine_to, its_to, float(mine.steps[-1])) if paired else mean_interval([]),
        arrived=(int(np.isfinite(mine_to).sum()), int(np.isfinite(its_to).sum())),
        spread=bootstrap(spread_ratio, [ours], [theirs], paired=True),
    )


def comparisons(rows: Sequence[Row], first: str) -> list[list[str]]:
    """A line per panel and other method: the panel, then the columns of `HEADER`."""
    lines, scale = [], scales(rows)
    for panel, found in groups(rows).items():
        for other, part in found.items():
            if other == first or first not in found:
                continue
            ahead = lead(found[first], part, scale[panel])
            saved = f"{estimate_text(ahead.saved)} ({', '.join(map(str, ahead.arrived))})"
            words = map(estimate_text, (ahead.last, ahead.training, ahead.better))
            lines.append([panel, other, str(ahead.seeds), *words, saved, estimate_text(ahead.spread)])
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
