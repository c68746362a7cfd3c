"""Launchers: how many processes at a time, what signals do, what is submitted."""

import contextlib
import os
import re
import runpy
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
import yaml

from dstjax.cli import main
from dstjax.errors import UserError
from dstjax.launch import local, slurm, start
from dstjax.launch.hosts import run_hosts
from dstjax.options import parse_train
from dstjax.sweep import words
from dstjax.sweep.file import from_words
from dstjax.sweep.shards import split
from dstjax.sweep.state import progress
from dstjax.sweep.store import SweepDir

TEXT = "{methods: td3, tasks: pointmass, seeds: 5, static: {steps: 200, chunk_steps: 100, warmup_steps: 0}}"

WORKER = """
import fcntl, json, pathlib, signal, sys, time
path, name, members, seconds, code = pathlib.Path(sys.argv[1]), sys.argv[2], *map(float, sys.argv[3:])
stopped = []
signal.signal(signal.SIGTERM, lambda *_: stopped.append(1))
with open(path / "jobs" / f"{name}.lock", "a") as lock:
    fcntl.flock(lock, fcntl.LOCK_EX)
    print("begin", name, time.time(), flush=True)
    until = time.time() + seconds
    while time.time() < until and not stopped:
        time.sleep(0.01)
    rows = int(members) * (1 if stopped or code else 2)
    (path / name).mkdir(exist_ok=True)
    (path / name / "metrics.jsonl").write_text("{}\\n" * rows)
    state = "failed" if code else "stopped"
    (path / "jobs" / f"{name}.json").write_text(json.dumps({"state": state, "note": "boom" if code else ""}))
print("end", name, time.time(), flush=True)
sys.exit(int(code))
"""


@pytest.fixture
def sweep(tmp_path):
    """Five shards of one member; the working directory is where `f.yaml` and `runs` are."""
    (tmp_path / "f.yaml").write_text(TEXT)
    directory = SweepDir(tmp_path / "runs" / "f")
    directory.create(split(from_words(words.parse(TEXT, "f.yaml"), "f", "f.yaml"), 5), {}, "")
    return directory


@pytest.fixture
def workers(monkeypatch):
    """Workers that only pretend: `seconds` each, exit code by shard in `codes`. Times of begin and end in `spans`."""

    class Workers:
        seconds, codes, processes = 0.3, {}, []

        def start(self, sweep, shard):
            words = [str(sweep.path), shard.name, str(shard.members()), str(self.seconds)]
            words.append(str(self.codes.get(shard.index, 0)))
            process = subprocess.Popen(
                [sys.executable, "-c", WORKER, *words], stdout=subprocess.PIPE, text=True, start_new_session=True
            )
            self.processes.append(process)
            return process

        def spans(self):
            times = [re.findall(r"(\d+\.\d+)", process.communicate()[0]) for process in self.processes]
            return [tuple(map(float, pair)) for pair in times]

    found = Workers()
    found.processes = []
    monkeypatch.setattr(local, "start_worker", found.start)
    return found


def test_local_trains_every_shard_a_bounded_number_at_a_time(sweep, workers):
    said = []
    shards = sweep.load()[0]
    assert local.run_local(sweep, shards, 2, said.append) == 0
    spans = workers.spans()
    most = max(sum(begin <= moment <= end for begin, end in spans) for moment, _ in spans)
    assert (len(spans), most) == (5, 2)
    assert said.count("pointmass-td3-1of5: done, 100% of its rows") == 1
    assert sum("done" in line for line in said) == 5


def test_a_failed_shard_is_named_and_does_not_stop_the_others(sweep, workers):
    said = []
    workers.codes, workers.seconds = {1: 3}, 0
    assert local.run_local(sweep, sweep.load()[0], 3, said.append) == local.FAILED
    (line,) = [line for line in said if "failed" in line]
    assert line.startswith("pointmass-td3-2of5: failed, 50% of its rows (boom; see ")
    assert sum("done" in line for line in said) == 4


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 0), (signal.SIGINT, 130)])
def test_a_signal_lets_the_running_shards_save_and_starts_no_other(sweep, workers, number, code):
    said = []
    workers.seconds = 30
    lock = sweep.jobs / "pointmass-td3-2of5.lock"

    def send():
        while not lock.exists():
            time.sleep(0.01)
        time.sleep(0.1)
        os.kill(os.getpid(), number)

    thread = threading.Thread(target=send)
    thread.start()
    assert local.run_local(sweep, sweep.load()[0], 2, said.append) == code
    thread.join()
    assert len(workers.spans()) == 2
    assert sum("stopped, 50% of its rows" in line for line in said) == 2


