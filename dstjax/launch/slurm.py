"""Shards as an array job of SLURM, through submitit: saved and queued again before a time-out or on preemption."""

import dataclasses
import json
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from dstjax.errors import UserError
from dstjax.files import replace_text
from dstjax.launch.worker import start_worker
from dstjax.sweep.shards import Shard
from dstjax.sweep.state import State, give_up, progress
from dstjax.sweep.store import SweepDir

MOST_REQUEUES = 1000
MOST_IDLE = 3
"""Jobs in a row that may end before a chunk does, as they do where compiling takes longer than a job."""
MARGIN_SECONDS = 15
"""Kept of the time between SLURM's warning and its kill, to ask for the job to be queued again."""

_STATES: dict[str, State] = {"RUNNING": "running", "PENDING": "queued", "CONFIGURING": "queued", "REQUEUED": "queued"}


@dataclasses.dataclass(frozen=True)
class Resources:
    """What each job of the array asks for.

    Attributes:
      minutes: until it is saved and queued again.
      grace: seconds before the time-out at which it is told; longer than a chunk and a save.
      cpus: cores.
      gpus: of any kind.
      memory: GB; None leaves it to the cluster.
      partition: None leaves it to the cluster.
      account: None leaves it to the cluster.
      parallel: jobs of the array at a time; None leaves it to the cluster.

    Raises:
      UserError: if a job would be told before it begins.
    """

    minutes: int = 60
    grace: int = 120
    cpus: int = 1
    gpus: int = 0
    memory: int | None = None
    partition: str | None = None
    account: str | None = None
    parallel: int | None = None

    def __post_init__(self) -> None:
        if self.grace >= 60 * self.minutes:
            raise UserError(
                f"grace: {self.grace} is not allowed; allowed: less than the {60 * self.minutes} seconds of --minutes"
            )

    def parameters(self) -> dict[str, Any]:
        """In the words of submitit."""
        given = {
            "timeout_min": self.minutes, "slurm_signal_delay_s": self.grace, "cpus_per_task": self.cpus,
            "gpus_per_node": self.gpus or None, "mem_gb": self.memory, "slurm_partition": self.partition,
            "slurm_account": self.account, "slurm_array_parallelism": self.parallel,
            "slurm_additional_parameters": {"requeue": True},
        }  # fmt: skip
        return {name: value for name, value in given.items() if value is not None}


class ShardJob:
    """What an element of the array does: wait for the worker. It is idle, so that SLURM's signals reach it at once.

    Args:
      path: absolute, of the sweep.
      index: of the shard.
      grace: see `Resources`.
    """

    def __init__(self, path: Path, index: int, grace: int) -> None:
        self.path, self.index, self.grace = path, index, grace
        self._process: subprocess.Popen[bytes] | None = None
        self._share, self._idle = 0.0, 0

    def __call__(self) -> None:
        """Train the shard.

        Raises:
          RuntimeError: if the worker failed; the array element then counts as failed.
        """
        sweep, shard = self._shard()
        self._share = progress(sweep, shard).share
        self._process = start_worker(sweep, shard)
        code = self._process.wait()
        if code:
            raise RuntimeError(f"{shard.name} ended with code {code}; see {sweep.jobs / shard.name}.log")

    def checkpoint(self) -> Any:
        """Let the worker save and end; called by submitit before it queues the job again.

        Returns:
          The same job once more.

        Raises:
          RuntimeError: if it would go on forever, for no chunk was finished in `MOST_IDLE` jobs.
        """
        import submitit

        process, self._process = self._process, None
        if process is not None:
            process.terminate()
            try:
                process.wait(max(self.grace - MARGIN_SECONDS, 1))
            except subprocess.TimeoutExpired:
                process.kill()  # A chunk longer than the grace: the job goes on from the checkpoint before.
        sweep, shard = self._shard()
        self._idle = 0 if progress(sweep, shard).share > self._share else self._idle + 1
        if self._idle >= MOST_IDLE:
            reason = f"{self._idle} jobs in a row ended before a chunk did; allowed: more --minutes, or shorter chunks"
            give_up(sweep, shard, reason)
            raise RuntimeError(f"{shard.name}: {reason}")
        return submitit.helpers.DelayedSubmission(self)

    def _shard(self) -> tuple[SweepDir, Shard]:
        sweep = SweepDir(self.path)
        return sweep, sweep.load()[0][self.index]


def submit(sweep: SweepDir, shards: Sequence[Shard], resources: Resources) -> str:
    """Submit shards as one array job.

    Args:
      sweep: of the shards.
      shards: to train; element i of the array trains the i-th.
      resources: of each element.

    Returns:
      The job's id.

    Raises:
      UserError: where submitit or SLURM is absent, or SLURM refuses.
    """
    try:
        import submitit
    except ImportError:
        raise UserError("launcher: slurm needs submitit; allowed: after pip install 'dstjax[slurm]'") from None
    if shutil.which("sbatch") is None:
        raise UserError("launcher: slurm is not allowed here, where no sbatch is; allowed: local") from None
    path = sweep.path.absolute()
    executor = submitit.AutoExecutor(path / "jobs" / "slurm", cluster="slurm", slurm_max_num_timeout=MOST_REQUEUES)
    executor.update_parameters(name=f"dstjax-{path.name}", **resources.parameters())
    try:
        jobs = executor.submit_array([ShardJob(path, shard.index, resources.grace) for shard in shards])
    except Exception as error:  # submitit passes on whatever sbatch says.
        raise UserError(f"launcher: slurm refused the jobs ({error}); allowed: what the cluster allows") from None
    job_id = str(jobs[0].job_id).split("_")[0]
    record = _submissions(sweep) | {job_id: [shard.index for shard in shards]}
    replace_text(_record_file(sweep), json.dumps(record))
    return job_id


def queue(sweep: SweepDir) -> dict[int, State]:
    """What SLURM says of a sweep's shards.

    Args:
      sweep: of the shards.

    Returns:
      Shard index to `queued` or `running`; shards that SLURM does not have are left out.
    """
    submissions = _submissions(sweep)
    if not submissions or shutil.which("squeue") is None:
        return {}
    words = ["squeue", "--me", "--noheader", "--array", "--format=%F %K %T"]
    answer = subprocess.run(words, capture_output=True, text=True, timeout=60, check=False)
    found = {}
    for job, element, state in (line.split() for line in answer.stdout.splitlines()):
        indices = submissions.get(job, [])
        position = int(element) if element.isdigit() else 0
        if state in _STATES and position < len(indices):
            found[indices[position]] = _STATES[state]
    return found


def _record_file(sweep: SweepDir) -> Path:
    return sweep.jobs / "slurm.json"


def _submissions(sweep: SweepDir) -> dict[str, list[int]]:
    """Job id to the shards of its elements."""
    if not _record_file(sweep).exists():
        return {}
    record: dict[str, list[int]] = json.loads(_record_file(sweep).read_text())
    return record
