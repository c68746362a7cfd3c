"""A sweep on disk: `sweep.json` says which shards it has; each shard is a run directory of its own below it."""

import csv
import dataclasses
import io
import itertools
import json
import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from dstjax.errors import UserError
from dstjax.plan import Plan, first_difference
from dstjax.runs import Row, RunDir
from dstjax.sweep.spec import Sweep

FORMAT = 1


@dataclasses.dataclass(frozen=True)
class Shard:
    """A block of the members of one program: what one job trains.

    Attributes:
      index: in the sweep.
      name: of its run directory.
      plan: of its run.
      first_member: index in the sweep of its member 0.
      static: the `Config` fields that vary within the sweep, for the merged rows.
    """

    index: int
    name: str
    plan: Plan
    first_member: int
    static: Mapping[str, Any] = dataclasses.field(default_factory=dict)

    def members(self) -> int:
        """Number of its members."""
        block = self.plan.block()
        return block.stop - block.start

    def expected_rows(self) -> int:
        """Rows of its `metrics.jsonl` once it is done."""
        chunks = self.plan.config.steps // self.plan.config.chunk_steps
        return self.members() * len(self.plan.methods) * chunks


def split(sweep: Sweep, count: int) -> list[Shard]:
    """The shards of a sweep.

    Args:
      sweep: its plans are one program each.
      count: parts of each program's members.

    Returns:
      Shards, those of a program next to each other.

    Raises:
      UserError: if there are fewer members than parts.
    """
    shards: list[Shard] = []
    first, names = 0, set[str]()
    for plan in sweep.plans():
        if count > plan.grid_size():
            raise UserError(f"shards: {count} is not allowed; allowed: at most {plan.grid_size()}, the members")
        static = {name: getattr(plan.config, name) for name in sweep.varied_static()}
        name = _file_name([plan.config.env, plan.config.method, *(f"{key}={value}" for key, value in static.items())])
        if name in names:
            name = f"{name}-{len(shards)}"
        names.add(name)
        for k in range(count):
            part = dataclasses.replace(plan, part=(k, count))
            label = name if count == 1 else f"{name}-{k + 1}of{count}"
            shards.append(Shard(len(shards), label, part, first, static))
            first += shards[-1].members()
    return shards


def _file_name(parts: Sequence[str]) -> str:
    """Parts as a name that every file system takes; a task's name may hold options with any character."""
    return re.sub(r"[^A-Za-z0-9._=-]+", "_", "-".join(parts)).lstrip(".")[:120]


