"""A sweep from its file to its merged rows: prepared on disk, its programs listed, its shards launched."""

import dataclasses
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from dstjax import backend
from dstjax.distributed import agree, join
from dstjax.errors import UserError
from dstjax.launch.hosts import run_hosts
from dstjax.launch.local import run_local
from dstjax.launch.slurm import Resources, queue, submit
from dstjax.progress import make_console
from dstjax.report import summary_table
from dstjax.sweep.file import load
from dstjax.sweep.merged import merge
from dstjax.sweep.shards import Shard, split
from dstjax.sweep.state import progress
from dstjax.sweep.store import SweepDir


@dataclasses.dataclass(frozen=True)
class Request:
    """What was asked for.

    Attributes:
      path: a sweep file, or the directory of a sweep to go on with.
      command: what was typed, for the record.
      place: options of each run, see `runner.Place`.
      runs_dir: directory that holds the sweep's directory.
      resume: go on with a sweep that is there.
      dry_run: list the programs and stop.
      shards: parts of each program's members; None takes one, or with `hosts` as many as there are processes.
      launcher: `local`, `slurm`, `hosts` or `none`.
      jobs: processes at a time.
      coordinator: see `distributed.join`.
      num_processes: see `distributed.join`.
      process_id: see `distributed.join`.
    """

    path: Path
    command: str
    place: Mapping[str, Any]
    runs_dir: str = "runs"
    resume: bool = False
    dry_run: bool = False
    shards: int | None = None
    launcher: str = "local"
    jobs: int | None = None
    coordinator: str | None = None
    num_processes: int | None = None
    process_id: int | None = None


def start(request: Request, resources: Resources) -> int:
    """Do what was asked for.

    Args:
      request: what.
      resources: of each job under SLURM.

    Returns:
      Exit code: 0; 1 if a shard failed; 130 after Ctrl-C.

    Raises:
      UserError: before anything is written, if the request is not valid.
    """
    say = make_console().print
    if request.launcher == "hosts" and not request.dry_run:
        return _start_hosts(request)
    sweep, shards = _shards(request, request.shards or 1)
    if request.dry_run:
        return _print_cost(sweep, shards)
    if code := subprocess.run(_listing(request), check=False).returncode:
        return code
    _prepare(request, sweep, shards)
    said = queue(sweep)
    todo = [shard for shard in shards if progress(sweep, shard, said).state not in ("done", "running")]
    say(f"sweep directory: {sweep.path}; {len(todo)} of {len(shards)} shards to train")
    if request.launcher == "slurm":
        if todo := [shard for shard in todo if shard.index not in said]:
            say(f"job {submit(sweep, todo, resources)}; see: dstjax status {sweep.path}")
        return 0
    if request.launcher == "none":
        say(f"train shard K of them with: dstjax sweep {sweep.path} --shard K, K from 0 to {len(shards) - 1}")
        return 0
    code = run_local(sweep, todo, request.jobs or 1, say)
    report(sweep)
    return code


def report(sweep: SweepDir) -> None:
    """Merge what there is and print its table; nothing where no shard has finished a chunk.

    Args:
      sweep: of any progress.

    Returns:
      None.
    """
    rows = sweep.rows()
    if rows:
        count = merge(sweep)
        make_console().print(summary_table(rows))
        make_console().print(f"merged: {count} rows in {sweep.merged.metrics_file}")


def _start_hosts(request: Request) -> int:
    backend.request_devices(request.place.get("devices"))
    process, processes = join(request.coordinator, request.num_processes, request.process_id)
    sweep, shards = _shards(request, request.shards or processes)
    if not agree(repr([(shard.name, shard.plan) for shard in shards])):
        raise UserError("launcher: the processes have other sweeps; allowed: one file and one --shards for all")
    problem = ""
    if process == 0:
        try:
            _prepare(request, sweep, shards)
        except UserError as error:
            problem = str(error)
    # Whoever could not begin says so to all: otherwise they would wait for it.
    if not agree(problem):
        raise UserError(problem or "launcher: process 0 could not begin; allowed: see its output")
    return run_hosts(sweep, shards, process, processes, make_console().print)


def _shards(request: Request, count: int) -> tuple[SweepDir, list[Shard]]:
    """The sweep that is asked for, and its shards: read from its directory, or made of its file."""
    if request.path.is_dir():
        sweep = SweepDir(request.path)
        return sweep, sweep.load()[0]
    spec = load(request.path)
    sweep = SweepDir(Path(request.runs_dir) / spec.name)
    if request.resume and not sweep.exists():
        raise UserError(f"resume: no sweep in '{sweep.path}'; allowed: without --resume, to begin it")
    return sweep, split(spec, count)


def _prepare(request: Request, sweep: SweepDir, shards: Sequence[Shard]) -> None:
    """Write the sweep down, or check that it is the one that is there."""
    if not sweep.exists() or not (request.resume or request.path.is_dir()):
        sweep.create(shards, request.place, request.command)
        return
    sweep.require_same(shards)
    _, stored = sweep.load()
    for name, value in request.place.items():
        if stored.get(name) != value:
            had = stored.get(name, "the default")
            raise UserError(f"{name}: {value} is not what the sweep has, {had}; allowed with --resume: {had}")


def _listing(request: Request) -> list[str]:
    """A process that lists the programs: the launcher itself must not hold a device that its workers need."""
    words = [sys.executable, "-m", "dstjax.cli", "sweep", str(request.path), "--dry-run"]
    return [*words, "--runs-dir", request.runs_dir, "--shards", str(request.shards or 1)]


def _print_cost(sweep: SweepDir, shards: Sequence[Shard]) -> int:
    from dstjax.sweep.cost import cost_table

    backend.start_backend()
    make_console().print(cost_table(shards, sweep.path.name))
    return 0
