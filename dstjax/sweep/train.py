"""One shard of a sweep, trained here: from its start, or from its newest checkpoint."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from dstjax import runner
from dstjax.errors import UserError
from dstjax.loop import Program
from dstjax.plan import Plan
from dstjax.sweep.shards import Shard
from dstjax.sweep.state import hold
from dstjax.sweep.store import SweepDir


def run_shard(sweep: SweepDir, index: int, build: Callable[[Plan], Sequence[Program]] = runner.build_programs) -> int:
    """Train a shard to its end, or to the next chunk boundary after a signal; a shard that is done is left alone.

    Args:
      sweep: of the shard.
      index: of the shard.
      build: makes the programs of a plan.

    Returns:
      Exit code: 0, or 130 after Ctrl-C.

    Raises:
      UserError: if another process trains it, or it cannot be trained.
    """
    shards, options = sweep.load()
    if index >= len(shards):
        raise UserError(f"shard: {index} is not allowed; allowed: 0 to {len(shards) - 1}")
    shard = shards[index]
    with hold(sweep, shard):
        begun = sweep.run(shard).config_file.exists()
        if not begun:
            _clear(sweep, shard)
        own: dict[str, Any] = {"name": shard.name, "runs_dir": sweep.path, "resume": begun}
        try:
            place = runner.Place(**options, **own, command=f"dstjax sweep {sweep.path.name} --shard {index}")
        except TypeError as error:
            raise UserError(f"sweep: the options in '{sweep.manifest_file}' are damaged ({error})") from None
        return runner.train(shard.plan, place, {}, build)


def _clear(sweep: SweepDir, shard: Shard) -> None:
    """Remove what a process left that was killed while it made the run directory: files, and no checkpoint yet."""
    directory: Path = sweep.run(shard).path
    if directory.exists():
        for path in directory.iterdir():
            if path.is_file():
                path.unlink()
