"""Checkpoints: what is damaged is named and skipped, what cannot be written is an error that costs nothing."""

import resource
import shutil
import subprocess
import sys

import numpy as np
import pytest

from dstjax.checkpoints import Checkpoints, digest
from dstjax.errors import UserError


def snapshot(seed):
    draws = np.random.default_rng(seed)
    return {
        "weights": draws.standard_normal((4, 300)).astype(np.float32),
        "key": draws.integers(0, 2**32, (4, 2), np.uint32),
        "nothing": np.zeros((4, 0), np.float32),
        "step": np.array(seed, np.int32),
    }


def equal(a, b):
    return a.keys() == b.keys() and all(np.array_equal(a[name], b[name]) for name in a)


def save(directory, *steps, rows=lambda step: step):
    with Checkpoints(directory) as checkpoints:
        for step in steps:
            checkpoints.save(step, snapshot(step), rows(step))


def newest(directory, rows=lambda step: step):
    with Checkpoints(directory) as checkpoints:
        return checkpoints.newest(snapshot(0), rows)


def test_what_was_saved_last_comes_back_bit_for_bit(tmp_path):
    save(tmp_path, 10, 20, 30)
    found, step = newest(tmp_path)
    assert step == 30
    assert equal(found, snapshot(30))
    assert {int(path.name) for path in tmp_path.iterdir()} == {20, 30}


def test_no_checkpoint_is_none(tmp_path):
    assert newest(tmp_path / "new") is None


@pytest.mark.parametrize("damage", ["empty", "cut", "gone", "other"])
def test_a_damaged_checkpoint_is_named_and_skipped(damage, tmp_path):
    save(tmp_path, 10, 20)
    for path in [path for path in (tmp_path / "20").rglob("*") if path.is_file()]:
        if damage == "gone":
            path.unlink()
        elif damage != "other":
            path.write_bytes(b"" if damage == "empty" else path.read_bytes()[:-7])
    if damage == "other":  # Well-formed in itself, and not what was saved.
        shutil.rmtree(tmp_path / "20" / "state")
        shutil.copytree(tmp_path / "10" / "state", tmp_path / "20" / "state")
    with pytest.warns(UserWarning, match=f"checkpoint '{tmp_path / '20'}' is skipped"):
        found, step = newest(tmp_path)
    assert step == 10
    assert equal(found, snapshot(10))
    save(tmp_path, 20)
    assert equal(newest(tmp_path)[0], snapshot(20)), "it was written again in the damaged one's place"


def test_a_checkpoint_whose_rows_are_lost_is_not_used(tmp_path):
    save(tmp_path, 10, 20)
    with pytest.warns(UserWarning, match=r"20' is skipped: metrics.jsonl has 12 rows up to it, not 20"):
        assert newest(tmp_path, rows=lambda step: min(step, 12))[1] == 10
    with pytest.warns(UserWarning, match="skipped"), pytest.raises(UserError, match=r"no checkpoint in .* can be used"):
        newest(tmp_path, rows=lambda step: 0)


def test_a_program_is_complete_with_its_last_checkpoint_and_all_rows(tmp_path):
    save(tmp_path, 10, 20)
    with Checkpoints(tmp_path) as checkpoints:
        assert checkpoints.is_complete(20, lambda step: step)
        assert not checkpoints.is_complete(20, lambda step: 19)
        assert not checkpoints.is_complete(30, lambda step: step)


def test_what_is_saved_may_be_written_over_once_it_is_on_disk_only(tmp_path):
    with Checkpoints(tmp_path) as checkpoints:
        first = snapshot(10)
        checkpoints.save(10, first, 10)
        checkpoints.wait()
        first["weights"][:] = 0.0
    assert equal(newest(tmp_path)[0], snapshot(10))


FULL_DISK = """
import resource, sys, numpy as np
sys.path.insert(0, sys.argv[2])
from pathlib import Path
from test_checkpoints import newest, snapshot, equal
from dstjax.checkpoints import Checkpoints
from dstjax.errors import UserError
directory = Path(sys.argv[1])
try:
    with Checkpoints(directory) as checkpoints:
        checkpoints.save(10, snapshot(10), 10)
        checkpoints.wait()
        resource.setrlimit(resource.RLIMIT_FSIZE, (2000, resource.RLIM_INFINITY))
        checkpoints.save(20, snapshot(20), 20)
except UserError as error:
    print(error)
"""


def test_a_full_disk_is_an_error_that_leaves_the_checkpoint_before(tmp_path):
    """The system's limit on the size of files stands for the disk's."""
    words = [sys.executable, "-c", FULL_DISK, str(tmp_path), __file__.rpartition("/")[0]]
    done = subprocess.run(words, capture_output=True, text=True, timeout=100)
    assert done.stdout.startswith(f"disk: cannot write '{tmp_path}' ("), done.stderr
    assert "what was saved before is good" in done.stdout
    found, step = newest(tmp_path)
    assert step == 10
    assert equal(found, snapshot(10))
    assert resource.getrlimit(resource.RLIMIT_FSIZE)[1] == resource.RLIM_INFINITY


def test_a_directory_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="disk: cannot write"):
        Checkpoints(tmp_path / "file" / "checkpoints")


def test_no_pickle_is_written(tmp_path):
    save(tmp_path, 10)
    for path in tmp_path.rglob("*"):
        if path.is_file():
            assert path.read_bytes()[:2] not in (b"\\x80\\x04", b"\\x80\\x05"), path


def test_a_digest_is_of_names_types_shapes_and_bits():
    plain = {"a": np.zeros(4, np.float32)}
    others = [{"b": plain["a"]}, {"a": np.zeros(4, np.int32)}, {"a": np.zeros((2, 2), np.float32)}]
    others.append({"a": np.float32([0, 0, 0, -0.0])})
    assert len({digest(arrays) for arrays in [plain, *others]}) == 5