class SweepDir:
    """One sweep on disk: `runs/<name>/`."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.manifest_file = path / "sweep.json"
        self.merged = RunDir(path)
        """Its `metrics.jsonl` and `members.csv` are what `merge` writes."""
        self.jobs = path / "jobs"
        """Logs, states and the launchers' files."""

    def exists(self) -> bool:
        """Whether a sweep is there."""
        return self.manifest_file.exists()

    def create(self, shards: Sequence[Shard], options: Mapping[str, Any], command: str) -> None:
        """Write the manifest.

        Args:
          shards: of the sweep.
          options: of each run's `Place`, plain data.
          command: what was typed, for the record.

        Raises:
          UserError: if the directory is not free or cannot be written.
        """
        if self.exists():
            raise UserError(f"name: '{self.path}' already holds a sweep; allowed: another name, or --resume to go on")
        self.merged.require_free()
        entries = [
            {"name": s.name, "first_member": s.first_member, "static": dict(s.static), "plan": s.plan.record()}
            for s in shards
        ]
        manifest = {"format": FORMAT, "command": command, "options": dict(options), "shards": entries}
        try:
            self.jobs.mkdir(parents=True, exist_ok=True)
            replace_file(self.manifest_file, json.dumps(manifest, indent=1))
        except OSError as error:
            raise UserError(
                f"runs_dir: cannot write to '{self.path}' ({error.strerror}); allowed: a writable place"
            ) from None

    def load(self) -> tuple[list[Shard], dict[str, Any]]:
        """The shards and the options of each run's `Place`.

        Raises:
          UserError: if there is no sweep, or it is not readable, or a shard lies outside the directory.
        """
        if not self.exists():
            raise UserError(f"sweep: no sweep in '{self.path}'; allowed: a directory that `dstjax sweep` made")
        try:
            manifest = json.loads(self.manifest_file.read_text())
            shards = [
                Shard(index, e["name"], Plan.from_record(e["plan"]), int(e["first_member"]), e["static"])
                for index, e in enumerate(manifest["shards"])
            ]
            options = dict(manifest["options"])
        except (ValueError, KeyError, TypeError) as error:
            raise UserError(f"sweep: '{self.manifest_file}' is damaged ({type(error).__name__}: {error})") from None
        for shard in shards:
            if Path(shard.name).name != shard.name or shard.name in ("", ".", ".."):
                raise UserError(f"sweep: shard '{shard.name}' is not allowed; allowed: names inside '{self.path}'")
        return shards, options

    def require_same(self, shards: Sequence[Shard]) -> None:
        """Raise `UserError`, naming the first field, where these are not the shards that are there."""
        stored, _ = self.load()
        for mine, other in zip(shards, stored, strict=False):
            if (difference := first_difference(other.plan, mine.plan)) is not None:
                name, old, new = (" ".join(map(str, x)) if isinstance(x, tuple) else x for x in difference)
                raise UserError(f"{name}: {new} is not what shard '{other.name}' has, {old}; allowed: {old}")
        names = [[s.name for s in group] for group in (shards, stored)]
        if names[0] != names[1]:
            missing = sorted(set(names[0]) ^ set(names[1]))[0]
            raise UserError(
                f"shards: {len(shards)} are not the {len(stored)} of '{self.path}' ('{missing}' is in one of the two); "
                "allowed: the same file and --shards"
            )

    def run(self, shard: Shard) -> RunDir:
        """The run directory of a shard."""
        return RunDir(self.path / shard.name)

    def rows(self) -> list[Row]:
        """The rows of all shards as if one process had trained all members: in order, and no row twice."""
        shards, _ = self.load()
        programs = itertools.groupby(shards, key=lambda shard: dataclasses.replace(shard.plan, part=(0, 1)).record())
        return [row for _, group in programs for row in _program_rows(self, list(group))]

    def members(self) -> Iterator[Row]:
        """The rows of `members.csv` of all shards that have begun."""
        for shard in self.load()[0]:
            if self.run(shard).members_file.exists():
                with self.run(shard).members_file.open(newline="") as file:
                    for row in csv.DictReader(file):
                        yield {**row, **shard.static, "member": shard.first_member + int(row["member"])}


def _program_rows(sweep: SweepDir, shards: Iterable[Shard]) -> list[Row]:
    unique: dict[tuple[int, int], Row] = {}
    for shard in shards:
        for row in sweep.run(shard).rows():
            member = shard.first_member + row["member"]
            unique.setdefault((row["step"], member), {**row, **shard.static, "member": member})
    return [unique[key] for key in sorted(unique)]


def merge(sweep: SweepDir) -> int:
    """Write the rows of all shards into the sweep's own `metrics.jsonl` and `members.csv`, each whole or not at all.

    Args:
      sweep: of any progress; merging again replaces the files.

    Returns:
      Number of rows.

    Raises:
      UserError: if no shard has a row yet.
    """
    rows, members = sweep.rows(), list(sweep.members())
    if not rows:
        raise UserError(f"merge: no rows in '{sweep.path}' yet; allowed: a sweep that has finished a chunk")
    table = io.StringIO()
    writer = csv.DictWriter(table, fieldnames=list(members[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(members)
    replace_file(sweep.merged.members_file, table.getvalue())
    replace_file(sweep.merged.metrics_file, "".join(json.dumps(row) + "\n" for row in rows))
    return len(rows)


def open_sweep(path: Path) -> tuple[SweepDir, list[Shard]]:
    """A sweep, or a single run as the only shard of one.

    Args:
      path: of its directory.

    Returns:
      The sweep and its shards.

    Raises:
      UserError: if neither is there.
    """
    if not SweepDir(path).exists() and RunDir(path).config_file.exists():
        return SweepDir(path.absolute().parent), [Shard(0, path.absolute().name, RunDir(path).plan(), 0)]
    return SweepDir(path), SweepDir(path).load()[0]


def replace_file(path: Path, text: str) -> None:
    """Write a file whole or not at all.

    Args:
      path: of the file.
      text: its new content.

    Returns:
      None.
    """
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    with draft.open("w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
