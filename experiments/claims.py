"""The paper's claims on returns, in short tables of all rows that are there: `python -m experiments.claims`.

It trains nothing: rows are those of `experiments.toy`, `experiments.noise` and `experiments.ablation`, whose own tables
have every number. Leads are differences of means, paired by seed; where their 95 % interval leaves out 0 they are bold.
"""

import dataclasses
from collections.abc import Callable, Sequence
from pathlib import Path

import tyro

from dstjax.report.words import estimate_text
from dstjax.runs import Row
from dstjax.stats import Estimate, groups, mean_difference
from dstjax.stats.comparison import NORMALISATION, TARGET, scales
from dstjax.stats.scores import normalise
from experiments import ablation, common, leads, pooled, toy

PAIRS = (("dst", "td3"), ("dst", "mage"), ("dst", "dst-complete"), ("dst-complete", "td3"))
"""Who is compared with whom under noise."""
ON_THE_TOY = (("dst", "td3"), ("dst", "mmd"), ("dst", "mage"), ("dst", "dst-mmd"), ("mage", "td3"))
AUDITED = ("gradient_cosine", "joint_energy")

Pair = tuple[str, str]
Part = Callable[[leads.Lead], Estimate]


@dataclasses.dataclass(frozen=True)
class Args:
    """Where the rows are, and where to write."""

    results: Path = Path("results")
    """Holds `toy/`, `noise/` and `ablation/`."""
    out: Path = Path("results/claims")
    """Written is `<out>.md`."""


def word(estimate: Estimate) -> str:
    """An estimate, bold where its interval leaves out 0."""
    text = estimate_text(estimate)
    return f"**{text}**" if estimate.low > 0 or estimate.high < 0 else text


def by_panel(rows: Sequence[Row], pairs: Sequence[Pair], part: Part, *, unit: bool) -> list[list[str]]:
    """A line per panel: the leads of `pairs`, on the panel's scale or in the unit of the return."""
    scale = scales(rows)
    lines = []
    for panel, found in groups(rows).items():
        floor, ceiling = scale[panel] if unit else (0.0, 1.0)
        inside = {
            name: [{**row, "eval/return": _normalised(row, floor, ceiling)} for row in rows]
            for name, rows in found.items()
        }
        limits = (0.0, 1.0) if unit else scale[panel]
        lines.append([panel, *(_cell(inside, pair, limits, part) for pair in pairs)])
    return lines


def _normalised(row: Row, floor: float, ceiling: float) -> float | None:
    value = row["eval/return"]
    return None if value is None else float(normalise(value, floor, ceiling))


def _cell(found: dict[str, list[Row]], pair: Pair, limits: tuple[float, float], part: Part) -> str:
    first, other = (found.get(name) for name in pair)
    return word(part(leads.lead(first, other, limits))) if first and other else ""


def together(rows: Sequence[Row], pairs: Sequence[Pair], index: int) -> list[list[str]]:
    """Lines of all panels together: without noise, under it, and under it without each of the tasks."""
    tasks = dict.fromkeys(row["env"] for row in rows)
    chosen = {title: (rows, noisy) for title, noisy in pooled.PARTS.items()}
    chosen |= {f"under noise, not {task}": ([row for row in rows if row["env"] != task], True) for task in tasks}
    lines = []
    for title, (part, noisy) in chosen.items():
        cells = []
        for first, other in pairs:
            strata = pooled.pooled(part, noisy, (first, other))[index]
            cells.append(word(mean_difference(strata[first], strata[other], paired=True)) if strata else "")
        lines.append([f"**all, {title}**", *cells])
    return lines


def heads(first: str, pairs: Sequence[Pair]) -> list[str]:
    """Of a table whose first column is `first`."""
    return [first, *(f"{ours} over {other}" for ours, other in pairs)]


def toy_section(path: Path) -> str:
    """Claim 1."""
    returns, audits = toy.read_measured(path)
    rows = [{**row, "env": f"N = {goals}"} for (goals, _), part in returns.items() for row in part]
    methods = list(dict.fromkeys(method for _, method in returns))
    audit = [
        [f"N = {goals}, {metric.replace('_', ' ')}", *(
            estimate_text(toy.middle(audits[goals, method][metric])) if (goals, method) in audits else ""
            for method in methods
        )]
        for metric in AUDITED
        for goals in dict.fromkeys(goals for goals, _ in returns)
    ]  # fmt: skip
    return "\n\n".join(
        [
            "## 1. The toy\n\nIn the unit of the return, at the last evaluation:",
            common.markdown(heads("", ON_THE_TOY), by_panel(rows, ON_THE_TOY, lambda one: one.last, unit=False)),
            "Over the whole of training:",
            common.markdown(heads("", ON_THE_TOY), by_panel(rows, ON_THE_TOY, lambda one: one.training, unit=False)),
            "Critics at uniform first actions, against the true Sobolev return (cosine of mean gradients: 1 is right; "
            "energy distance of the joint law: 0 is right), interquartile means [95 % bootstrap]:",
            common.markdown(["", *methods], audit),
        ]
    )


def noise_sections(path: Path) -> str:
    """Claims 2 and 3."""
    rows = common.read_rows(path)
    parts: dict[str, Part] = {
        "At the last evaluation:": lambda one: one.last,
        "Over training:": lambda one: one.training,
    }
    texts = [f"## 2. Without noise and under noise\n\nScale: {NORMALISATION}."]
    for index, (title, part) in enumerate(parts.items()):
        lines = by_panel(rows, PAIRS, part, unit=True) + together(rows, PAIRS, index)
        texts += [title, common.markdown(heads("task, noise", PAIRS), lines)]
    texts += [
        f"## 3. Interactions, and spread across seeds\n\nShare of the other's interactions saved on the way to "
        f"{TARGET:.0%} of the best method's return:",
        common.markdown(heads("task, noise", PAIRS), by_panel(rows, PAIRS, lambda one: one.saved, unit=True)),
    ]
    return "\n\n".join(texts)


def ablation_section(path: Path) -> str:
    """Claim 4."""
    rows = common.read_rows(path)
    pairs = [(name, ablation.BASE) for name in dict.fromkeys(row["method"] for row in rows) if name != ablation.BASE]
    texts = ["## 4. Parts\n\nEach variant over `dst`, on the scale of each panel."]
    parts: dict[str, Part] = {
        "At the last evaluation:": lambda one: one.last,
        "Over training:": lambda one: one.training,
    }
    for index, (title, part) in enumerate(parts.items()):
        lines = by_panel(rows, pairs, part, unit=True) + together(rows, pairs, index)
        texts += [title, common.markdown(["", *(name for name, _ in pairs)], lines)]
    return "\n\n".join(texts)


def main(args: Args) -> None:
    """Write the tables."""
    print(common.command())
    sections = {"toy": toy_section, "noise": noise_sections, "ablation": ablation_section}
    texts = [section(args.results / name) for name, section in sections.items() if (args.results / name).is_dir()]
    legend = "Differences of means on the same seeds [95 % Student]; bold where 0 is outside.\n\n"
    common.write(args.out, "Claims", legend + "\n\n".join(texts))


if __name__ == "__main__":
    main(tyro.cli(Args, description=__doc__))
