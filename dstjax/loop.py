"""The chunk loop of a run's programs: metrics, checkpoints and stops all happen at the chunk boundary."""

import dataclasses
import math
from collections.abc import Container, Mapping, Sequence
from functools import partial
from typing import Any, Protocol

from dstjax.checkpoints import Checkpoints, RowCount
from dstjax.errors import UserError
from dstjax.fields import Config
from dstjax.plan import Plan
from dstjax.progress import Pace, ProgressView
from dstjax.runs import Row, RunDir, line_label, noise_label
from dstjax.signals import StopSignals

FROZEN = "train/frozen_step"
"""The metric that says when a member diverged; not a number for the others."""


class Program(Protocol):
    """What the runner needs of a `Population`."""

    config: Config
    members: Any

    def memory_bytes(self) -> int:
        """Bytes of the state."""

    def split(self, size: int) -> Sequence["Program"]:
        """Programs of `size` members at most, in order."""

    def init(self) -> Any:
        """A fresh state, a pytree with an attribute `step`."""

    def run_chunk(self, state: Any) -> tuple[Any, Mapping[str, Any]]:
        """The next state, and metrics `[M]`."""

    def snapshot(self, state: Any) -> Any:
        """The state as NumPy arrays of their own."""

    def restore(self, snapshot: Any) -> Any:
        """The state of a snapshot."""

    def abstract_snapshot(self) -> Any:
        """Arrays of a snapshot's shapes and types."""


@dataclasses.dataclass(frozen=True)
class RunContext:
    """What every program of a run shares."""

    plan: Plan
    directory: RunDir
    view: ProgressView
    stop: StopSignals


@dataclasses.dataclass(frozen=True)
class Job:
    """A program of a run, by name.

    Attributes:
      name: of its directory of checkpoints: the method, and the lane where there are several.
      program: what runs.
      members: its rows of `members.csv`.
    """

    name: str
    program: Program
    members: Sequence[Row]


def run_jobs(context: RunContext, jobs: Sequence[Job]) -> bool:
    """Run programs in turn, each from its newest good checkpoint or from its start.

    Args:
      context: of the run.
      jobs: in the order they run.

    Returns:
      Whether all of them reached their end; False after a signal.
    """
    for index, job in enumerate(jobs):
        if context.stop.received is not None:
            return False
        with Checkpoints(context.directory.checkpoints(job.name)) as checkpoints:
            if not _run_job(context, f"{job.name} [{index + 1}/{len(jobs)}]", job, checkpoints):
                return False
    return True


def _run_job(context: RunContext, label: str, job: Job, checkpoints: Checkpoints) -> bool:
    """Run one program from its newest good checkpoint, or from its start; whether it reached its end."""
    program, config, stop = job.program, job.program.config, context.stop
    indices = {row["member"] for row in job.members}
    count = partial(context.directory.count, indices)
    if checkpoints.is_complete(config.steps, count):
        context.directory.truncate(indices, config.steps)
        return True
    state, step = _start(program, checkpoints, count)
    if step == 0:
        _require_early(context, job, indices)
    earlier = context.directory.truncate(indices, step)
    written, frozen = len(earlier), {row["member"] for row in earlier if row.get(FROZEN) is not None}
    pace = Pace(len(job.members), step, max((row["time/wall_s"] for row in earlier), default=0.0))
    context.view.start(label, config.steps // config.chunk_steps, step // config.chunk_steps, len(job.members))
    while step < config.steps and stop.received is None:
        with pace.computing():
            state, metrics = program.run_chunk(state)
            step = int(state.step)
        pace.mark(step)
        rows = _rows(context.plan, job.members, step, metrics, pace.row())
        context.directory.append(rows)
        written += len(rows)
        context.view.update(step, rows, pace, pace.seconds_left(config.steps))
        _report_frozen(context.view, rows, frozen)
        due = step // config.chunk_steps % config.checkpoint_every == 0
        if due or step == config.steps or stop.received is not None:
            checkpoints.wait()  # Before the copy, so that there is never more than one of them.
            checkpoints.save(step, program.snapshot(state), written)
    return step == config.steps


def _start(program: Program, checkpoints: Checkpoints, count: RowCount) -> tuple[Any, int]:
    """The state to go on from, and its environment steps per member."""
    found = checkpoints.newest(program.abstract_snapshot(), count)
    return (program.init(), 0) if found is None else (program.restore(found[0]), found[1])


def _require_early(context: RunContext, job: Job, indices: Container[int]) -> None:
    """Refuse to drop the rows of a program that had checkpoints once: training again would begin without them."""
    config = context.plan.config
    last = max((row["step"] for row in context.directory.rows() if row["member"] in indices), default=0)
    # A second checkpoint is begun only when the first one is there.
    if last > 2 * config.checkpoint_every * config.chunk_steps:
        raise UserError(
            f"resume: no checkpoint of {job.name} in '{context.directory.path}', which has rows to step {last:,}; "
            "allowed: a run whose checkpoints are there, or a new --name to train again"
        )


def _report_frozen(view: ProgressView, rows: Sequence[Row], known: set[int]) -> None:
    """Say once of each member that it diverged; `known` is added to."""
    news = [row for row in rows if not math.isnan(row.get(FROZEN, math.nan)) and row["member"] not in known]
    known.update(row["member"] for row in news)
    for row in news:
        who = f"member {row['member']} ({line_label(row)}, {noise_label(row)}, seed {row['seed']})"
        view.say(f"{who} diverged and is frozen since step {row[FROZEN]:,.0f}; {len(known)} of {len(rows)} are")


def _rows(
    plan: Plan, members: Sequence[Row], step: int, metrics: Mapping[str, Any], clock: Mapping[str, float]
) -> list[Row]:
    names = [name for name in plan.numbers if name.startswith("noise.") or name in plan.axes()]
    return [
        {
            **{name: member[name] for name in ("member", "method", "env", "seed", *names)},
            "step": step,
            **{name: values[index].item() for name, values in metrics.items()},
            **clock,
        }
        for index, member in enumerate(members)
    ]


def make_jobs(plan: Plan, programs: Sequence[Program], members_per_program: int | None = None) -> list[Job]:
    """The programs of a run by name, large ones split into lanes.

    A lane is trained to its end before the next one begins, so that the state of one lane at a time takes memory, and
    none has to be moved to and from the device.

    Args:
      plan: of the run.
      programs: one per method, in the plan's order, each with all members.
      members_per_program: at most; None splits none.

    Returns:
      The jobs, in the order they run; rows number the members through all of them from 0, as `members.csv` does.
    """
    jobs: list[Job] = []
    first = 0
    for program in programs:
        method = program.config.method
        lanes = program.split(members_per_program or len(program.members))
        for number, lane in enumerate(lanes):
            rows = [
                {**row, "member": first + row["member"], "method": method, "env": plan.config.env}
                for row in lane.members.rows()
            ]
            first += len(rows)
            jobs.append(Job(f"{method}/lane-{number}" if len(lanes) > 1 else method, lane, rows))
    return jobs
