"""The run directory: configuration, members and metrics on disk. `metrics.jsonl` is the source of truth.

Rows are flat. `member`, `method`, `env`, `seed`, `step` and the dotted names of numbers say which row it is; names that
start with `time/` are wall clock; every other name with a slash is a metric.
"""

import contextlib
import csv
import fcntl
import json
import math
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from dstjax.errors import UserError
from dstjax.plan import Plan

Row = dict[str, Any]
IDENTITY = ("member", "method", "env", "seed", "step")


class RunDir:
    """One run on disk: `runs/<name>/`."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.config_file = path / "config.yaml"
        self.members_file = path / "members.csv"
        self.metrics_file = path / "metrics.jsonl"
        self.figure_file = path / "curves.png"

    def require_free(self) -> None:
        """Raise `UserError` where something is in the way of a new run."""
        if self.config_file.exists():
            raise UserError(
                f"name: '{self.path}' already holds a run; allowed: another --name, or --resume to continue it"
            )
        if self.path.exists() and (not self.path.is_dir() or any(self.path.iterdir())):
            raise UserError(f"name: '{self.path}' is not empty; allowed: the name of a new or empty directory")

    def create(self, plan: Plan, surroundings: Mapping[str, Any], members: Sequence[Mapping[str, Any]]) -> None:
        """Write what a run is before it starts.

        Args:
          plan: the resolved configuration.
          surroundings: plain data to record beside it: command, versions, device, precision.
          members: one row per member of the run.

        Raises:
          UserError: if the directory is not free or cannot be written.
        """
        self.require_free()
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            with self.members_file.open("w", newline="") as file:
                writer = csv.DictWriter(file, fieldnames=list(members[0]))
                writer.writeheader()
                writer.writerows(members)
            # Last, and whole: a directory with a config.yaml is a run that can be resumed.
            _replace(self.config_file, yaml.safe_dump({**plan.record(), **surroundings}, sort_keys=False))
        except OSError as error:
            raise UserError(
                f"runs_dir: cannot write to '{self.path}' ({error.strerror}); allowed: a writable place"
            ) from None

    def plan(self) -> Plan:
        """The plan of the run that is there.

        Raises:
          UserError: if there is none, or it is not readable.
        """
        if not self.config_file.exists():
            raise UserError(f"resume: no run in '{self.path}'; allowed: the name of a run in '{self.path.parent}'")
        try:
            return Plan.from_record(yaml.safe_load(self.config_file.read_text()))
        except (yaml.YAMLError, KeyError, TypeError) as error:
            raise UserError(f"resume: '{self.config_file}' is damaged ({type(error).__name__}: {error})") from None

    @contextlib.contextmanager
    def lock(self) -> Iterator[None]:
        """Hold the run for this process; the system lets go of it however the process ends.

        Raises:
          UserError: if another process holds it: two would write each row twice.
        """
        with (self.path / ".lock").open("w") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise UserError(f"name: another process is at '{self.path}'; allowed: one process per run") from None
            yield

    def checkpoints(self, method: str) -> Path:
        """Directory of a program's checkpoints."""
        return (self.path / "checkpoints" / method).absolute()

    def append(self, rows: Iterable[Row]) -> None:
        """Add rows and see them onto the disk, so that a checkpoint saved afterwards is never ahead of them."""
        text = "".join(json.dumps({key: _plain(value) for key, value in row.items()}) + "\n" for row in rows)
        with self.metrics_file.open("a") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())

    def rows(self) -> list[Row]:
        """Every row so far; a last line cut short by a crash is left out."""
        if not self.metrics_file.exists():
            return []
        lines = self.metrics_file.read_text().split("\n")
        try:
            return [json.loads(line) for line in lines[:-1]]
        except json.JSONDecodeError as error:
            raise UserError(f"'{self.metrics_file}' is damaged ({error.msg}): '{error.doc[:60]}'") from None

    def truncate(self, method: str, step: int) -> list[Row]:
        """Drop the rows of a program that lie beyond a checkpoint: resuming writes them again.

        Args:
          method: of the program.
          step: environment steps per member at the checkpoint.

        Returns:
          The program's rows that are left.
        """
        rows = self.rows()
        kept = [row for row in rows if row["method"] != method or row["step"] <= step]
        if self.metrics_file.exists():
            _replace(self.metrics_file, "".join(json.dumps(row) + "\n" for row in kept))
        return [row for row in kept if row["method"] == method]


def number_names(row: Row) -> list[str]:
    """Names of the numbers that a row carries.

    Args:
      row: of `metrics.jsonl` or `members.csv`.

    Returns:
      Dotted names, in the row's order.
    """
    return [name for name in row if name not in IDENTITY and "/" not in name]


def noise_label(row: Row) -> str:
    """The noise level of a row, in words.

    Args:
      row: of `metrics.jsonl`.

    Returns:
      For instance `no noise`, or `obs_scale 0.2`.
    """
    levels = [(name.removeprefix("noise."), row[name]) for name in number_names(row) if name.startswith("noise.")]
    return ", ".join(f"{name} {value:g}" for name, value in levels if value) or "no noise"


def line_label(row: Row) -> str:
    """The method of a row, and the numbers besides noise that vary within the run.

    Args:
      row: of `metrics.jsonl`.

    Returns:
      For instance `dst`, or `dst, critic_lr 0.001`.
    """
    numbers = [name for name in number_names(row) if not name.startswith("noise.")]
    return ", ".join([row["method"], *(f"{name} {row[name]:g}" for name in numbers)])


def _plain(value: Any) -> Any:
    """A value that JSON has: NumPy scalars as Python's, and null for what is not a finite number."""
    value = value.item() if hasattr(value, "item") else value
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _replace(path: Path, text: str) -> None:
    """Write a file whole or not at all."""
    draft = path.with_name(f".{path.name}.draft")
    with draft.open("w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
