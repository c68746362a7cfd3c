"""The shards of a sweep: blocks of the members of each program, a job and a run directory each."""

import dataclasses
from collections.abc import Mapping
from typing import Any

from dstjax.errors import UserError
from dstjax.files import file_name
from dstjax.plan import Plan
from dstjax.sweep.spec import Sweep


@dataclasses.dataclass(frozen=True)
class Shard:
    """A block of the members of one program: what one job trains.

    Attributes:
      index: in the sweep.
      name: of its run directory.
      plan: of its run.
      first_member: index in the sweep of its member 0.
      static: the `Config` fields that vary within the sweep, for the merged rows.
    """

    index: int
    name: str
    plan: Plan
    first_member: int
    static: Mapping[str, Any] = dataclasses.field(default_factory=dict)

    def members(self) -> int:
        """Number of its members."""
        block = self.plan.block()
        return block.stop - block.start

    def expected_rows(self) -> int:
        """Rows of its `metrics.jsonl` once it is done."""
        chunks = self.plan.config.steps // self.plan.config.chunk_steps
        return self.members() * len(self.plan.methods) * chunks


def split(sweep: Sweep, count: int) -> list[Shard]:
    """The shards of a sweep.

    Args:
      sweep: its plans are one program each.
      count: parts of each program's members.

    Returns:
      Shards, those of a program next to each other.

    Raises:
      UserError: if there are fewer members than parts.
    """
    shards: list[Shard] = []
    first, names = 0, set[str]()
    for plan in sweep.plans():
        if count > plan.grid_size():
            raise UserError(f"shards: {count} is not allowed; allowed: at most {plan.grid_size()}, the members")
        static = {name: getattr(plan.config, name) for name in sweep.varied_static()}
        name = file_name([plan.config.env, plan.config.method, *(f"{key}={value}" for key, value in static.items())])
        if name in names:
            name = f"{name}-{len(shards)}"
        names.add(name)
        for k in range(count):
            part = dataclasses.replace(plan, part=(k, count))
            label = name if count == 1 else f"{name}-{k + 1}of{count}"
            shards.append(Shard(len(shards), label, part, first, static))
            first += shards[-1].members()
    return shards
