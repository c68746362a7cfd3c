"""What a population needs, from shapes alone, and how many of its members fit at a time."""

import dataclasses
from collections.abc import Sequence
from typing import Any, Protocol

from dstjax import methods
from dstjax.errors import UserError
from dstjax.fields import Config

HEADROOM = 0.9
"""Share of the memory at hand that a run plans with."""

WORK_COPIES = 20
"""Arrays of a hidden layer's size that XLA keeps at a time while it differentiates a critic's loss twice; measured."""


class Sized(Protocol):
    """What is asked of a `Population`."""

    config: Config
    members: Any

    def memory_bytes(self) -> int:
        """Bytes of the state of all members."""


def work_bytes(config: Config) -> int:
    """Memory that the updates of one member take beside its state, roughly.

    Args:
      config: of the program.

    Returns:
      Bytes: `WORK_COPIES` arrays of batch x pooled samples x hidden units, float32.
    """
    samples = 2 * (1 if methods.get(config.method).critic == "point" else config.num_samples)
    width = max(config.width, config.model_width)
    return WORK_COPIES * 4 * config.batch_size * samples * width


@dataclasses.dataclass(frozen=True)
class MemoryPlan:
    """How a run's members share the memory at hand.

    Attributes:
      state: bytes of one member's state, of the method where it is largest.
      peak: bytes of one member at the peak: state, its copy for a checkpoint where that shares the memory, and work.
      available: bytes at hand.
      members: in each program.
      members_per_program: that are trained at a time.
    """

    state: int
    peak: int
    available: int
    members: int
    members_per_program: int

    def __str__(self) -> str:
        mib, gib = 2.0**20, 2.0**30
        lanes = -(-self.members // self.members_per_program)
        turns = "" if lanes == 1 else f"; {lanes} lanes of {self.members_per_program} members, one after the other"
        return (
            f"memory: {self.state / mib:.3g} MiB of state per member, about {self.peak / mib:.3g} MiB at the peak; "
            f"{self.members} members: {self.peak * self.members / gib:.2f} of {self.available / gib:.1f} GiB{turns}"
        )


def plan_memory(
    programs: Sequence[Sized], wanted: int | None, available: int, *, state_copies: int, devices: int
) -> MemoryPlan:
    """Choose how many members are trained at a time.

    Args:
      programs: of the run, with all members each.
      wanted: members at a time at most; None takes as many as fit.
      available: bytes at hand on all devices.
      state_copies: of the state that take this memory at the peak.
      devices: members are spread over.

    Returns:
      The plan; lanes of near equal size where the members do not fit together.

    Raises:
      UserError: where a single member for each device does not fit, or those that are wanted do not.
    """
    state = max(program.memory_bytes() // len(program.members) for program in programs)
    peak = state_copies * state + max(work_bytes(program.config) for program in programs)
    members = len(programs[0].members)
    fitting = int(HEADROOM * available // peak)
    if fitting > devices:
        fitting -= fitting % devices  # Each device holds as many members as any other.
    chosen = min(wanted or fitting, members)
    if chosen < 1 or (wanted and chosen > fitting):
        config, gib = programs[0].config, 2.0**30
        together = max(chosen, 1)
        raise UserError(
            f"replay_capacity: {min(config.replay_capacity, config.steps)} transitions for each of {together} members "
            f"need {together * peak / gib:.1f} GiB at the peak; "
            f"allowed: what fits into the {available / gib:.1f} GiB at hand"
        )
    lanes = -(-members // chosen)
    even = -(-members // lanes)
    return MemoryPlan(state, peak, available, members, min(chosen, -(-even // devices) * devices))
