"""Real sweeps in processes of their own, on the toy and tiny: what the slow tests of sweeps share."""

import os
import subprocess
import sys
from pathlib import Path

from dstjax.sweep.store import SweepDir

TEXT = """
methods: td3
tasks: pointmass
seeds: 2
static: {{steps: {steps}, chunk_steps: 20, warmup_steps: 20, batch_size: 8, width: 8, depth: 1, utd: 2,
          eval_episodes: 1, checkpoint_every: 10, replay_capacity: 50}}
numbers: {{noise.obs_scale: [0, 0.1, 0.2, 0.3]}}
"""
"""Eight members of one program."""


def write(path: Path, steps: int) -> Path:
    """A sweep file."""
    path.write_text(TEXT.format(steps=steps))
    return path


def dstjax(*words, **options) -> subprocess.Popen:
    """The command line in a process of its own, which compiles quickly and shares what it has compiled."""
    environment = {name: value for name, value in os.environ.items() if name != "JAX_NUM_CPU_DEVICES"}
    command = [sys.executable, "-m", "dstjax.cli", *map(str, words)]
    return subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **options
    )


def finish(*processes: subprocess.Popen) -> list[str]:
    """What processes print; all must end well."""
    outputs = [process.communicate(timeout=600)[0] for process in processes]
    assert [process.returncode for process in processes] == [0] * len(processes), "\n".join(outputs)
    return outputs


def numbers(sweep: Path) -> list[dict]:
    """The merged rows of a sweep, without the wall clock."""
    rows = SweepDir(sweep).rows()
    return [{name: value for name, value in row.items() if not name.startswith("time/")} for row in rows]


def unsharded(directory: Path, text: Path, *options) -> list[dict]:
    """The rows of one run of all members, in one process."""
    finish(dstjax("sweep", text, "--runs-dir", directory, "--launcher", "none", "--tracker", "none", *options))
    finish(dstjax("sweep", directory / text.stem, "--shard", 0))
    return numbers(directory / text.stem)
