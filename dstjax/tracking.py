"""Weights & Biases beside a run: a process of its own follows `metrics.jsonl`, so that it cannot block training.

What it sends is a view; the file is the truth, and `dstjax sync` sends all of it again.
"""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import TracebackType

PATIENCE = 20.0
"""Seconds that the end of a run waits for the rest to be sent; after that it is sent in the background."""


class NoTracker:
    """Tracks nothing; the context manager that `WandbTracker` is, without one."""

    def __enter__(self) -> "NoTracker":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        pass


class WandbTracker(NoTracker):
    """While it is entered, `dstjax sync --follow` sends rows as they are written.

    The other process learns of this one's end, however it comes, by the closing of a pipe. It ignores the signals of
    the terminal, sends what is left, and exits. Its failures are warnings on stderr.

    Args:
      project: W&B project.
      directory: run directory.
      announce: called with a line for the user.
      patience: seconds to wait at the end.
    """

    def __init__(
        self, project: str, directory: Path, announce: Callable[[str], None], patience: float = PATIENCE
    ) -> None:
        self._words = [sys.executable, "-m", "dstjax.cli", "sync", str(directory), "--follow", "--project", project]
        self._announce, self._patience = announce, patience

    def __enter__(self) -> "WandbTracker":
        self._process = subprocess.Popen(
            self._words, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, start_new_session=True
        )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        try:
            self._process.wait(self._patience)
        except subprocess.TimeoutExpired:
            self._announce("Weights & Biases: the rest is being sent in the background")


def make_tracker(name: str, project: str, directory: Path, announce: Callable[[str], None]) -> NoTracker:
    """The tracker of a run.

    Args:
      name: `wandb` or `none`.
      project: W&B project.
      directory: run directory.
      announce: called with a line for the user.

    Returns:
      A context manager that tracks the run while it is entered.
    """
    return WandbTracker(project, directory, announce) if name == "wandb" else NoTracker()
