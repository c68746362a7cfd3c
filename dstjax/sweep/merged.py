"""Many shards read as one: merged files, and sweeps where commands take runs."""

import csv
import io
import json
from collections.abc import Iterable
from pathlib import Path

from dstjax.errors import UserError
from dstjax.files import replace_text
from dstjax.runs import RunDir
from dstjax.sweep.shards import Shard
from dstjax.sweep.store import SweepDir


def merge(sweep: SweepDir) -> int:
    """Write the rows of all shards into the sweep's own `metrics.jsonl` and `members.csv`, each whole or not at all.

    Args:
      sweep: of any progress; merging again replaces the files.

    Returns:
      Number of rows.

    Raises:
      UserError: if no shard has a row yet, or the files cannot be written.
    """
    rows, members = sweep.rows(), list(sweep.members())
    if not rows:
        raise UserError(f"merge: no rows in '{sweep.path}' yet; allowed: a sweep that has finished a chunk")
    table = io.StringIO()
    writer = csv.DictWriter(table, fieldnames=list(members[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(members)
    try:
        replace_text(sweep.merged.members_file, table.getvalue())
        replace_text(sweep.merged.metrics_file, "".join(json.dumps(row) + "\n" for row in rows))
    except OSError as error:
        raise UserError(
            f"merge: cannot write to '{sweep.path}' ({error.strerror}); allowed: a writable place"
        ) from None
    return len(rows)


def open_sweep(path: Path) -> tuple[SweepDir, list[Shard]]:
    """A sweep, or a single run as the only shard of one.

    Args:
      path: of its directory.

    Returns:
      The sweep and its shards.

    Raises:
      UserError: if neither is there.
    """
    if not SweepDir(path).exists() and RunDir(path).config_file.exists():
        return SweepDir(path.absolute().parent), [Shard(0, path.absolute().name, RunDir(path).plan(), 0)]
    return SweepDir(path), SweepDir(path).load()[0]


def run_directories(names: Iterable[str]) -> list[Path]:
    """Directories as those of runs: a sweep stands for those of its shards that have rows.

    Args:
      names: of sweeps and runs.

    Returns:
      Directories of runs, in order.

    Raises:
      UserError: if no shard of a sweep has a row.
    """
    found = []
    for path in map(Path, names):
        sweep = SweepDir(path)
        shards = [sweep.run(shard) for shard in sweep.load()[0]] if sweep.exists() else [RunDir(path)]
        begun = [run.path for run in shards if not sweep.exists() or run.rows()]
        if not begun:
            raise UserError(f"run: no metrics in '{path}' yet; allowed: a sweep that has finished a chunk")
        found += begun
    return found
