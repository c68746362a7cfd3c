"""A run from its plan to its figure; everything that can be wrong with it is found before anything is written."""

import dataclasses
import datetime
import shlex
import warnings
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from dstjax import backend, methods
from dstjax.errors import UserError
from dstjax.loop import Program, Session, member_rows, run_programs
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
      command: what was typed, for the record.
    """

    name: str | None = None
    runs_dir: Path = Path("runs")
    resume: bool = False
    tracker: str = "wandb"
    wandb_project: str = "dstjax"
    devices: int | None = None
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
    _require_memory(programs)
    members = [member_rows(plan, index, program) for index, program in enumerate(programs)]
    if not place.resume:
        surroundings = {"command": place.command, **backend.describe()}
        directory.create(plan, surroundings, [row for rows in members for row in rows])
    tracker = make_tracker(place.tracker, place.wandb_project, directory.path)
    with directory.lock(), ProgressView() as view, StopSignals(view.say) as stop:
        view.say(f"run directory: {directory.path}")
        finished = run_programs(Session(plan, directory, tracker, view, stop), programs, members)
    if not finished:
        view.say(f"stopped and saved; resume with:\n  {resume_command(place, directory)}")
        return stop.exit_code
    return _report(directory, view)


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


def _require_memory(programs: Sequence[Program]) -> None:
    needed = backend.peak_bytes(max(program.memory_bytes() for program in programs))
    available = backend.available_bytes()
    if needed > available:
        config, gib = programs[0].config, 2.0**30
        raise UserError(
            f"replay_capacity: {min(config.replay_capacity, config.steps)} transitions for each of "
            f"{len(programs[0].members)} members need {needed / gib:.1f} GiB at the peak; "
            f"allowed: what fits into the {available / gib:.1f} GiB at hand"
        )


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
    for option in ("runs_dir", "tracker", "wandb_project", "devices"):
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
    return 0
