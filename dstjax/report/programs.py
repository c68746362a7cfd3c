"""The page's tables of what ran: programs with their time and memory, configurations and how they differ."""

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from dstjax.gather import Runs, settings
from dstjax.report.words import Table, clock
from dstjax.stats import last_rows


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
