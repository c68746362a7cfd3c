"""The page's tables, as headings and cells of text."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from dstjax.gather import Runs, settings
from dstjax.report.words import Table, clock, estimate_text, number
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


def programs(runs: Runs) -> Table:
    """Time, speed and memory of each compiled program.

    Args:
      runs: read.

    Returns:
      Headings and cells.
    """
    cells = []
    for index, (path, record) in enumerate(zip(runs.paths, runs.records, strict=True)):
        last = [row for row in last_rows(runs.rows) if row["member"][0] == index]
        for method in dict.fromkeys(row["method"] for row in last):
            part = [row for row in last if row["method"] == method]
            cells.append(
                [
                    path.name, method, str(len(part)), f"{part[0]['step']:,}",
                    clock(max(row.get("time/wall_s") or 0.0 for row in part)),
                    f"{part[0].get('time/steps_per_s') or math.nan:,.0f}",
                    _memory(record, len(part)), _size(path / "checkpoints" / method), device(record),
                ]
            )  # fmt: skip
    return ["run", "method", "members", "steps each", "wall time", "steps/s", "memory", "checkpoint", "device"], cells


def differences(runs: Runs) -> Table:
    """Fields that are not the same in all runs.

    Args:
      runs: read.

    Returns:
      Headings and cells; no cells for a single run.
    """
    rows = [[name, *map(_value, column)] for name, column in runs.differences().items()]
    return ["field", *(path.name for path in runs.paths)], rows


def configuration(runs: Runs) -> Table:
    """Every field of every run, and what it was made with.

    Args:
      runs: read.

    Returns:
      Headings and cells.
    """
    flat = [
        {**settings(record), **record.get("versions", {}), "device": device(record), "command": record.get("command")}
        for record in runs.records
    ]
    names = dict.fromkeys(name for values in flat for name in values)
    return ["field", *(path.name for path in runs.paths)], [
        [name, *(_value(values.get(name)) for values in flat)] for name in names
    ]


def device(record: Mapping[str, Any]) -> str:
    """The device of a run in words.

    Args:
      record: of `config.yaml`.

    Returns:
      For instance `2 x cpu`.
    """
    found = record.get("device", {})
    return f"{found.get('count', '?')} × {found.get('kind', 'unknown')}"


def _member(member: Any) -> str:
    run, index = member
    return f"{index} of run {run + 1}"


def _value(value: Any) -> str:
    return " ".join(map(str, value)) if isinstance(value, list) else "–" if value is None else str(value)


def _memory(record: Mapping[str, Any], members: int) -> str:
    """What the members that are trained at a time were planned to take at the peak."""
    planned = record.get("member_bytes")
    if not planned:
        return "–"
    return f"{planned['peak'] * min(members, record['members_per_program']) / 2**20:,.0f} MiB"


def _size(directory: Path) -> str:
    """Bytes of the newest checkpoints of a method's lanes: its members' whole state."""
    lanes = (
        [path for path in lane.glob("*") if path.name.isdigit()] for lane in (directory, *directory.glob("lane-*"))
    )
    newest = [max(steps, key=lambda path: int(path.name)) for steps in lanes if steps]
    if not newest:
        return "–"
    files = (path for place in newest for path in place.rglob("*") if path.is_file())
    return f"{sum(path.stat().st_size for path in files) / 2**20:,.1f} MiB"
