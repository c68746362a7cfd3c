"""`kill -9` at random moments of a run, most of them while a checkpoint is written: nothing is lost or doubled."""

import contextlib
import multiprocessing
import os
import random
from pathlib import Path

import pytest
from fakes import fake_builder
from test_runner import numbers

from dstjax import runner
from dstjax.fields import Config
from dstjax.plan import Plan
from dstjax.runner import Place
from dstjax.runs import RunDir

CHUNKS = 30
PLAN = Plan(
    Config(env="pointmass", steps=100 * CHUNKS, chunk_steps=100, checkpoint_every=1, warmup_steps=100),
    ("td3",), (0, 1), {"noise.obs_scale": (0.0, 0.2)},
)  # fmt: skip

# Imports take most of a process's start: they are done once, and each process is forked from there.
CONTEXT = multiprocessing.get_context("forkserver")
CONTEXT.set_forkserver_preload(["dstjax.runner", "dstjax.population", "orbax.checkpoint", "fakes", "test_runner"])


def start_or_resume(runs_dir: Path, quiet: bool = True) -> None:
    """What one process does: the run from wherever the one before left it."""
    resume = RunDir(runs_dir / "run").config_file.exists()
    place = Place("run", runs_dir, resume=resume, tracker="none")
    with open(os.devnull, "w") as nowhere, contextlib.redirect_stdout(nowhere):
        code = runner.train(None if resume else PLAN, place, {}, fake_builder())
    os._exit(code)


def killed_at_random(runs_dir: Path, kills: int, longest: float) -> int:
    """Run to the end in spite of `kills` kills; how many of them tore a checkpoint."""
    run, torn, draws = RunDir(runs_dir / "run"), 0, random.Random(kills)
    while kills:
        process = CONTEXT.Process(target=start_or_resume, args=(runs_dir,))
        process.start()
        process.join(draws.uniform(0.0, longest))
        if process.exitcode is None:
            process.kill()
            process.join()
            kills -= 1
            torn += any(run.checkpoints("td3").glob("*tmp*"))
        else:  # It reached its end before the kill: the next one starts over.
            assert process.exitcode == 0
            check(run)
            for path in sorted(run.path.rglob("*"), reverse=True):
                path.rmdir() if path.is_dir() else path.unlink()
    process = CONTEXT.Process(target=start_or_resume, args=(runs_dir,))
    process.start()
    process.join()
    assert process.exitcode == 0
    check(run)
    return torn


def check(run: RunDir) -> None:
    rows = run.rows()
    assert [(row["step"], row["member"]) for row in rows] == [
        (100 * (chunk + 1), member) for chunk in range(CHUNKS) for member in range(4)
    ]
    assert numbers(rows) == check.expected


@pytest.fixture(scope="module", autouse=True)
def uninterrupted(tmp_path_factory):
    path = tmp_path_factory.mktemp("whole")
    assert runner.train(PLAN, Place("run", path, tracker="none"), {}, fake_builder()) == 0
    check.expected = numbers(RunDir(path / "run").rows())


def test_ten_kills(tmp_path):
    killed_at_random(tmp_path, 10, longest=1.5)


@pytest.mark.slow
@pytest.mark.cluster
def test_a_hundred_kills(tmp_path):
    # How many kills meet a save depends on the machine's speed, which is not under test.
    assert killed_at_random(tmp_path, 100, longest=2.5) >= 1
