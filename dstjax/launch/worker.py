"""The process that trains one shard: every launcher starts the same one."""

import signal
import subprocess
import sys

from dstjax.sweep.shards import Shard
from dstjax.sweep.store import SweepDir


def start_worker(sweep: SweepDir, shard: Shard) -> subprocess.Popen[bytes]:
    """Start a process that trains a shard, its output added to `jobs/<shard>.log`.

    Args:
      sweep: of the shard.
      shard: to train.

    Returns:
      The process. SIGTERM lets it save and end; it is in a session of its own, so that a terminal's Ctrl-C reaches only
      the launcher, which decides.
    """
    words = [sys.executable, "-m", "dstjax.cli", "sweep", str(sweep.path), "--shard", str(shard.index)]
    with (sweep.jobs / f"{shard.name}.log").open("ab") as log:
        return subprocess.Popen(
            words, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True, preexec_fn=_ignore_usr2
        )


def _ignore_usr2() -> None:
    """SLURM's warning before a time-out is for the launcher; it would end a process that has no handler for it."""
    signal.signal(signal.SIGUSR2, signal.SIG_IGN)
