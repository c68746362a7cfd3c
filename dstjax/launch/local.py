"""Shards as processes of this machine, a bounded number at a time."""

import subprocess
import time
from collections.abc import Callable, Sequence

from dstjax.launch.worker import start_worker
from dstjax.signals import StopSignals
from dstjax.sweep.shards import Shard
from dstjax.sweep.state import progress
from dstjax.sweep.store import SweepDir

FAILED = 1
POLL_SECONDS = 0.2


def run_local(sweep: SweepDir, shards: Sequence[Shard], jobs: int, say: Callable[[str], None]) -> int:
    """Train shards, each in a process, until all have ended; a signal lets those that run save and end.

    Args:
      sweep: of the shards.
      shards: to train.
      jobs: processes at a time.
      say: prints a line.

    Returns:
      Exit code: 0; 1 if a shard failed; 130 after Ctrl-C.
    """
    waiting, running, failed = list(shards), dict[subprocess.Popen[bytes], Shard](), 0
    with StopSignals(say) as stop:
        while running or (waiting and stop.received is None):
            while waiting and len(running) < jobs and stop.received is None:
                shard = waiting.pop(0)
                running[start_worker(sweep, shard)] = shard
                say(f"{shard.name}: started")
            time.sleep(POLL_SECONDS)
            for process, shard in list(running.items()):
                if stop.received is not None:
                    process.terminate()
                if process.poll() is not None:
                    del running[process]
                    failed += _ended(sweep, shard, say)
    if stop.received is not None:
        return stop.exit_code
    return FAILED if failed else 0


def _ended(sweep: SweepDir, shard: Shard, say: Callable[[str], None]) -> bool:
    """Say how a shard ended; whether it failed."""
    how = progress(sweep, shard)
    reason = f" ({how.note}; see {sweep.jobs / shard.name}.log)" if how.state == "failed" else ""
    say(f"{shard.name}: {how.state}, {how.share:.0%} of its rows{reason}")
    return how.state == "failed"
