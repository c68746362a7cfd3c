"""A run from its plan to its figure; everything that can be wrong with it is found before anything is written."""

import dataclasses
import datetime
import shlex
import uuid
import warnings
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from dstjax import backend, methods
from dstjax.errors import UserError
from dstjax.loop import Job, Program, RunContext, make_jobs, run_jobs
from dstjax.memory import MemoryPlan, plan_memory
from dstjax.plan import Plan, first_difference
from dstjax.plots import plot_curves
from dstjax.progress import ProgressView
from dstjax.report import summary_table
from dstjax.runs import RunDir
from dstjax.signals import StopSignals
from dstjax.tracking import make_tracker


@dataclasses.dataclass(frozen=True)
class Place:
    """Where and how a run happens: nothing here changes its numbers.

    Attributes:
      name: of the run directory; None makes one of task, methods and time.
      runs_dir: directory of run directories.
      resume: continue the run that is there.
      tracker: `wandb` or `none`.
      wandb_project: project of the W&B runs.
      devices: devices to spread the members over; None takes all.
      members_per_program: members trained at a time; `auto` takes as many as fit into memory.
      command: what was typed, for the record.
    """

    name: str | None = None
    runs_dir: Path = Path("runs")
    resume: bool = False
    tracker: str = "wandb"
    wandb_project: str = "dstjax"
    devices: int | None = None
    members_per_program: int | str = "auto"
    command: str = ""


def build_programs(plan: Plan) -> list[Program]:
    """The compiled programs of a plan, not yet compiled.

    Args:
      plan: of the run.

    Returns:
      A `Population` per method; nothing is allocated.

    Raises:
      UserError: on a config that is not valid.
    """
    from dstjax.population import Population

    members = plan.members()
    return [Population(config, members) for config in plan.programs()]


def train(
    plan: Plan | None,
    place: Place,
    given: Mapping[str, Any] | None = None,
    build: Callable[[Plan], Sequence[Program]] = build_programs,
) -> int:
    """Run a plan, or continue a run, to its end or to the next chunk boundary after a signal.

    Args:
      plan: what to run; None takes the plan of the run that `place` names.
      place: where and how.
      given: options that must agree with the plan of a resumed run, by the names of `Plan.flat`.
      build: makes the programs of a plan.

    Returns:
      Exit code: 0, or 130 after Ctrl-C.

    Raises:
      UserError: before anything is written, if the plan or the place is not valid.
    """
    directory = _directory(plan, place)
    plan = _resumed_plan(directory, plan, given or {}) if place.resume or plan is None else plan
    for config in plan.programs():
        methods.check(config)
    if not place.resume:
        directory.require_free()
    backend.start_backend(place.devices)
    programs = build(plan)
    memory = _plan_memory(programs, _members_per_program(place, directory))
    jobs = make_jobs(plan, programs, memory.members_per_program)
    with directory.lock(), ProgressView() as view, StopSignals(view.say) as stop:
        if not place.resume:
            _create(directory, plan, place, jobs, memory)
        view.say(f"run directory: {directory.path}\n{memory}")
        with make_tracker(place.tracker, place.wandb_project, directory.path, view.say):
            finished = run_jobs(RunContext(plan, directory, view, stop), jobs)
        if not finished:
            view.say(f"stopped and saved; resume with:\n  {resume_command(place, directory)}")
            return stop.exit_code
        return _report(directory, view)


def _create(directory: RunDir, plan: Plan, place: Place, jobs: Sequence[Job], memory: MemoryPlan) -> None:
    surroundings = {
        "id": uuid.uuid4().hex,
        "command": place.command.replace(str(Path.home()), "~"),
        "members_per_program": memory.members_per_program,
        "member_bytes": {"state": memory.state, "peak": memory.peak},
        **backend.describe(),
    }
    directory.create(plan, surroundings, [row for job in jobs for row in job.members])


def _members_per_program(place: Place, directory: RunDir) -> int | None:
    """What was asked for; of a run that goes on, what it has: its checkpoints are of lanes of that size."""
    wanted = None if place.members_per_program == "auto" else int(place.members_per_program)
    if not place.resume:
        return wanted
    stored = directory.record().get("members_per_program")
    if wanted is not None and wanted != stored:
        raise UserError(f"members_per_program: {wanted} is not what the run has, {stored}; allowed: {stored}, or auto")
    return stored


def _plan_memory(programs: Sequence[Program], wanted: int | None) -> MemoryPlan:
    return plan_memory(
        programs,
        wanted,
        backend.available_bytes(),
        state_copies=backend.state_copies(),
        devices=backend.device_count(),
    )


def _directory(plan: Plan | None, place: Place) -> RunDir:
    if place.name is None and (place.resume or plan is None):
        raise UserError("name: none given; allowed: with --resume the name of the run to continue")
    if place.name is not None and (Path(place.name).name != place.name or place.name in ("", ".", "..")):
        raise UserError(f"name: '{place.name}' is not allowed; allowed: the name of a directory inside --runs-dir")
    name = place.name or plan.default_name(datetime.datetime.now())  # type: ignore[union-attr]
    return RunDir(place.runs_dir / name)


def _resumed_plan(directory: RunDir, plan: Plan | None, given: Mapping[str, Any]) -> Plan:
    """The plan of the run that is there, which what was asked for must agree with."""
    stored = directory.plan()
    wanted = plan or stored.with_options(given)
    if (difference := first_difference(stored, wanted)) is not None:
        name, old, new = (_text(value) for value in difference)
        raise UserError(f"{name}: {new} is not what the run has, {old}; allowed with --resume: {old}")
    return stored


def _text(value: Any) -> str:
    return " ".join(map(str, value)) if isinstance(value, tuple) else str(value)


def resume_command(place: Place, directory: RunDir) -> str:
    """What to type to continue a run.

    Args:
      place: of the run.
      directory: of the run.

    Returns:
      A shell command.
    """
    words = ["dstjax", "train", "--resume", "--name", directory.path.name]
    defaults = Place()
    for option in ("runs_dir", "tracker", "wandb_project", "devices", "members_per_program"):
        if (value := getattr(place, option)) != getattr(defaults, option):
            words += ["--" + option.replace("_", "-"), str(value)]
    return shlex.join(words)


def _report(directory: RunDir, view: ProgressView) -> int:
    rows = directory.rows()
    view.console.print(summary_table(rows))
    try:
        view.say(f"figure: {plot_curves(rows, directory.figure_file)}")
    except OSError as error:
        warnings.warn(f"no figure: {error}", stacklevel=2)
    view.say(f"all of it on one page: dstjax report {shlex.quote(str(directory.path))}")
    return 0
