"""What a run has learned, read back from its newest checkpoints."""

import dataclasses
from collections.abc import Iterator
from functools import partial
from typing import Any

from dstjax.agent import Agent
from dstjax.agent.core import Learner
from dstjax.checkpoints import Checkpoints
from dstjax.config import Hyper
from dstjax.errors import UserError
from dstjax.loop import make_jobs
from dstjax.runner import build_programs
from dstjax.runs import Row, RunDir


@dataclasses.dataclass(frozen=True)
class Trained:
    """The members of one compiled program of a run.

    Attributes:
      agent: the static half.
      learner: networks and statistics, every leaf `[M]`.
      hyper: numbers, every leaf `[M]`.
      rows: of `members.csv`.
      step: environment steps per member.
    """

    agent: Agent
    learner: Learner
    hyper: Hyper
    rows: list[Row]
    step: int

    def member(self, index: int) -> tuple[Learner, Hyper]:
        """One member by its place among the rows: leaves without `[M]`."""
        import jax

        learner, hyper = jax.tree.map(lambda leaf: leaf[index], (self.learner, self.hyper))
        return learner, hyper


def load(directory: RunDir, method: str | None = None, member: int | None = None) -> Iterator[Trained]:
    """Read the programs of a run that have a checkpoint, one at a time.

    Args:
      directory: of the run.
      method: only this method's.
      member: only the program that this member, by its index in the run, belongs to.

    Yields:
      Each program, in the order of the run.

    Raises:
      UserError: if there is no such member, or nothing to read.
    """
    plan, record = directory.plan(), directory.record()
    jobs = make_jobs(plan, build_programs(plan), record.get("members_per_program"))
    last = max(row["member"] for job in jobs for row in job.members)
    if member is not None and not 0 <= member <= last:
        raise UserError(f"--member: {member} is not allowed; allowed: a whole number in [0, {last}]")
    found = False
    for job in jobs:
        rows = list(job.members)
        indices = {row["member"] for row in rows}
        if (member is not None and member not in indices) or (method is not None and rows[0]["method"] != method):
            continue
        program: Any = job.program
        with Checkpoints(directory.checkpoints(job.name)) as checkpoints:
            read = checkpoints.newest(program.abstract_snapshot(), partial(directory.count, indices))
        if read is not None:
            found = True
            state, step = read
            yield Trained(program.agent, state.members.learner, program.members.hyper, rows, step)
    if not found:
        raise UserError(
            f"run: no checkpoint of what was asked for in '{directory.path}'; allowed: a run that saved one"
        )
