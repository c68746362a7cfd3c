"""How far each shard of a sweep is: from its rows, its lock, its last words and the scheduler's queue."""

import contextlib
import dataclasses
import json
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Literal

from dstjax.errors import UserError
from dstjax.files import held, is_held, replace_text
from dstjax.sweep.shards import Shard
from dstjax.sweep.store import SweepDir

ATTEMPTS = 5

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
    with contextlib.ExitStack() as stack:
        for attempt in range(ATTEMPTS):
            try:
                stack.enter_context(held(_lock_path(sweep, shard), shard.name))
                break
            except UserError:
                if attempt == ATTEMPTS - 1:
                    raise
                time.sleep(0.1)  # Whoever asks whether the shard is held, holds it for a moment.
        _note(sweep, shard, "running")
        try:
            yield
        except BaseException as error:
            _note(sweep, shard, "failed", f"{type(error).__name__}: {error}")
            raise
        _note(sweep, shard, "stopped")


def give_up(sweep: SweepDir, shard: Shard, reason: str) -> None:
    """Note down that a launcher will not start a shard again.

    Args:
      sweep: of the shard.
      shard: that no process holds.
      reason: why.
    """
    _note(sweep, shard, "failed", reason)


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
    lock = _lock_path(sweep, shard) if sweep.exists() else sweep.run(shard).path / ".lock"
    if is_held(lock) or (said == "running" and share < 1.0):
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


def _note(sweep: SweepDir, shard: Shard, state: State, note: str = "") -> None:
    text = json.dumps({"state": state, "note": " ".join(note.split())[:300]})
    with contextlib.suppress(OSError):  # A full disk is said by what it stops, which this must not hide.
        replace_text(sweep.jobs / f"{shard.name}.json", text)


def _last_words(sweep: SweepDir, shard: Shard) -> dict[str, str] | None:
    try:
        words: dict[str, str] = json.loads((sweep.jobs / f"{shard.name}.json").read_text())
    except (OSError, ValueError):
        return None
    return words
