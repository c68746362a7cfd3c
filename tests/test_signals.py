"""Signals to a process that is inside a long chunk, as a terminal or a scheduler would send them."""

import signal
import subprocess
import sys
import time

import pytest

from dstjax.cli import main
from dstjax.runs import RunDir

SCRIPT = """
import sys, time
sys.path.insert(0, sys.argv[2])
from pathlib import Path
from fakes import fake_builder
from dstjax.fields import Config
from dstjax.plan import Plan
from dstjax.runner import Place, train

def slow(program):
    print("in a chunk", flush=True)
    time.sleep(float(sys.argv[3]))

plan = Plan(Config(steps=100_000), ("td3",), (0, 1))
sys.exit(train(plan, Place("run", Path(sys.argv[1]), tracker="none"), build=fake_builder(slow)))
"""


def start(tmp_path, chunk_seconds):
    tests = __file__.rpartition("/")[0]
    words = [sys.executable, "-c", SCRIPT, str(tmp_path), tests, str(chunk_seconds)]
    process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    while "in a chunk" not in (line := process.stdout.readline()):
        assert line, process.stderr.read()
    return process


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 0), (signal.SIGINT, 130)])
def test_a_signal_finishes_the_chunk_and_saves(number, code, tmp_path):
    process = start(tmp_path, chunk_seconds=0.5)
    process.send_signal(number)
    out, err = process.communicate(timeout=60)
    assert process.returncode == code, err
    assert "stopping: finishing the chunk and saving" in out
    assert f"dstjax train --resume --name run --runs-dir {tmp_path}" in out
    run = RunDir(tmp_path / "run")
    last = max(row["step"] for row in run.rows())
    assert (run.checkpoints("td3") / str(last)).is_dir()


def test_a_second_interrupt_leaves_at_once(tmp_path):
    process = start(tmp_path, chunk_seconds=600)
    process.send_signal(signal.SIGINT)
    while "stopping" not in process.stdout.readline():
        pass
    time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=60)
    assert process.returncode == 130


def test_a_second_process_is_refused_and_the_first_goes_on(tmp_path, capsys):
    process = start(tmp_path, chunk_seconds=0.3)
    words = ["train", "--resume", "--name", "run", "--runs-dir", str(tmp_path), "--tracker", "none"]
    assert main(words) == 2
    assert "another process is at" in capsys.readouterr().err
    assert process.poll() is None
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=60)
    assert process.returncode == 0
    rows = RunDir(tmp_path / "run").rows()
    assert [row["step"] for row in rows] == [1000 * (1 + index // 2) for index in range(len(rows))]
