"""Checkpoints of a program's whole state, with Orbax: written in the background, whole or not at all, and verified."""

import hashlib
import logging
import warnings
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np

from dstjax.errors import UserError

KEPT = 2

RowCount = Callable[[int], int]
"""Environment steps per member -> rows of the program in `metrics.jsonl` up to there."""


class Checkpoints:
    """The checkpoints of one program; a context manager that waits for the last one to be written.

    Orbax writes a directory under another name and renames it, so that a crash leaves no half of one. It cannot see
    damage done later: hence a digest of the arrays lies beside them, and is compared on reading.

    Args:
      directory: made if it is not there; of this program and process alone.
    """

    def __init__(self, directory: Path) -> None:
        import jax
        import orbax.checkpoint as ocp

        logging.getLogger("absl").setLevel(logging.ERROR)
        self._ocp, self._directory = ocp, directory
        process = jax.process_index()
        options = ocp.CheckpointManagerOptions(
            max_to_keep=KEPT,
            enable_async_checkpointing=False,  # This class has a thread of its own, which the digest needs too.
            cleanup_tmp_directories=True,
            # Each process has checkpoints of its own members, and waits for no other.
            multiprocessing_options=ocp.options.MultiprocessingOptions(
                primary_host=process, active_processes={process} if jax.process_count() > 1 else None,
                barrier_sync_key_prefix=f"process-{process}" if jax.process_count() > 1 else None,
            ),
            create=jax.process_count() == 1,
        )  # fmt: skip
        try:
            directory.mkdir(parents=True, exist_ok=True)
            self._manager = ocp.CheckpointManager(directory, options=options)
        except OSError as error:
            raise _unwritable(directory, error) from None
        self._writer = ThreadPoolExecutor(1, "checkpoint")
        self._pending: Future[None] | None = None

    def __enter__(self) -> "Checkpoints":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if kind is None:
                self.wait()
        finally:
            self._writer.shutdown()
            self._manager.close()

    def steps(self) -> list[int]:
        """Environment steps per member of the checkpoints that are there, readable or not, newest first."""
        return sorted(self._manager.all_steps(), reverse=True)

    def wait(self) -> None:
        """Wait until what was saved is on disk.

        Raises:
          UserError: if it could not be written; the checkpoint before is still there.
        """
        pending, self._pending = self._pending, None
        if pending is None:
            return
        try:
            pending.result()
        except Exception as error:  # Orbax has no common base of what a full disk raises.
            raise _unwritable(self._directory, error) from None

    def save(self, step: int, snapshot: Any, rows: int) -> None:
        """Write in the background, after the one before: at most one is under way.

        Args:
          step: environment steps per member.
          snapshot: pytree of NumPy arrays that nobody changes any more.
          rows: of the program in `metrics.jsonl`, all of them on disk.

        Raises:
          UserError: if the one before could not be written.
        """
        self.wait()
        self._pending = self._writer.submit(self._write, step, snapshot, rows)

    def _write(self, step: int, snapshot: Any, rows: int) -> None:
        for skipped in self.steps():
            if skipped >= step:  # Only a checkpoint that was not used on resuming can be there.
                self._manager.delete(skipped)
        args, arrays = self._ocp.args, _named(snapshot)
        record = {"rows": rows, "digest": digest(arrays)}
        items = args.Composite(state=args.StandardSave(arrays), record=args.JsonSave(record))
        self._manager.save(step, args=items, force=True)

    def is_complete(self, step: int, rows: RowCount) -> bool:
        """Whether the program ended at `step`: a checkpoint of it is there, and all of its rows."""
        if step not in self.steps():
            return False
        try:
            self._check_rows(step, self._manager.restore(step, args=self._record_item()).record, rows)
        except Exception:  # `newest` will say what is wrong with it.
            return False
        return True

    def newest(self, abstract_snapshot: Any, rows: RowCount) -> tuple[Any, int] | None:
        """The newest checkpoint that can be read and whose rows are all there; others are named in a warning.

        Args:
          abstract_snapshot: pytree of arrays with the shapes and types of a snapshot; their values do not matter.
          rows: counts the rows of the program up to a step.

        Returns:
          The snapshot and its environment steps per member; None if there is no checkpoint.

        Raises:
          UserError: if there are checkpoints, but none of them is good.
        """
        reason = ""
        for step in self.steps():
            try:
                return self._read(step, abstract_snapshot, rows), step
            except Exception as error:  # Orbax has no common base of what a damaged checkpoint raises.
                reason = (str(error).splitlines() or [type(error).__name__])[0]
                warnings.warn(f"checkpoint '{self._directory / str(step)}' is skipped: {reason}", stacklevel=2)
        if reason:
            raise UserError(f"resume: no checkpoint in '{self._directory}' can be used ({reason})")
        return None

    def _read(self, step: int, abstract_snapshot: Any, rows: RowCount) -> Any:
        state_item = self._ocp.args.StandardRestore(_named(abstract_snapshot))
        read = self._manager.restore(step, args=self._record_item(state=state_item))
        self._check_rows(step, read.record, rows)
        if digest(read.state) != read.record["digest"]:
            raise ValueError("its arrays are not those that were saved")
        return _filled(abstract_snapshot, read.state)

    def _record_item(self, **others: Any) -> Any:
        return self._ocp.args.Composite(record=self._ocp.args.JsonRestore(), **others)

    @staticmethod
    def _check_rows(step: int, record: dict[str, Any], rows: RowCount) -> None:
        if (found := rows(step)) != record["rows"]:
            raise ValueError(f"metrics.jsonl has {found} rows up to it, not {record['rows']}")


def digest(arrays: Mapping[str, np.ndarray]) -> str:
    """A fingerprint of arrays: names, types, shapes and every bit.

    Args:
      arrays: by name.

    Returns:
      SHA-256, hexadecimal.
    """
    found = hashlib.sha256()
    for name, array in sorted(arrays.items()):
        found.update(f"{name} {array.dtype} {array.shape}".encode())
        found.update(np.ascontiguousarray(array).reshape(-1).view(np.uint8).data)
    return found.hexdigest()


def _named(snapshot: Any) -> dict[str, np.ndarray]:
    """The arrays of a snapshot by dotted name, without the empty ones: Orbax writes none of no size."""
    import jax

    named = {_name(path): leaf for path, leaf in jax.tree_util.tree_leaves_with_path(snapshot)}
    return {name: leaf for name, leaf in named.items() if leaf.size}


def _filled(abstract_snapshot: Any, arrays: Mapping[str, np.ndarray]) -> Any:
    """A snapshot of the arrays of `_named`."""
    import jax

    return jax.tree_util.tree_map_with_path(lambda path, leaf: arrays.get(_name(path), leaf), abstract_snapshot)


def _name(path: Any) -> str:
    import jax

    return jax.tree_util.keystr(path, simple=True, separator=".")


def _unwritable(directory: Path, error: Exception) -> UserError:
    reason = getattr(error, "strerror", None) or (str(error).splitlines() or [type(error).__name__])[0][:200]
    return UserError(
        f"disk: cannot write '{directory}' ({reason}); what was saved before is good: make room, then --resume"
    )
