"""The table at the end of a run."""

import math
from collections.abc import Sequence

from rich.table import Table

from dstjax.runs import Row
from dstjax.stats import INTERVAL, Estimate, groups, last_rows, mean_interval


def summary_table(rows: Sequence[Row]) -> Table:
    """Method x noise: the last evaluation's mean return, its interval, members and speed.

    Args:
      rows: of one or several runs' `metrics.jsonl`, in order.

    Returns:
      A table to print.
    """
    tasks = ", ".join(dict.fromkeys(row["env"] for row in rows))
    table = Table(
        title=f"{tasks}: return at the last evaluation",
        caption=f"interval: {INTERVAL}; steps of each member, steps/s of all",
    )
    for heading in ("method", "noise"):
        table.add_column(heading, no_wrap=True)
    for heading in ("mean return", "interval", "members", "steps", "steps/s"):
        table.add_column(heading, justify="right", no_wrap=True)
    for noise, lines in groups(last_rows(rows)).items():
        for line, last in lines.items():
            estimate = mean_interval([row["eval/return"] for row in last])
            steps = f"{min(row['step'] for row in last):,}"
            table.add_row(
                line, noise, f"{estimate.value:.1f}", interval_text(estimate), str(len(last)), steps,
                f"{last[0]['time/steps_per_s']:,.0f}",
            )  # fmt: skip
    return table


def interval_text(estimate: Estimate) -> str:
    """An interval in words.

    Args:
      estimate: of a mean.

    Returns:
      For instance `[801.2, 950.0]`; `one seed` where there cannot be any.
    """
    if math.isnan(estimate.low):
        return "one seed" if estimate.count == 1 else "none"
    return f"[{estimate.low:.1f}, {estimate.high:.1f}]"
