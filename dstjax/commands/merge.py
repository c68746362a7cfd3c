"""`dstjax merge`."""

from collections.abc import Sequence
from pathlib import Path

from dstjax.errors import UserError
from dstjax.options import parse


def main(words: Sequence[str]) -> int:
    """Write the rows of all shards of a sweep into one file: `dstjax merge SWEEP`.

    Args:
      words: its arguments.

    Returns:
      Exit code.
    """
    _, rest = parse("merge", "Write the rows of all shards of a sweep into one file.", {}, words, "SWEEP")
    if len(rest) != 1:
        raise UserError(f"merge: {len(rest)} directories given; allowed: one sweep")
    from dstjax.sweep.merged import merge
    from dstjax.sweep.state import progress
    from dstjax.sweep.store import SweepDir

    sweep = SweepDir(Path(rest[0]))
    shards, _ = sweep.load()
    done = sum(progress(sweep, shard).state == "done" for shard in shards)
    print(f"{merge(sweep)} rows of {done} finished and {len(shards) - done} other shards: {sweep.merged.metrics_file}")
    return 0