@pytest.fixture
def listing(monkeypatch):
    """The list of programs is printed by a process of its own; here it is only noted."""
    calls = []
    done = subprocess.CompletedProcess([], 0)
    monkeypatch.setattr(start.subprocess, "run", lambda words, **_: calls.append(words) or done)
    monkeypatch.setattr(start, "report", lambda sweep: None)
    return calls


def test_the_command_lists_prepares_and_launches_what_is_not_done(tmp_path, monkeypatch, workers, listing, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "f.yaml").write_text(TEXT)
    workers.seconds = 0
    command = ["sweep", "f.yaml", "--shards", "5", "--jobs", "5", "--tracker", "none"]
    assert main([*command, "--resume"]) == 2
    assert "resume: no sweep in 'runs/f'" in capsys.readouterr().err
    assert not (tmp_path / "runs").exists()
    assert main(command) == 0
    assert len(workers.processes) == 5
    assert "--dry-run" in listing[0]
    sweep = SweepDir(tmp_path / "runs" / "f")
    assert sweep.load()[1] == {"tracker": "none"}
    capsys.readouterr()

    assert main(command) == 2
    assert "already holds a sweep" in capsys.readouterr().err
    assert main([*command[:3], "4", "--resume"]) == 2
    assert "shards: 4 are not the 5" in capsys.readouterr().err
    assert main([*command[:-1], "wandb", "--resume"]) == 2
    assert "tracker: wandb is not what the sweep has, none" in capsys.readouterr().err

    sweep.run(sweep.load()[0][3]).metrics_file.write_text("{}\n")
    for resume in ([*command, "--resume"], ["sweep", "runs/f"]):
        workers.processes = []
        assert main(resume) == 0
        assert len(workers.processes) == (1 if resume[-1] == "--resume" else 0)


def test_nothing_is_written_where_the_listing_fails(tmp_path, monkeypatch, listing):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "f.yaml").write_text(TEXT)
    monkeypatch.setattr(start.subprocess, "run", lambda *_, **__: subprocess.CompletedProcess([], 2))
    assert main(["sweep", "f.yaml"]) == 2
    assert not (tmp_path / "runs").exists()


def test_hosts_share_the_shards_out_and_leave_what_is_done(sweep, monkeypatch):
    trained = []

    def run_shard(sweep, index):
        trained.append(index)
        shard = sweep.load()[0][index]
        sweep.run(shard).path.mkdir()
        sweep.run(shard).metrics_file.write_text("{}\n" * (1 if index == 4 else 2))
        return 130 if index == 4 else 0

    monkeypatch.setattr("dstjax.launch.hosts.run_shard", run_shard)
    shards, said = sweep.load()[0], []
    assert run_hosts(sweep, shards, 1, 2, said.append) == 0
    assert trained == [1, 3]
    assert run_hosts(sweep, shards, 1, 2, said.append) == 0
    assert trained == [1, 3]
    assert run_hosts(sweep, shards, 0, 2, said.append) == 130
    assert trained == [1, 3, 0, 2, 4]


def test_what_slurm_says_is_read_by_shard(sweep, monkeypatch):
    (sweep.jobs / "slurm.json").write_text('{"7": [0, 2, 4], "9": [1]}')
    text = "7 0 RUNNING\n7 1 PENDING\n7 2 COMPLETING\n9 N/A PENDING\n8 0 RUNNING\n"
    answer = subprocess.CompletedProcess([], 0, stdout=text)
    monkeypatch.setattr(slurm.shutil, "which", lambda name: name)
    monkeypatch.setattr(slurm.subprocess, "run", lambda *_, **__: answer)
    assert slurm.queue(sweep) == {0: "running", 2: "queued", 1: "queued"}


