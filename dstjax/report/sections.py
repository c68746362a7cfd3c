"""The sections of the page, as HTML with empty places for the figures."""

import html
from collections.abc import Collection, Sequence

from dstjax.gather import Runs
from dstjax.report import programs, tables
from dstjax.report.controls import controls, facets, place
from dstjax.report.words import Table, clock, html_table
from dstjax.stats import INTERVAL, MIN_SEEDS, last_rows
from dstjax.stats.comparison import IN_A_ROW, NORMALISATION, TARGET

_RESULTS = f"""
Last evaluation, in the unit of the return. Mean: with the {INTERVAL}. IQM: interquartile mean with its 95 % percentile
bootstrap interval over seeds, too narrow below about ten. Spread: standard deviation across seeds. Over training: mean
return over all interactions, the area under the curve over its length. Steps to {TARGET}: interactions until
the mean of {IN_A_ROW} evaluations in a row is a normalised return of {TARGET}, a member that never gets there counting
as its whole budget; in brackets how many do.
"""


def sections(runs: Runs, drawn: Collection[str], metrics: Sequence[str]) -> list[str]:
    """Everything between the page's head and foot.

    Args:
      runs: read by `gather`.
      drawn: names of the figures, for each of which a place is left.
      metrics: names, for the choice of what the curves show.

    Returns:
      HTML, section by section.
    """
    parts = [_tiles(runs), _curves(runs, metrics), _heats(drawn)]
    parts.append(_section("Results", _RESULTS + _scale(), html_table(tables.results(runs.rows), text_columns=2)))
    if "improvement" in drawn:
        note = (
            "Ties count half; 0.5 says that neither is ahead. Hover or tap for the 95 % stratified bootstrap interval."
        )
        parts.append(_section("Probability of improvement", note, place("improvement")))
    note = f"Share of runs with a normalised last return above τ, with 95 % stratified bootstrap bands. {_scale()}"
    parts.append(_section("Performance profile", note, place("profile")))
    return [*parts, _costs(runs), _failed(runs), *_differences(runs), _configuration(runs)]


def _scale() -> str:
    return f"Normalisation: {NORMALISATION}."


def _tiles(runs: Runs) -> str:
    last = last_rows(runs.rows)
    seconds = {(row["member"][0], row["method"]): row.get("time/wall_s") or 0.0 for row in last}
    facts = {
        "methods": str(len({row["method"] for row in last})),
        "members": str(len(last)),
        "failed members": str(len(tables.failed_members(last)[1])),
        "environment steps in all": f"{sum(row['step'] for row in last):,}",
        "wall time": clock(sum(seconds.values())),
        "device": ", ".join(dict.fromkeys(programs.device(record) for record in runs.records)),
    }
    tiles = "".join(f"<div class=tile><b>{html.escape(v)}</b><span>{name}</span></div>" for name, v in facts.items())
    return f"<div class=tiles>{tiles}</div>"


def _curves(runs: Runs, metrics: Sequence[str]) -> str:
    note = f"Mean over seeds; band: {INTERVAL}, or below {MIN_SEEDS} seeds their range. Tap a method to hide it."
    return _section("Learning curves", note, controls(runs.rows, metrics) + facets(runs.rows))


def _heats(drawn: Collection[str]) -> str:
    names = [name for name in drawn if name.startswith("heat-")]
    heats = "".join(f"<h3>{html.escape(name.removeprefix('heat-'))}</h3>{place(name)}" for name in names)
    return _section("Return at the last evaluation", f"Mean over seeds; hover or tap for the {INTERVAL}.", heats)


def _costs(runs: Runs) -> str:
    note = (
        "One compiled program per method and run. Wall time includes compiling, steps/s of all members does not. "
        "Memory: of the members that are trained at a time, as planned from shapes. Checkpoint: size on disk of "
        "everything needed to go on."
    )
    return _section("Time and memory", note, place("speed") + html_table(programs.programs(runs), text_columns=2))


def _failed(runs: Runs) -> str:
    table = tables.failed_members(runs.rows)
    note = "Members without a return are left out of means and intervals, and counted here."
    return _section("Failed members", note, _all_text(table, "None: every member has a finite return."))


def _differences(runs: Runs) -> list[str]:
    if len(runs.paths) == 1:
        return []
    body = _all_text(programs.differences(runs), "None.")
    return [_section("Differences between the runs", "Fields that are not the same in all of them.", body)]


def _configuration(runs: Runs) -> str:
    body = _all_text(programs.configuration(runs), "")
    return f"<section><details><summary>Configuration</summary>{body}</details></section>"


def _all_text(table: Table, otherwise: str) -> str:
    return html_table(table, text_columns=len(table[0])) if table[1] else f"<p>{otherwise}</p>"


def _section(title: str, note: str, body: str) -> str:
    return f"<section><h2>{title}</h2><p class=note>{html.escape(note)}</p>{body}</section>"
