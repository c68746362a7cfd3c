"""Checkpoints of a program's whole state, with Orbax."""

import logging
from pathlib import Path
from types import TracebackType
from typing import Any

from dstjax.errors import UserError

KEPT = 2


class Checkpoints:
    """The checkpoints of one program; a context manager that closes them."""

    def __init__(self, directory: Path) -> None:
        import orbax.checkpoint as ocp

        logging.getLogger("absl").setLevel(logging.ERROR)
        self._ocp = ocp
        self._manager = ocp.CheckpointManager(directory, options=ocp.CheckpointManagerOptions(max_to_keep=KEPT))

    def __enter__(self) -> "Checkpoints":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._manager.close()

    def latest_step(self) -> int | None:
        """Environment steps per member at the newest checkpoint, or None."""
        return self._manager.latest_step()

    def save(self, step: int, state: Any) -> None:
        """Save and wait: the next chunk is given the state's memory, so nothing may read it afterwards.

        Args:
          step: environment steps per member.
          state: pytree of arrays.
        """
        self._manager.save(step, args=self._ocp.args.StandardSave(state))
        self._manager.wait_until_finished()

    def restore(self, abstract_state: Any) -> tuple[Any, int]:
        """Load the newest checkpoint that can be read.

        Args:
          abstract_state: pytree of `jax.ShapeDtypeStruct` with shardings.

        Returns:
          The state, and its environment steps per member.

        Raises:
          UserError: if there is a checkpoint but none can be read.
        """
        reason = ""
        for step in sorted(self._manager.all_steps(), reverse=True):
            try:
                return self._manager.restore(step, args=self._ocp.args.StandardRestore(abstract_state)), step
            except Exception as error:  # Orbax has no common base of what a damaged checkpoint raises.
                reason = reason or str(error).splitlines()[0]
        raise UserError(f"resume: no checkpoint in '{self._manager.directory}' can be read ({reason})")
