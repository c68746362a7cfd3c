"""A sweep on disk: `sweep.json` says which shards it has; each shard is a run directory of its own below it."""

import csv
import dataclasses
import itertools
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from dstjax.errors import NOT_A_RECORD, UserError
from dstjax.files import replace_text
from dstjax.plan import Plan, first_difference
from dstjax.runs import Row, RunDir
from dstjax.sweep.shards import Shard

FORMAT = 1


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
            replace_text(self.manifest_file, json.dumps(manifest, indent=1))
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
                Shard(index, e["name"], Plan.from_record(e["plan"]), int(e["first_member"]), dict(e["static"]))
                for index, e in enumerate(manifest["shards"])
            ]
            options = dict(manifest["options"])
        except NOT_A_RECORD as error:
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
