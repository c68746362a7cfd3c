"""`dstjax plot`."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from dstjax.errors import UserError

USAGE_ERROR = 2


def main(words: Sequence[str]) -> int:
    """Draw runs into one figure and print their table: `dstjax plot RUN...`.

    Args:
      words: run directories.

    Returns:
      Exit code.
    """
    if not words or words[0] in ("-h", "--help"):
        print("usage: dstjax plot RUN_DIRECTORY ...\n\nWrites curves.png into the first of the run directories.")
        return 0 if words else USAGE_ERROR
    from dstjax.plots import plot_curves
    from dstjax.progress import make_console
    from dstjax.report import summary_table
    from dstjax.runs import RunDir

    runs = [RunDir(Path(word)) for word in words]
    rows: list[dict[str, Any]] = []
    for run in runs:
        found = run.rows()
        if not found:
            raise UserError(
                f"plot: no metrics in '{run.path}'; allowed: directories of runs that have finished a chunk"
            )
        # Member indices are a run's own; across runs they must not meet.
        rows += [{**row, "member": (str(run.path), row["member"])} for row in found]
    make_console().print(summary_table(rows))
    print(f"figure: {plot_curves(rows, runs[0].figure_file)}")
    return 0
