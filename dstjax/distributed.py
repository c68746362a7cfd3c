"""Several processes, on one or many hosts, that JAX's runtime has joined; each trains members of its own."""

import hashlib

from dstjax.errors import UserError

SHUTDOWN_SECONDS = 30 * 24 * 3600
"""How long a process that is done waits for the others: leaving earlier would end them."""


def join(coordinator: str | None = None, processes: int | None = None, process: int | None = None) -> tuple[int, int]:
    """Join the processes; call it before anything else starts JAX's backend.

    Args:
      coordinator: `address:port` of process 0; None lets JAX find everything out, under SLURM or on a TPU slice.
      processes: how many there are.
      process: which of them this is.

    Returns:
      This process's index, and the number of processes.

    Raises:
      UserError: where they do not find each other.
    """
    import jax

    given = (coordinator, processes, process)
    if any(value is None for value in given) and any(value is not None for value in given):
        raise UserError(
            "coordinator: not given with both of num_processes and process_id; allowed: all three, or none under SLURM "
            "and on TPUs"
        )
    try:
        jax.distributed.initialize(coordinator, processes, process, shutdown_timeout_seconds=SHUTDOWN_SECONDS)
    except (RuntimeError, ValueError) as error:
        reason = str(error).splitlines()[0]
        raise UserError(
            f"launcher: no other processes found ({reason}); allowed: hosts under srun or on TPUs"
        ) from None
    return jax.process_index(), jax.process_count()


def agree(text: str) -> bool:
    """Whether all processes hold the same text; every process calls it and waits for the others.

    Args:
      text: such as the plans of a sweep.

    Returns:
      The same answer in every process.
    """
    import numpy as np
    from jax.experimental import multihost_utils

    mine = np.frombuffer(hashlib.sha256(text.encode()).digest(), np.uint8)
    everyones = multihost_utils.process_allgather(mine)
    return bool((np.asarray(everyones).reshape(-1, mine.size) == mine).all())
