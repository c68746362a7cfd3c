"""`dstjax sweep`."""

import dataclasses
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from dstjax.errors import UserError
from dstjax.fields import COUNT, COUNT_OR_ZERO
from dstjax.launch import LAUNCHERS
from dstjax.options import RUN_OPTIONS, Option, parse

PLACE_OPTIONS = ("tracker", "wandb_project", "devices", "members_per_program")
"""Options of `dstjax train` that a sweep hands to each of its runs."""

SWEEP_OPTIONS = (
    Option("dry_run", bool, "list the programs with their cost and stop", False),
    Option("resume", bool, "go on with what is not done of a sweep that was begun", False),
    Option("shards", int, "parts that each program's members are split into, a run each", 1, COUNT),
    Option("runs_dir", str, "directory that holds the sweep's directory", "runs"),
    Option("shard", int, "train only this shard of a sweep that was prepared; for schedulers", "all", COUNT_OR_ZERO),
)
LAUNCH_OPTIONS = (
    Option("launcher", str, "local: processes here; slurm: an array job; hosts: this is one of several processes that "
           "SLURM, a TPU or --coordinator joined; none: write the shards down and stop", "local", None, LAUNCHERS),
    Option("jobs", int, "shards at a time; SLURM's limit for the array", "1; with slurm as many as it lets", COUNT),
    Option("minutes", int, "slurm: time of a job, after which it is saved and queued again", 60, COUNT),
    Option("grace", int, "slurm: seconds before that at which it is told; more than a chunk and a save", 120, COUNT),
    Option("partition", str, "slurm: partition", "the cluster's own"),
    Option("account", str, "slurm: account", "the cluster's own"),
    Option("cpus", int, "slurm: CPU cores per job", 1, COUNT),
    Option("gpus", int, "slurm: GPUs per job", 0, COUNT_OR_ZERO),
    Option("memory", int, "slurm: memory per job (GB)", "the cluster's own", COUNT),
    Option("coordinator", str, "hosts: address:port of process 0", "found by JAX"),
    Option("num_processes", int, "hosts: how many processes", "found by JAX", COUNT),
    Option("process_id", int, "hosts: which of them this is", "found by JAX", COUNT_OR_ZERO),
)  # fmt: skip


def main(words: Sequence[str]) -> int:
    """Run a sweep file, or go on with a sweep: `dstjax sweep FILE`.

    Args:
      words: its arguments.

    Returns:
      Exit code.
    """
    summary = "Run a sweep file: methods x tasks x shapes are programs, seeds and numbers their members."
    place = tuple(option for option in RUN_OPTIONS if option.name in PLACE_OPTIONS)
    groups = {
        "sweep": ("FILE is the YAML file, or the directory of a sweep to go on with.", SWEEP_OPTIONS),
        "launch": ("How its shards become processes.", LAUNCH_OPTIONS),
        "run": ("Of each run.", place),
    }
    given, rest = parse("sweep", summary, groups, words, "FILE")
    if len(rest) != 1:
        raise UserError(f"sweep: {len(rest)} files given; allowed: one sweep file or directory")
    path = Path(rest[0])
    if "shard" in given:
        return _train_shard(path, given["shard"])
    from dstjax.launch.start import Request, start

    request = Request(
        path=path,
        place={option.name: given[option.name] for option in place if option.name in given},
        command=shlex.join(["dstjax", "sweep", *words]),
        **_fields(given, Request),
    )
    return start(request, _resources(given))


def _train_shard(path: Path, index: int) -> int:
    from dstjax.sweep.store import SweepDir
    from dstjax.sweep.train import run_shard

    return run_shard(SweepDir(path), index)


def _resources(given: Mapping[str, Any]) -> Any:
    from dstjax.launch.slurm import Resources

    return Resources(**_fields(given, Resources), parallel=given.get("jobs"))


def _fields(given: Mapping[str, Any], record: Any) -> dict[str, Any]:
    """The given options that a dataclass has a field for."""
    return {field.name: given[field.name] for field in dataclasses.fields(record) if field.name in given}
