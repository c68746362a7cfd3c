"""The run directory: configuration, members and metrics on disk. `metrics.jsonl` is the source of truth.

Rows are flat. `member`, `method`, `env`, `seed`, `step` and the dotted names of numbers say which row it is; names that
start with `time/` are wall clock; every other name with a slash is a metric.
"""

import csv
import json
import math
from collections.abc import Container, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import yaml

from dstjax.errors import NOT_A_RECORD, UserError
from dstjax.files import append_text, held, replace_text
from dstjax.plan import Plan

Row = dict[str, Any]
LOCK, SENDING = ".lock", ".sending"
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
        # What a process leaves that is killed while it makes a run is not in the way.
        ours = {LOCK, self.members_file.name, f".{self.config_file.name}.draft"}
        if self.path.exists() and (not self.path.is_dir() or {entry.name for entry in self.path.iterdir()} - ours):
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
            replace_text(self.config_file, yaml.safe_dump({**plan.record(), **surroundings}, sort_keys=False))
        except OSError as error:
            raise self._unwritable(error) from None

    def _unwritable(self, error: OSError) -> UserError:
        return UserError(f"runs_dir: cannot write to '{self.path}' ({error.strerror}); allowed: a writable place")

    def record(self) -> dict[str, Any]:
        """The whole of `config.yaml`: the plan's record and its surroundings.

        Raises:
          UserError: if there is none, or it is not readable.
        """
        if not self.config_file.exists():
            raise UserError(f"run: no run in '{self.path}'; allowed: the directory of a run")
        try:
            found = yaml.safe_load(self.config_file.read_text())
        except (yaml.YAMLError, OSError, UnicodeDecodeError) as error:
            raise self.damaged(error) from None
        if not isinstance(found, dict):
            raise self.damaged(TypeError("not a mapping"))
        return found

    def plan(self) -> Plan:
        """The plan of the run that is there; raises `UserError` if there is none, or it is not readable."""
        try:
            return Plan.from_record(self.record())
        except UserError:
            raise
        except NOT_A_RECORD as error:
            raise self.damaged(error) from None

    def damaged(self, error: Exception) -> UserError:
        """The error for a `config.yaml` that cannot be read."""
        return UserError(f"run: '{self.config_file}' is damaged ({type(error).__name__}: {error})")

    def lock(self) -> AbstractContextManager[None]:
        """Hold the run for this process, making its directory if it is not there; two would write each row twice.

        Returns:
          A context manager.

        Raises:
          UserError: on entering, if another process holds the run; at once, if the directory cannot be made.
        """
        try:
            self.path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise self._unwritable(error) from None
        return held(self.path / LOCK, str(self.path))

    def sending(self, *, wait: bool) -> AbstractContextManager[None]:
        """Hold the right to send the run's rows to W&B; with `wait`, wait until another process is done with it."""
        return held(self.path / SENDING, f"sending {self.path}", wait=wait)

    def members(self) -> list[Row]:
        """The rows of `members.csv`."""
        words = ("method", "env")
        with self.members_file.open(newline="") as file:
            return [
                {
                    name: int(value) if name in IDENTITY else float(value)
                    for name, value in row.items()
                    if name not in words
                }
                | {name: row[name] for name in words}
                for row in csv.DictReader(file)
            ]

    def checkpoints(self, name: str) -> Path:
        """Directory of a program's checkpoints."""
        return (self.path / "checkpoints" / name).absolute()

    def append(self, rows: Iterable[Row]) -> None:
        """Add rows and see them onto the disk, so that a checkpoint saved afterwards is never ahead of them.

        Args:
          rows: of one chunk.

        Raises:
          UserError: if they cannot be written; the file is as it was.
        """
        text = "".join(json.dumps({key: _plain(value) for key, value in row.items()}) + "\n" for row in rows)
        try:
            append_text(self.metrics_file, text)
        except OSError as error:
            raise UserError(
                f"disk: cannot write '{self.metrics_file}' ({error.strerror}); "
                "what was saved before is good: make room, then --resume"
            ) from None

    def rows(self) -> list[Row]:
        """Every row so far; a last line cut short by a crash is left out."""
        if not self.metrics_file.exists():
            return []
        lines = self.metrics_file.read_text().split("\n")
        try:
            return [json.loads(line) for line in lines[:-1]]
        except json.JSONDecodeError as error:
            raise UserError(f"'{self.metrics_file}' is damaged ({error.msg}): '{error.doc[:60]}'") from None

    def count(self, members: Container[int], step: int) -> int:
        """How many rows some members have up to a number of environment steps."""
        return sum(row["member"] in members and row["step"] <= step for row in self.rows())

    def truncate(self, members: Container[int], step: int) -> list[Row]:
        """Drop the rows of a program that lie beyond a checkpoint, and a line cut short: resuming writes them again.

        Args:
          members: of the program, by their index in the run.
          step: environment steps per member at the checkpoint.

        Returns:
          The program's rows that are left.
        """
        rows = self.rows()
        kept = [row for row in rows if row["member"] not in members or row["step"] <= step]
        text = "".join(json.dumps(row) + "\n" for row in kept)
        if self.metrics_file.exists() and self.metrics_file.stat().st_size != len(text.encode()):
            try:
                replace_text(self.metrics_file, text)
            except OSError as error:
                raise self._unwritable(error) from None
        return [row for row in kept if row["member"] in members]


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
    """The method of a row, and the fields besides noise that vary within what is compared.

    Args:
      row: of `metrics.jsonl`.

    Returns:
      For instance `dst`, or `dst, critic_lr 0.001`.
    """
    fields = [(name, row[name]) for name in number_names(row) if not name.startswith("noise.")]
    words = (f"{name} {value if isinstance(value, str) else format(value, 'g')}" for name, value in fields)
    return ", ".join([row["method"], *words])


def _plain(value: Any) -> Any:
    """A value that JSON has: NumPy scalars as Python's, and null for what is not a finite number."""
    value = value.item() if hasattr(value, "item") else value
    return None if isinstance(value, float) and not math.isfinite(value) else value
