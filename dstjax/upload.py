"""Rows of `metrics.jsonl` as Weights & Biases runs: one per member, with ids that do not change."""

import hashlib
import json
import netrc
import os
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from dstjax.runs import Row, RunDir, noise_label

LIVE_RUNS = 64
"""Members whose runs are open at a time; further ones are sent one by one at the end."""

STEPS = "env_steps"
"""The x axis of every metric."""


class Uploader:
    """Sends rows, each once: those that W&B has already are left out.

    Offline, a member's run is written anew from its first row, in the place of what was there: W&B cannot add to an
    offline run.

    Args:
      directory: the run.
      project: W&B project.
    """

    def __init__(self, directory: RunDir, project: str) -> None:
        self._directory, self._project, self._mode = directory, project, wandb_mode()
        plan, self._key = directory.plan(), directory.record().get("id") or str(directory.path.absolute())
        self._config, self._steps = plan.record()["config"], plan.config.steps
        self._members = {row["member"]: row for row in directory.members()}
        self._open: dict[int, Any] = {}
        self._next_step: dict[int, int] = {}
        self._postponed: set[int] = set()

    def send(self, rows: Iterable[Row]) -> None:
        """Log rows, opening the runs of new members; a member's last row closes its run.

        Args:
          rows: in the file's order; those sent before are ignored.
        """
        for row in rows:
            member = row["member"]
            if member in self._postponed or row["step"] < self._next_step.get(member, 0):
                continue
            if member not in self._open:
                if len(self._open) >= LIVE_RUNS:
                    self._postponed.add(member)
                    continue
                self._start(member)
            self._log(member, row)

    def finish(self, artifacts: bool = False) -> None:
        """Close every run, after the rows of the members that had to wait.

        Args:
          artifacts: also send each program's newest checkpoint.
        """
        self._close_all()
        waiting: dict[int, list[Row]] = {member: [] for member in self._postponed}
        for row in self._directory.rows() if waiting else ():
            waiting.get(row["member"], []).append(row)
        self._postponed = set()
        for rows in waiting.values():
            self.send(rows)
            self._close_all()
        if artifacts:
            self._send_checkpoints()

    def _close_all(self) -> None:
        while self._open:
            self._open.popitem()[1].finish()

    def _start(self, member: int) -> Any:
        import wandb

        row, folder, run_name = self._members[member], self._directory.path, self._directory.path.name
        if self._mode == "offline":
            for old in (folder / "wandb").glob(f"offline-run-*-{run_id(self._key, member)}"):
                shutil.rmtree(old)
        run = wandb.init(
            project=self._project,
            dir=str(folder),
            id=run_id(self._key, member),
            name=f"{run_name}-{member}",
            group=f"{row['method']} | {noise_label(row)}",
            job_type=row["method"],
            config={**self._config, **_nested(row), "run": run_name, "noise_level": noise_label(row)},
            mode=self._mode,  # type: ignore[arg-type]  # wandb itself complains about a mode that it does not know
            resume="allow" if self._mode == "online" else None,
            reinit="create_new",
            settings=_private_settings(),
        )
        run.define_metric(STEPS)
        run.define_metric("*", step_metric=STEPS)
        self._open[member] = run
        self._next_step[member] = run.step  # Above 0 where W&B has rows of this run.
        return run

    def _log(self, member: int, row: Row) -> None:
        if row["step"] >= self._next_step[member]:
            numbers = {name: value for name, value in row.items() if "/" in name and value is not None}
            self._open[member].log({STEPS: row["step"], **numbers}, step=row["step"])
            self._next_step[member] = row["step"] + 1
        if row["step"] >= self._steps:
            self._open.pop(member).finish()

    def _send_checkpoints(self) -> None:
        import wandb

        for method in {row["method"]: None for row in self._members.values()}:
            first = next(member for member, row in self._members.items() if row["method"] == method)
            run = self._start(first)
            root = self._directory.checkpoints(method)
            steps = [path for path in root.glob("**/_CHECKPOINT_METADATA") if path.parent.name.isdigit()]
            newest = {path.parent.parent: path.parent for path in sorted(steps, key=lambda p: int(p.parent.name))}
            for place, folder in newest.items():
                name = "-".join((self._directory.path.name, *place.relative_to(root.parent).parts))
                artifact = wandb.Artifact(name, "checkpoint", metadata={"method": method, STEPS: int(folder.name)})
                artifact.add_dir(str(folder))
                run.log_artifact(artifact)
            self._close_all()


class Tail:
    """Reads the rows that were added to `metrics.jsonl` since the last time; all of them after it was replaced."""

    def __init__(self, path: Path) -> None:
        self._path, self._inode, self._offset = path, 0, 0

    def read(self) -> list[Row]:
        """The new rows; a line that is not complete yet is left for later."""
        try:
            with self._path.open("rb") as file:
                status = os.fstat(file.fileno())
                if status.st_ino != self._inode or status.st_size < self._offset:
                    self._inode, self._offset = status.st_ino, 0
                file.seek(self._offset)
                lines, newline, _ = file.read().rpartition(b"\n")
        except FileNotFoundError:
            return []
        self._offset += len(lines) + len(newline)
        return [json.loads(line) for line in lines.splitlines()]


def _nested(row: Row) -> dict[str, Any]:
    """A row whose dotted names are nested, as W&B's filters and columns have them."""
    nested: dict[str, Any] = {}
    for name, value in row.items():
        *parts, last = name.split(".")
        place = nested
        for part in parts:
            place = place.setdefault(part, {})
        place[last] = value
    return nested


def _private_settings() -> Any:
    """Quiet, and without what tells who and where: host, user, path of the program, environment."""
    import wandb

    return wandb.Settings(
        silent=True, console="off", x_disable_stats=True, x_disable_meta=True, x_disable_machine_info=True,
        disable_git=True, disable_code=True, host="", username="", email="", program="dstjax", program_relpath="",
    )  # fmt: skip


def run_id(key: str, member: int) -> str:
    """The W&B id of a member.

    Args:
      key: of the run; `id` in its config.yaml.
      member: index in the run.

    Returns:
      16 hexadecimal digits, the same for the same key and member wherever the run directory lies.
    """
    return hashlib.sha256(f"{key}#{member}".encode()).hexdigest()[:16]


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
