"""Shards spread over processes that JAX joined; each trains its own, with no word between them until the end."""

from collections.abc import Callable, Sequence

from dstjax.sweep.shards import Shard
from dstjax.sweep.state import progress
from dstjax.sweep.store import SweepDir
from dstjax.sweep.train import run_shard


def run_hosts(
    sweep: SweepDir, shards: Sequence[Shard], process: int, processes: int, say: Callable[[str], None]
) -> int:
    """Train this process's shards, one after the other.

    Args:
      sweep: of the shards.
      shards: of the whole sweep; process p of P trains those whose index is p modulo P.
      process: which of them this is.
      processes: how many there are.
      say: prints a line.

    Returns:
      Exit code: 0, or 130 after Ctrl-C.
    """
    for shard in shards[process::processes]:
        if progress(sweep, shard).state == "done":
            continue
        code = run_shard(sweep, shard.index)
        how = progress(sweep, shard)
        say(f"process {process} of {processes}: {shard.name}: {how.state}, {how.share:.0%} of its rows")
        if how.state != "done":
            return code
    return 0
