"""`dstjax status`."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from dstjax.errors import UserError
from dstjax.options import parse


def main(words: Sequence[str]) -> int:
    """Print how far the shards of a sweep are, or a single run is: `dstjax status SWEEP_OR_RUN`.

    Args:
      words: its arguments.

    Returns:
      Exit code: 0; 1 if a shard has failed.
    """
    _, rest = parse("status", "Print how far the shards of a sweep are.", {}, words, "SWEEP")
    if len(rest) != 1:
        raise UserError(f"status: {len(rest)} directories given; allowed: one sweep or run")
    from rich.table import Table

    from dstjax.launch.slurm import queue
    from dstjax.progress import make_console
    from dstjax.sweep.merged import open_sweep
    from dstjax.sweep.state import progress

    sweep, shards = open_sweep(Path(rest[0]))
    said = queue(sweep)
    found = [progress(sweep, shard, said) for shard in shards]
    table = Table(title=str(sweep.path))
    for heading in ("shard", "members", "state", "progress", "note"):
        table.add_column(heading, justify="right" if heading in ("members", "progress") else "left")
    for shard, how in zip(shards, found, strict=True):
        table.add_row(shard.name, str(shard.members()), how.state, f"{how.share:.0%}", how.note)
    counts = Counter(how.state for how in found)
    make_console().print(table)
    make_console().print(", ".join(f"{count} {state}" for state, count in sorted(counts.items())))
    return int(counts["failed"] > 0)
