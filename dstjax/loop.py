"""The chunk loop of a run's programs: metrics, checkpoints and stops all happen at the chunk boundary."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from dstjax.checkpoints import Checkpoints
from dstjax.fields import Config
from dstjax.plan import Plan
from dstjax.progress import Pace, ProgressView
from dstjax.runs import Row, RunDir
from dstjax.signals import StopSignals
from dstjax.tracking import Tracker


class Program(Protocol):
    """What the runner needs of a `Population`."""

    config: Config
    members: Any

    def memory_bytes(self) -> int:
        """Bytes of the state."""

    def init(self) -> Any:
        """A fresh state, a pytree with an attribute `step`."""

    def abstract_state(self) -> Any:
        """The state's shapes, types and shardings."""

    def run_chunk(self, state: Any) -> tuple[Any, Mapping[str, Any]]:
        """The next state, and metrics `[M]`."""


@dataclasses.dataclass(frozen=True)
class Session:
    """What every program of a run shares."""

    plan: Plan
    directory: RunDir
    tracker: Tracker
    view: ProgressView
    stop: StopSignals


def run_programs(session: Session, programs: Sequence[Program], members: Sequence[Sequence[Row]]) -> bool:
    """Run programs in turn, each from its newest checkpoint or from its start.

    Args:
      session: of the run.
      programs: in the order of the plan's methods.
      members: their rows of `members.csv`.

    Returns:
      Whether all of them reached their end; False after a signal.
    """
    for index, (program, rows) in enumerate(zip(programs, members, strict=True)):
        if session.stop.received is not None:
            return False
        label = f"{program.config.method} [{index + 1}/{len(programs)}]"
        if not _run_program(session, label, program, rows):
            return False
    return True


def _run_program(session: Session, label: str, program: Program, members: Sequence[Row]) -> bool:
    """Run one program from its newest checkpoint, or from its start; whether it reached its end."""
    config = program.config
    with Checkpoints(session.directory.checkpoints(config.method)) as checkpoints:
        if checkpoints.latest_step() == config.steps:
            session.directory.truncate(config.method, config.steps)
            return True
        restored = checkpoints.latest_step() is not None
        state, step = checkpoints.restore(program.abstract_state()) if restored else (program.init(), 0)
        earlier = session.directory.truncate(config.method, step)
        seconds = max((row["time/wall_s"] for row in earlier), default=0.0)
        session.tracker.start(members, {**session.plan.record()["config"], "run": session.directory.path.name})
        session.view.start(label, config.steps // config.chunk_steps, step // config.chunk_steps, len(members))
        pace = Pace(len(members), step)
        try:
            while step < config.steps and session.stop.received is None:
                state, metrics = program.run_chunk(state)
                step = int(state.step)
                pace.mark(step)
                clock = {"time/wall_s": seconds + pace.seconds(), "time/steps_per_s": pace.steps_per_second()}
                rows = _rows(session.plan, members, step, clock, metrics)
                session.directory.append(rows)
                session.tracker.log(rows)
                session.view.update(step, rows, pace, pace.seconds_left(config.steps))
                due = step // config.chunk_steps % config.checkpoint_every == 0
                if due or step == config.steps or session.stop.received is not None:
                    checkpoints.save(step, state)
        finally:
            session.tracker.finish()
    return step == config.steps


def _rows(
    plan: Plan, members: Sequence[Row], step: int, clock: Mapping[str, float], metrics: Mapping[str, Any]
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


def member_rows(plan: Plan, program_index: int, program: Program) -> list[Row]:
    """Rows of `members.csv`; the member's index runs over all programs.

    Args:
      plan: of the run.
      program_index: which of its programs.
      program: that program.

    Returns:
      One row per member.
    """
    rows = program.members.rows()
    return [
        {
            **row,
            "member": program_index * len(rows) + row["member"],
            "method": program.config.method,
            "env": plan.config.env,
        }
        for row in rows
    ]
