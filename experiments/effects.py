"""What changing one option does: how far variants are ahead of a base, task by task and over all of them."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from dstjax import plots
from dstjax.plots.style import caption
from dstjax.report.words import estimate_text
from dstjax.runs import Row
from dstjax.stats import Estimate, groups, mean_difference, mean_interval
from dstjax.stats.comparison import NORMALISATION
from experiments import common, pooled

SCORES = ("last return", "over training")
Effects = dict[str, dict[str, tuple[int, list[Estimate]]]]
"""Number of panels and the leads in each of `SCORES`, by part of `pooled.PARTS` and variant."""


def overall(rows: Sequence[Row], base: str) -> Effects:
    """Normalised leads of each variant over the base, paired by seed, over all tasks and noise levels that have it."""
    found = Effects()
    for part, noisy in pooled.PARTS.items():
        for name in dict.fromkeys(row["method"] for row in rows):
            scores = pooled.pooled(rows, noisy, (name, base))
            if name != base and name in scores[0]:
                leads = [mean_difference(strata[name], strata[base], paired=True) for strata in scores]
                found.setdefault(part, {})[name] = (len(scores[0][name]), leads)
    return found


def panels(rows: Sequence[Row], base: str) -> list[list[str]]:
    """A line per task, noise level and variant: what it reaches, and how far ahead of the base that is."""
    lines = []
    for panel, found in groups(rows).items():
        reference = common.scores(found[base])
        for name, part in found.items():
            line = [panel, name, str(len(reference[0]))]
            for ours, other in zip(common.scores(part), reference, strict=True):
                lead = mean_difference([ours], [other], paired=True)
                line += [estimate_text(mean_interval(ours)), estimate_text(lead) if name != base else ""]
            lines.append(line)
    return lines


def draw(found: Effects, base: str, path: Path) -> None:
    """Leads over the base with their intervals: a row per variant, without noise and under it."""
    names = list(dict.fromkeys(name for of_variant in found.values() for name in of_variant))
    with plots.paper_style():
        figure = plots.new_figure(plots.TEXT_WIDTH, 1.3 + 0.2 * max(len(names), 3))
        axes = figure.subplots(1, len(found), sharex=True, sharey=True, squeeze=False)[0]
        for axis, (part, of_variant) in zip(axes, found.items(), strict=True):
            axis.axvline(0.0, color="0.5", linewidth=0.8)
            for index, (what, marker) in enumerate(zip(SCORES, "os", strict=True)):
                leads = [leads[index] for _, leads in of_variant.values()]
                middles = np.array([lead.value for lead in leads])
                ends = np.nan_to_num([middles - [lead.low for lead in leads], [lead.high for lead in leads] - middles])
                places = [names.index(name) + 0.24 * (index - 0.5) for name in of_variant]
                mark = {"fmt": marker, "color": plots.COLORS[index], "markersize": 3, "capsize": 2, "label": what}
                axis.errorbar(middles, places, xerr=ends, **mark)
            axis.set(title=part, xlabel=f"ahead of {base}")
        axes[0].set_yticks(range(len(names)), names)
        axes[0].set_ylim(len(names) - 0.5, -0.5)
        figure.legend(*axes[0].get_legend_handles_labels(), loc="outside upper center", ncols=len(SCORES))
        caption(figure, f"Difference of normalised returns, paired by seed, 95 % Student. Scale: {NORMALISATION}.")
        plots.save(figure, path, dpi=200)


def sections(rows: Sequence[Row], base: str, figure: Path) -> str:
    """Draw the figure, if there is any variant; the table over all panels, and that of each."""
    found = overall(rows, base)
    if found:
        draw(found, base, figure)
    lines = [
        [part, name, str(count), str(leads[0].count), *map(estimate_text, leads)]
        for part, of_variant in found.items()
        for name, (count, leads) in of_variant.items()
    ]
    return "\n".join(
        [
            f"How far variants are ahead of `{base}`: difference of means on the same seeds [95 % Student].\n",
            "### All tasks and noises that have a variant\n",
            common.markdown(["", "variant", "panels", "runs", *SCORES], lines, 2),
            f"\nScale: {NORMALISATION}, variants being the methods.\n",
            "### Each task and noise\n",
            "Last return and mean return over training: mean [95 % Student interval over seeds].\n",
            common.markdown(
                ["task, noise", "variant", "seeds", *(word for what in SCORES for word in (what, "ahead by"))],
                panels(rows, base),
                2,
            ),
        ]
    )
