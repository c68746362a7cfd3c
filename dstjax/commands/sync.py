"""`dstjax sync`."""

import os
import select
import signal
import sys
import warnings
from collections.abc import Sequence
from pathlib import Path

from dstjax.errors import UserError
from dstjax.options import Groups, Option, parse

POLL_SECONDS = 2.0

OPTIONS: Groups = {
    "sync": (
        "What to send, and where.",
        (
            Option("project", str, "project of the Weights & Biases runs", "dstjax"),
            Option("checkpoints", bool, "send each program's newest checkpoint as an artifact", False),
            Option("follow", bool, "send rows as they are written, until stdin is closed", False),
        ),
    )
}


def main(words: Sequence[str]) -> int:
    """Send runs to Weights & Biases from their `metrics.jsonl`: `dstjax sync RUN...`.

    Args:
      words: directories of runs or sweeps, and options.

    Returns:
      Exit code: 1 where Weights & Biases failed.

    Raises:
      UserError: if no run is named or a directory holds none.
    """
    given, names = parse(
        "sync", "Send runs to Weights & Biases, from metrics.jsonl: again without doubling.", OPTIONS, words, "RUN..."
    )
    if not names:
        raise UserError("sync: no run given; allowed: one or more directories of runs or sweeps")
    from dstjax.sweep.merged import run_directories

    for path in run_directories(names):
        try:
            _send(path, given)
        except UserError:
            raise
        except Exception as error:  # A logger may fail in any way; the rows are safe in metrics.jsonl.
            warnings.warn(f"Weights & Biases: {error}; `dstjax sync {path}` sends all rows later", stacklevel=1)
            return 1
    return 0


def _send(path: Path, given: dict[str, object]) -> None:
    from dstjax.runs import RunDir
    from dstjax.upload import Tail, Uploader

    follow, directory = bool(given.get("follow")), RunDir(path)
    directory.plan()  # The error of a directory without a run, before anything is written.
    if follow:
        os.nice(10)
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_IGN)  # The run that is followed says when it ends.
    with directory.sending(wait=follow):
        uploader, tail = Uploader(directory, str(given.get("project", "dstjax"))), Tail(directory.metrics_file)
        while follow and not _stdin_closed(POLL_SECONDS):
            uploader.send(tail.read())
        uploader.send(tail.read())
        uploader.finish(artifacts=bool(given.get("checkpoints")))


def _stdin_closed(seconds: float) -> bool:
    """Wait; whether the other end of the pipe on stdin was closed meanwhile."""
    readable, _, _ = select.select([sys.stdin], [], [], seconds)
    return bool(readable) and not sys.stdin.read(1)
