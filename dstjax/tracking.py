"""Weights & Biases: one run per member, grouped by method and noise. It is a view; `metrics.jsonl` is the truth."""

import hashlib
import netrc
import os
import warnings
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urlsplit

from dstjax.runs import Row, line_label, noise_label


class Tracker(Protocol):
    """What the runner tells; one `start`, many `log`, one `finish` per program."""

    def start(self, members: Sequence[Row], config: Mapping[str, Any]) -> None:
        """A program with these members begins; `config` is plain data."""

    def log(self, rows: Sequence[Row]) -> None:
        """A chunk has ended, one row per member."""

    def finish(self) -> None:
        """The program has ended or stopped."""


class NoTracker:
    """Tracks nothing."""

    def start(self, members: Sequence[Row], config: Mapping[str, Any]) -> None:
        """Ignore."""

    def log(self, rows: Sequence[Row]) -> None:
        """Ignore."""

    def finish(self) -> None:
        """Ignore."""


class WandbTracker:
    """Tracks each member as a run of its own.

    A run's id is a function of the run directory, so that a resumed run goes on in the same W&B run, and lost ones can
    be rebuilt from `metrics.jsonl`. The first failure warns and switches tracking off; training goes on.

    Args:
      project: W&B project.
      directory: run directory; W&B's files go into it.
    """

    def __init__(self, project: str, directory: Path) -> None:
        self._project, self._directory = project, directory
        self._runs: dict[int, Any] = {}
        self._failed = False

    def start(self, members: Sequence[Row], config: Mapping[str, Any]) -> None:
        """Open a run per member.

        Args:
          members: rows of `members.csv`.
          config: plain data for each run's config, beside the member's own row.
        """
        self._guard(lambda: self._open(members, config))

    def log(self, rows: Sequence[Row]) -> None:
        """Log a chunk.

        Args:
          rows: of `metrics.jsonl`, one per member.
        """
        for row in rows:
            numbers = {name: value for name, value in row.items() if "/" in name and value is not None}
            self._guard(partial(self._log_row, row, numbers))

    def _log_row(self, row: Row, numbers: Mapping[str, float]) -> None:
        self._runs[row["member"]].log(numbers, step=row["step"])

    def finish(self) -> None:
        """Close the runs."""
        for run in self._runs.values():
            self._guard(run.finish)
        self._runs = {}

    def _open(self, members: Sequence[Row], config: Mapping[str, Any]) -> None:
        import wandb

        mode = wandb_mode()
        settings = wandb.Settings(silent=True, console="off", x_disable_stats=True, disable_git=True, disable_code=True)
        for member in members:
            group = f"{line_label({'method': member['method']})} | {noise_label(member)}"
            self._runs[member["member"]] = wandb.init(
                project=self._project,
                dir=str(self._directory),
                id=run_id(self._directory, member["member"]),
                name=f"{self._directory.name}-{member['member']}",
                group=group,
                job_type=str(member["method"]),
                config={**config, **member},
                mode=mode,  # type: ignore[arg-type]  # wandb complains itself about a WANDB_MODE that it does not know
                resume="allow" if mode == "online" else None,
                reinit="create_new",
                settings=settings,
            )

    def _guard(self, action: Callable[[], Any]) -> None:
        if self._failed:
            return
        try:
            action()
        except Exception as error:  # Whatever a logger does, it must not end a training run.
            self._failed = True
            warnings.warn(f"Weights & Biases is off for the rest of this run: {error}", stacklevel=3)


def run_id(directory: Path, member: int) -> str:
    """The W&B id of a member.

    Args:
      directory: run directory.
      member: index in the run.

    Returns:
      16 hexadecimal digits, the same for the same directory and member.
    """
    return hashlib.sha256(f"{directory.absolute()}#{member}".encode()).hexdigest()[:16]


def wandb_mode() -> str:
    """Online only where an account is set up, so that nobody is asked and nothing waits for a network.

    Returns:
      `WANDB_MODE` if it is set; else `online` with an API key in the environment or the user's netrc; else `offline`.
    """
    if os.environ.get("WANDB_MODE"):
        return os.environ["WANDB_MODE"]
    return "online" if os.environ.get("WANDB_API_KEY") or _netrc_has_key() else "offline"


def _netrc_has_key() -> bool:
    import wandb

    host = urlsplit(wandb.Settings().base_url).hostname
    try:
        file = netrc.netrc(os.environ.get("NETRC"))
    except (OSError, netrc.NetrcParseError):
        return False
    return host is not None and host in file.hosts


def make_tracker(name: str, project: str, directory: Path) -> Tracker:
    """The tracker of a run.

    Args:
      name: `wandb` or `none`.
      project: W&B project.
      directory: run directory.

    Returns:
      A tracker.
    """
    return WandbTracker(project, directory) if name == "wandb" else NoTracker()
