"""The page: one self-contained HTML file, readable on a phone, light and dark."""

import html
import importlib.resources
import json
import string
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import plotly.graph_objects as go
from plotly.offline import get_plotlyjs

from dstjax.gather import Runs
from dstjax.report import figures
from dstjax.report.curves import curve_panels
from dstjax.report.sections import sections
from dstjax.runs import Row
from dstjax.stats import last_rows
from dstjax.stats.comparison import METRIC, lines_of
from dstjax.version import __version__


def write_page(runs: Runs, path: Path) -> Path:
    """Write the report of one or several runs.

    Args:
      runs: read by `gather`.
      path: of the HTML file.

    Returns:
      The path.
    """
    metrics = metric_names(runs.rows)
    drawn = _figures(runs)
    data = {
        "panels": curve_panels(runs.rows, metrics),
        "range": _ranges(runs.rows, metrics),
        "figures": {
            name: json.loads(figure.update_layout(template="none").to_json()) for name, figure in drawn.items()
        },
    }
    tasks = ", ".join(dict.fromkeys(row["env"] for row in runs.rows))
    page = string.Template(_file("page.html")).substitute(
        title=html.escape(f"{tasks}: {', '.join(dict.fromkeys(row['method'] for row in runs.rows))}"),
        subtitle=html.escape(", ".join(run.name for run in runs.paths)),
        version=__version__,
        style=_file("style.css"),
        script=_file("page.js"),
        plotly=get_plotlyjs(),
        data=json.dumps(data, allow_nan=False, separators=(",", ":")).replace("</", "<\\/"),
        sections="\n".join(sections(runs, drawn, metrics)),
    )
    path.write_text(page)
    return path


def metric_names(rows: Sequence[Row]) -> list[str]:
    """Metrics that any row has a value of, the return first; the wall clock is none.

    Args:
      rows: of the runs.

    Returns:
      Names.
    """
    found = dict.fromkeys(
        name
        for row in rows
        for name, value in row.items()
        if "/" in name and not name.startswith("time/") and value is not None
    )
    return [METRIC, *sorted(found.keys() - {METRIC})]


def _figures(runs: Runs) -> dict[str, go.Figure]:
    last = last_rows(runs.rows)
    speeds = {}
    for row in last:
        name = row["method"] if len(runs.paths) == 1 else f"{runs.paths[row['member'][0]].name}, {row['method']}"
        speeds[name] = row.get("time/steps_per_s") or 0.0
    tasks = dict.fromkeys(row["env"] for row in runs.rows)
    heats = {f"heat-{task}": figures.heat_map([row for row in runs.rows if row["env"] == task]) for task in tasks}
    drawn = {**heats, "profile": figures.profile(runs.rows), "speed": figures.speed(speeds)}
    return drawn | ({"improvement": figures.improvement_map(runs.rows)} if len(lines_of(runs.rows)) > 1 else {})


def _ranges(rows: Sequence[Row], metrics: Sequence[str]) -> dict[str, Any]:
    """One scale for all panels of a task, that of the members' values and not of the bands around them."""
    found: dict[str, Any] = {}
    for task in dict.fromkeys(row["env"] for row in rows):
        part = [row for row in rows if row["env"] == task]
        columns = {name: [row[name] for row in part if row.get(name) is not None] for name in metrics}
        found[task] = {
            "x": [0, 1.03 * max(row["step"] for row in part)],
            "y": {name: _limits(min(values), max(values)) for name, values in columns.items() if values},
        }
    return found


def _limits(low: float, high: float) -> list[float]:
    margin = 0.06 * (high - low) or 0.06 * abs(high) or 1.0
    return [low - margin, high + margin]


def _file(name: str) -> str:
    return (importlib.resources.files("dstjax.report") / name).read_text()
