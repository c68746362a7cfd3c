"""Scores of all tasks and noise levels together: without noise, and under it."""

from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from dstjax import plots
from dstjax.plots.style import caption
from dstjax.report.words import estimate_text
from dstjax.runs import Row
from dstjax.stats import bootstrap, groups, interquartile_mean, mean_difference
from dstjax.stats.comparison import NORMALISATION, scales
from dstjax.stats.scores import normalise
from experiments import common

PARTS = {"without noise": False, "under noise": True}
"""Whether noise acts in what is pooled, by title."""
Strata = dict[str, list[np.ndarray]]
"""Scores `[M]` by method, an array per panel."""


def pooled(rows: Sequence[Row], noisy: bool, methods: Iterable[str]) -> tuple[Strata, Strata]:
    """Normalised last returns, and returns over training, where all these methods are: under noise, or without."""
    chosen = [row for row in rows if is_noisy(row) == noisy]
    scale, methods = scales(chosen), list(methods)
    last, area = Strata(), Strata()
    for panel, found in groups(chosen).items():
        if found.keys() >= set(methods):
            for method in methods:
                for strata, score in zip((last, area), common.scores(found[method]), strict=True):
                    strata.setdefault(method, []).append(normalise(score, *scale[panel]))
    return last, area


def is_noisy(row: Row) -> bool:
    """Whether any noise acts in a row's panel."""
    return any(value for name, value in row.items() if name.startswith("noise."))


def overall(found: tuple[Strata, Strata], first: str) -> list[list[str]]:
    """A line per method: interquartile means, each followed by how far the first method's mean is ahead, paired."""
    lines = []
    for method in found[0]:
        line = [method, str(sum(map(len, found[0][method])))]
        for strata in found:
            line.append(estimate_text(bootstrap(interquartile_mean, strata[method])))
            ahead = ""
            if first in strata and method != first:
                ahead = estimate_text(mean_difference(strata[first], strata[method], paired=True))
            line.append(ahead)
        lines.append(line)
    return lines


def draw(parts: dict[str, Strata], path: Path) -> None:
    """Interquartile means of last returns with their intervals, a row per method, a panel for each of `parts`."""
    with plots.paper_style():
        figure = plots.new_figure(plots.TEXT_WIDTH, 1.9)
        axes = figure.subplots(1, len(parts), sharex=True, sharey=True)
        methods = list(dict.fromkeys(method for found in parts.values() for method in found))
        for axis, (title, found) in zip(axes, parts.items(), strict=True):
            for method, mark in plots.line_marks(methods).items():
                if strata := found.get(method):
                    place, middle = methods.index(method), bootstrap(interquartile_mean, strata)
                    axis.barh(place, middle.high - middle.low, 0.55, middle.low, color=mark["color"], alpha=0.35)
                    axis.plot([middle.value] * 2, [place - 0.28, place + 0.28], color=mark["color"], linewidth=2.0)
            axis.use_sticky_edges = False
            axis.set(title=title)
        axes[0].set_yticks(range(len(methods)), methods)
        axes[0].invert_yaxis()
        caption(figure, f"Interquartile mean of normalised last returns, 95 % bootstrap. Scale: {NORMALISATION}.")
        plots.save(figure, path, dpi=200)


def sections(rows: Sequence[Row], first: str, figure: Path) -> str:
    """Draw the figure; a table without noise and one under it, in which `first` is compared with the others."""
    methods = dict.fromkeys(row["method"] for row in rows)
    parts = {title: pooled(rows, noisy, methods) for title, noisy in PARTS.items()}
    draw({title: last for title, (last, _) in parts.items()}, figure)
    ahead = f"{first} ahead by"
    header = ["method", "runs", "last return", ahead, "over training", ahead]
    tables = (
        f"### All tasks and noises that every method has, {title}\n\n{common.markdown(header, overall(found, first))}\n"
        for title, found in parts.items()
    )
    legend = (
        "Interquartile means [95 % bootstrap]; differences of *means* on the same seeds [95 % Student]. "
        f"Scale: {NORMALISATION}.\n"
    )
    return "\n".join([*tables, legend, f"![All tasks and noises]({figure.name})"])