def test_slurm_where_there_is_none_is_one_line(sweep, monkeypatch):
    monkeypatch.setattr(slurm.shutil, "which", lambda name: None)
    assert slurm.queue(sweep) == {}
    with pytest.raises(UserError, match="slurm is not allowed here, where no sbatch is; allowed: local"):
        slurm.submit(sweep, sweep.load()[0], slurm.Resources())


def test_a_job_lets_its_worker_save_before_it_is_queued_again(sweep, workers, monkeypatch):
    monkeypatch.setattr(slurm, "start_worker", workers.start)
    workers.seconds = 30
    job = slurm.ShardJob(sweep.path, 0, grace=60)
    thread = threading.Thread(target=job)
    thread.start()
    while not (sweep.jobs / "pointmass-td3-1of5.lock").exists():
        time.sleep(0.01)
    time.sleep(0.1)
    again = job.checkpoint()
    thread.join()
    assert again.function is job
    assert sweep.run(sweep.load()[0][0]).metrics_file.read_text() == "{}\n"
    workers.codes, workers.seconds = {1: 3}, 0
    with pytest.raises(RuntimeError, match=r"pointmass-td3-2of5 ended with code 3; see .*2of5.log"):
        slurm.ShardJob(sweep.path, 1, grace=60)()


def test_a_job_that_never_finishes_a_chunk_gives_up(sweep, monkeypatch):
    """Workers that save nothing before they are told to end, as where compiling takes longer than a job."""
    monkeypatch.setattr(slurm, "start_worker", lambda *_: subprocess.Popen(["sleep", "60"]))
    job, shard = slurm.ShardJob(sweep.path, 0, grace=60), sweep.load()[0][0]

    def run():
        with contextlib.suppress(RuntimeError):  # The worker was stopped.
            job()

    for count in range(1, slurm.MOST_IDLE + 1):
        thread = threading.Thread(target=run)
        thread.start()
        while job._process is None:
            time.sleep(0.01)
        if count < slurm.MOST_IDLE:
            assert job.checkpoint().function is job
        else:
            with pytest.raises(RuntimeError, match="3 jobs in a row ended before a chunk did; allowed: more --minutes"):
                job.checkpoint()
        thread.join()
    assert progress(sweep, shard).state == "failed"
    assert "more --minutes" in progress(sweep, shard).note


def test_resources_in_the_words_of_submitit():
    given = slurm.Resources(minutes=5, gpus=1, memory=8, partition="gpu", parallel=3).parameters()
    assert given == {
        "timeout_min": 5, "slurm_signal_delay_s": 120, "cpus_per_task": 1, "gpus_per_node": 1, "mem_gb": 8,
        "slurm_partition": "gpu", "slurm_array_parallelism": 3, "slurm_additional_parameters": {"requeue": True},
    }  # fmt: skip


def test_a_job_is_told_after_it_begins():
    with pytest.raises(UserError, match="grace: 120 is not allowed; allowed: less than the 60 seconds of --minutes"):
        slurm.Resources(minutes=1)


def test_what_a_wandb_agent_calls_is_a_train_command():
    """`${args}` are `--name=value` of one value per parameter."""
    root = Path(__file__).parents[1]
    outer = yaml.safe_load((root / "sweeps" / "agent" / "wandb.yaml").read_text())
    assert (root / outer["program"]).is_file()
    assert outer["command"][:3] == ["${env}", "${interpreter}", "${program}"]
    assert outer["command"][-1] == "${args}"
    ends = [value.get("min", value.get("values", [None])[0]) for value in outer["parameters"].values()]
    args = [f"--{name}={end}" for name, end in zip(outer["parameters"], ends, strict=True)]
    given = parse_train([*outer["command"][3:-1], *args])
    assert [given[name.replace("-", "_")] for name in outer["parameters"]] == [(end,) for end in ends]


def test_a_wandb_trial_reports_means_over_the_members():
    trial = runpy.run_path(str(Path(__file__).parents[1] / "sweeps" / "agent" / "trial.py"))
    rows = [
        {"member": member, "step": step, "eval/return": step + member, "train/return": value, "time/wall_s": 1.0}
        for step in (10, 20)
        for member, value in ((0, None), (1, 3.0 if step == 20 else None))
    ]
    assert trial["means"](rows) == {
        10: {"eval/return": 10.5},
        20: {"eval/return": 20.5, "train/return": 3.0},
    }
