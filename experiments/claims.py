"""The paper's claims on returns, in short tables of all rows that are there: `python -m experiments.claims`.

It trains nothing: rows are those of `experiments.toy`, `experiments.noise` and `experiments.ablation`, whose own tables
have every number.
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

UNDER_NOISE = (("dst", "td3"), ("dst", "mage"), ("dst", "dst-complete"), ("dst-complete", "td3"))
"""Who is compared with whom."""
ON_THE_TOY = (("dst", "td3"), ("dst", "mmd"), ("dst", "mage"), ("dst", "dst-mmd"), ("mage", "td3"))
AUDITED = ("gradient_cosine", "joint_energy")
LEGEND = f"""Leads are differences of means on the same seeds [95 % Student], bold where 0 is outside; no interval is
corrected for how many there are. Scale: {NORMALISATION}."""

Pair = tuple[str, str]
Panels = dict[str, list[leads.Lead | None]]
Part = Callable[[leads.Lead], Estimate]
LAST, TRAINING = "At the last evaluation:", "Over training:"
PARTS: dict[str, Part] = {LAST: lambda lead: lead.last, TRAINING: lambda lead: lead.training}


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


def in_panels(rows: Sequence[Row], pairs: Sequence[Pair]) -> Panels:
    """The leads of `pairs` on the scale of each panel; None where a panel lacks one of a pair."""
    scale, panels = scales(rows), Panels()
    for panel, found in groups(rows).items():
        scaled = {name: [_scaled(row, scale[panel]) for row in members] for name, members in found.items()}
        panels[panel] = [
            leads.lead(scaled[first], scaled[other], (0.0, 1.0)) if {first, other} <= scaled.keys() else None
            for first, other in pairs
        ]
    return panels


def by_panel(panels: Panels, part: Part) -> list[list[str]]:
    """A line per panel: a part of its leads."""
    return [[panel, *(word(part(lead)) if lead else "" for lead in found)] for panel, found in panels.items()]


def _scaled(row: Row, scale: tuple[float, float]) -> Row:
    value = row["eval/return"]
    return row if value is None else {**row, "eval/return": float(normalise(value, *scale))}


def together(rows: Sequence[Row], pairs: Sequence[Pair], index: int, left_out: Sequence[str] = ()) -> list[list[str]]:
    """Lines of all panels together: without noise, under it, and under it without one of the tasks `left_out`."""
    chosen = {title: (rows, noisy) for title, noisy in pooled.PARTS.items()}
    chosen |= {f"under noise, not {task}": ([row for row in rows if row["env"] != task], True) for task in left_out}
    lines = []
    for title, (part, noisy) in chosen.items():
        cells = []
        for first, other in pairs:
            strata = pooled.pooled(part, noisy, (first, other))[index]
            cells.append(word(mean_difference(strata[first], strata[other], paired=True)) if strata else "")
        if any(cells):
            lines.append([f"**all, {title}**", *cells])
    return lines


def lead_tables(
    rows: Sequence[Row], pairs: Sequence[Pair], panels: Panels, header: Sequence[str], left_out: Sequence[str] = ()
) -> list[str]:
    """Leads at the end and over training, panel by panel and over all of them."""
    texts = []
    for index, (title, part) in enumerate(PARTS.items()):
        lines = by_panel(panels, part) + together(rows, pairs, index, left_out)
        texts += [title, common.markdown(header, lines)]
    return texts


def toy_section(path: Path) -> list[str]:
    """Claim 1."""
    returns, audits = toy.read_measured(path)
    rows = [{**row, "env": f"N = {goals}"} for (goals, _), part in returns.items() for row in part]
    numbers, methods = (list(dict.fromkeys(names)) for names in zip(*returns, strict=True))

    def audited(goals: int, method: str, metric: str) -> str:
        return estimate_text(toy.middle(audits[goals, method][metric])) if (goals, method) in audits else ""

    lines = [
        [f"N = {goals}, {metric.replace('_', ' ')}", *(audited(goals, method, metric) for method in methods)]
        for metric in AUDITED
        for goals in numbers
    ]
    return [
        "## 1. The toy",
        *lead_tables(rows, ON_THE_TOY, in_panels(rows, ON_THE_TOY), heads("locations, noise", ON_THE_TOY)),
        "Critics at uniform first actions, against the true Sobolev return (cosine of mean gradients: 1 is right; "
        "energy distance of the joint law: 0 is right), interquartile means [95 % bootstrap]:",
        common.markdown(["", *methods], lines),
    ]


def noise_sections(path: Path) -> list[str]:
    """Claims 2 and 3."""
    rows, header = common.read_rows(path), heads("task, noise", UNDER_NOISE)
    panels = in_panels(rows, UNDER_NOISE)
    return [
        "## 2. Without noise and under noise",
        *lead_tables(rows, UNDER_NOISE, panels, header, tasks(rows)),
        "## 3. Interactions",
        f"Share of the other's interactions saved on the way to {TARGET:.0%} of the best method's return:",
        common.markdown(header, by_panel(panels, lambda lead: lead.saved)),
    ]


def ablation_section(path: Path) -> list[str]:
    """Claim 4."""
    rows = common.read_rows(path)
    variants = [name for name in dict.fromkeys(row["method"] for row in rows) if name != ablation.BASE]
    pairs = [(name, ablation.BASE) for name in variants]
    tables = lead_tables(rows, pairs, in_panels(rows, pairs), ["task, noise", *variants])
    return ["## 4. Parts", "Each variant over `dst`.", *tables]


def heads(first: str, pairs: Sequence[Pair]) -> list[str]:
    """Of a table whose first column is `first`."""
    return [first, *(f"{ours} over {other}" for ours, other in pairs)]


def tasks(rows: Sequence[Row]) -> list[str]:
    """Of the rows."""
    return list(dict.fromkeys(row["env"] for row in rows))


def main(args: Args) -> None:
    """Write the tables."""
    print(common.command())
    sections = {"toy": toy_section, "noise": noise_sections, "ablation": ablation_section}
    texts = [LEGEND]
    for name, section in sections.items():
        if (args.results / name).is_dir():
            texts += section(args.results / name)
    common.write(args.out, "Claims", "\n\n".join(texts))


if __name__ == "__main__":
    main(tyro.cli(Args, description=__doc__))
