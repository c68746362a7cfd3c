"""Real disks that are full or read-only: one error that names the place, and what was saved before is good."""

import contextlib
import os
import subprocess

import pytest
from fakes import fake_builder
from test_runner import PLAN, at_chunk, numbers, train

from dstjax.cli import main
from dstjax.errors import UserError
from dstjax.runs import RunDir
from dstjax.sweep.merged import merge
from dstjax.sweep.shards import Shard
from dstjax.sweep.state import progress
from dstjax.sweep.store import SweepDir
from dstjax.sweep.train import run_shard

SHARD = Shard(0, "shard", PLAN, 0)


def mount(*words):
    """Mount something, which root may do outside most containers."""
    if subprocess.run(["mount", *map(str, words)], capture_output=True, check=False).returncode:
        pytest.skip("needs the right to mount, as root has it")


@pytest.fixture
def disk(tmp_path):
    """A disk of half a MiB."""
    path = tmp_path / "disk"
    path.mkdir()
    mount("-t", "tmpfs", "-o", "size=512k", "dstjax", path)
    yield path
    subprocess.run(["umount", "--lazy", path], check=True)


@contextlib.contextmanager
def read_only(path):
    """A directory that cannot be written inside the block: mounted so for root, whom permissions do not stop."""
    directories = [path, *(entry for entry in path.rglob("*") if entry.is_dir())]
    if os.geteuid() == 0:
        mount("--bind", path, path)
        subprocess.run(["mount", "-o", "remount,bind,ro", path], check=True)
    else:
        for directory in directories:
            directory.chmod(0o555)
    yield
    if os.geteuid() == 0:
        subprocess.run(["umount", path], check=True)
    else:
        for directory in directories:
            directory.chmod(0o755)


def fill(disk):
    """Leave no room on a disk."""
    with (disk / "ballast").open("wb", buffering=0) as file, contextlib.suppress(OSError):
        while file.write(b"x" * 4096):
            pass


@pytest.mark.parametrize("chunk", [1, 3, 5])
def test_a_disk_that_fills_costs_what_was_not_saved_and_no_more(chunk, disk, tmp_path):
    """Chunk 3 is saved, so that it is rows that do not fit in one case, and the checkpoint or its rows in another."""
    assert train(tmp_path, "whole") == 0
    with pytest.raises(UserError, match=r"disk: cannot write .* what was saved before is good"):
        train(disk, "run", fake_builder(at_chunk("dst", chunk, lambda: fill(disk))))
    with pytest.raises(UserError, match="cannot write"):
        train(disk, "run", resume=True)
    (disk / "ballast").unlink()
    assert train(disk, "run", resume=True) == 0
    assert numbers(RunDir(disk / "run").rows()) == numbers(RunDir(tmp_path / "whole").rows())


def test_a_shard_whose_disk_fills_has_failed_and_goes_on(disk):
    sweep = SweepDir(disk / "sweep")
    sweep.create([SHARD], {"tracker": "none"}, "")
    with pytest.raises(UserError, match="disk: cannot write"):
        run_shard(sweep, 0, fake_builder(at_chunk("dst", 5, lambda: fill(disk))))
    assert progress(sweep, SHARD).state == "failed"
    with pytest.raises(UserError, match="merge: cannot write"):
        merge(sweep)
    (disk / "ballast").unlink()
    assert run_shard(sweep, 0, fake_builder()) == 0
    assert progress(sweep, SHARD).state == "done"


def test_a_directory_that_cannot_be_written_is_named_before_anything_runs(tmp_path, capsys):
    place = tmp_path / "place"
    sweep = SweepDir(place / "sweep")
    build = fake_builder()
    place.mkdir()
    assert train(place, "run") == 0
    sweep.create([SHARD], {"tracker": "none"}, "")
    before = {path: path.read_bytes() for path in place.rglob("*") if path.is_file()}
    with read_only(place):
        for attempt in (
            lambda: train(place, "new", build),
            lambda: train(place, "run", build, resume=True),
            lambda: SweepDir(place / "other").create([SHARD], {}, ""),
            lambda: run_shard(sweep, 0, build),
        ):
            with pytest.raises(UserError, match="runs_dir: cannot write to"):
                attempt()
        assert main(["status", str(sweep.path)]) == 0
        assert "1 queued" in capsys.readouterr().out
    assert {path: path.read_bytes() for path in place.rglob("*") if path.is_file()} == before
    assert sum(program.chunks for program in build.made) == 0
