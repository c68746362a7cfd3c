"""How far each shard of a sweep is: from its rows, its lock, its last words and the scheduler's queue."""

import contextlib
import dataclasses
import fcntl
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Literal

from dstjax.errors import UserError
from dstjax.sweep.store import Shard, SweepDir, replace_file

State = Literal["queued", "running", "stopped", "failed", "done"]


@dataclasses.dataclass(frozen=True)
class Progress:
    """Of one shard.

    Attributes:
      state: `stopped` was asked to stop and has saved; `failed` ended in an error or without a word.
      share: of its rows that are there.
      note: what is worth knowing, such as the error.
    """

    state: State
    share: float
    note: str = ""


@contextlib.contextmanager
def hold(sweep: SweepDir, shard: Shard) -> Iterator[None]:
    """Hold a shard for this process, which makes it `running`; what ends the process in an error is noted down.

    Args:
      sweep: of the shard.
      shard: to train.

    Yields:
      Nothing.

    Raises:
      UserError: if another process holds it.
    """
    with _lock_path(sweep, shard).open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise UserError(f"shard: another process is at '{shard.name}'; allowed: one process per shard") from None
        _note(sweep, shard, "running")
        try:
            yield
        except BaseException as error:
            _note(sweep, shard, "failed", f"{type(error).__name__}: {error}")
            raise
        _note(sweep, shard, "stopped")


def progress(sweep: SweepDir, shard: Shard, queue: Mapping[int, State] | None = None) -> Progress:
    """How far a shard is.

    Args:
      sweep: of the shard.
      shard: of the sweep.
      queue: what a scheduler says of shards by index: `queued` or `running`.

    Returns:
      Its progress.
    """
    share = min(_count_rows(sweep, shard) / shard.expected_rows(), 1.0)
    said = (queue or {}).get(shard.index)
    held = any(_is_held(path) for path in (_lock_path(sweep, shard), sweep.run(shard).path / ".lock"))
    if held or (said == "running" and share < 1.0):
        return Progress("running", share)
    if share == 1.0:
        return Progress("done", share)
    words = _last_words(sweep, shard)
    if said == "queued" or (words is None and not sweep.run(shard).config_file.exists()):
        return Progress("queued", share)
    if words is None:
        return Progress("stopped", share)
    if words["state"] == "running":
        return Progress("failed", share, "ended without a word: killed, or its machine failed")
    return Progress("failed" if words["state"] == "failed" else "stopped", share, words["note"])


def _count_rows(sweep: SweepDir, shard: Shard) -> int:
    try:
        with sweep.run(shard).metrics_file.open("rb") as file:
            return sum(block.count(b"\n") for block in iter(lambda: file.read(1 << 20), b""))
    except OSError:
        return 0


def _lock_path(sweep: SweepDir, shard: Shard) -> Path:
    return sweep.jobs / f"{shard.name}.lock"


def _is_held(path: Path) -> bool:
    try:
        with path.open() as lock:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except BlockingIOError:
        return True
    return False


def _note(sweep: SweepDir, shard: Shard, state: State, note: str = "") -> None:
    text = json.dumps({"state": state, "note": " ".join(note.split())[:300]})
    replace_file(sweep.jobs / f"{shard.name}.json", text)


def _last_words(sweep: SweepDir, shard: Shard) -> dict[str, str] | None:
    try:
        words: dict[str, str] = json.loads((sweep.jobs / f"{shard.name}.json").read_text())
    except (OSError, ValueError):
        return None
    return words
