"""Sweeps under a real SLURM of one node, which `cluster.sh` installs, starts and stops."""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest
from sweep_runs import dstjax, finish, numbers, unsharded, write

from dstjax.files import held
from dstjax.launch.slurm import queue
from dstjax.sweep.state import progress
from dstjax.sweep.store import SweepDir

pytestmark = [pytest.mark.slow, pytest.mark.cluster]
SCRIPT = Path(__file__).with_name("cluster.sh")


@pytest.fixture(scope="module")
def cluster():
    """A running SLURM: the one that is there, or one of our own for the time of these tests."""
    # Tests that run side by side take turns, each with a cluster that nobody else stops.
    with held(Path(tempfile.gettempdir(), "dstjax-slurm.lock"), "SLURM", wait=True):
        up = shutil.which("sinfo") and subprocess.run(["sinfo"], capture_output=True, check=False).returncode == 0
        if not up and (os.geteuid() != 0 or shutil.which("apt-get") is None):
            pytest.skip("needs a running SLURM, or root and apt-get to install one")
        if not up:
            started = subprocess.run([SCRIPT, "start"], capture_output=True, text=True, check=False)
            if started.returncode and not shutil.which("slurmctld"):
                pytest.skip(f"slurm-wlm cannot be installed here: {started.stderr[-200:]}")
            assert started.returncode == 0, started.stderr
        yield
        if not up:
            subprocess.run([SCRIPT, "stop"], check=True)


def wait_for(condition, seconds=420):
    """Poll until a condition holds."""
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, "SLURM did not get there in time"
        time.sleep(0.2)


def test_an_array_of_four_shards_one_requeued_equals_the_unsharded_run(cluster, tmp_path):
    text, sweep = write(tmp_path / "f.yaml", 1200), SweepDir(tmp_path / "runs" / "f")
    words = ["--launcher", "slurm", "--shards", 4, "--devices", 1, "--tracker", "none", "--runs-dir", sweep.path.parent]
    (output,) = finish(dstjax("sweep", text, *words, cwd=tmp_path))
    job = output.split("job ")[1].split(";")[0]
    shards = sweep.load()[0]
    first = shards[0]
    wait_for(lambda: progress(sweep, first).share > 0)
    subprocess.run(["scontrol", "requeue", f"{job}_0"], check=True)
    wait_for(lambda: progress(sweep, first, queue(sweep)).state == "queued")
    assert 0 < progress(sweep, first).share < 1
    wait_for(lambda: [progress(sweep, shard, queue(sweep)).state for shard in shards] == ["done"] * 4)
    # Two members at a time on one device: the program that each of the four shards ran.
    whole = unsharded(tmp_path / "whole", text, "--devices", 1, "--members-per-program", 2)
    assert len(whole) == 8 * 60
    assert numbers(sweep.path) == whole


def test_joined_processes_find_each_other_without_arguments(cluster, tmp_path):
    text = write(tmp_path / "f.yaml", 40)
    words = [sys.executable, "-m", "dstjax.cli", "sweep", text, "--launcher", "hosts", "--devices", "2"]
    environment = {name: value for name, value in os.environ.items() if name != "JAX_NUM_CPU_DEVICES"}
    done = subprocess.run(
        ["srun", "--ntasks=2", *words, "--tracker", "none"],
        cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=420, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    sweep = SweepDir(tmp_path / "runs" / "f")
    assert [(shard.members(), progress(sweep, shard).state) for shard in sweep.load()[0]] == [(4, "done"), (4, "done")]
    assert len(sweep.rows()) == 8 * 2
