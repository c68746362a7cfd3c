"""Members over processes and devices: where they are trained changes nothing."""

import socket

import numpy as np
import pytest
from sweep_runs import dstjax, finish, numbers, unsharded, write

from dstjax import distributed
from dstjax.errors import UserError


def free_port() -> int:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        return server.getsockname()[1]


def test_half_of_the_options_is_refused_before_jax_is_asked():
    with pytest.raises(UserError, match="coordinator: not given with both of num_processes and process_id"):
        distributed.join(None, 2, 0)


@pytest.mark.slow
@pytest.mark.cluster
def test_two_processes_of_two_devices_equal_one_process(tmp_path):
    text = write(tmp_path / "f.yaml", 80)
    words = ["sweep", text, "--launcher", "hosts", "--coordinator", f"127.0.0.1:{free_port()}", "--num-processes", 2]
    words += ["--devices", 2, "--tracker", "none", "--runs-dir", tmp_path / "two"]
    outputs = finish(*(dstjax(*words, "--process-id", process) for process in range(2)))
    for process, output in enumerate(outputs):
        assert f"process {process} of 2: pointmass-td3-{process + 1}of2: done, 100% of its rows" in output
    found = numbers(tmp_path / "two" / "f")
    assert len(found) == 8 * 4
    # Four members at a time on two devices: the program that each of the two processes runs.
    assert found == unsharded(tmp_path / "one", text, "--devices", 2, "--members-per-program", 4)


@pytest.mark.slow
@pytest.mark.cluster
def test_processes_that_disagree_say_so(tmp_path):
    words = ["--launcher", "hosts", "--coordinator", f"127.0.0.1:{free_port()}", "--num-processes", 2]
    words += ["--runs-dir", tmp_path / "runs", "--devices", 1]
    files = write(tmp_path / "f.yaml", 80), write(tmp_path / "g.yaml", 100)
    for process in [dstjax("sweep", text, *words, "--process-id", i) for i, text in enumerate(files)]:
        output = process.communicate(timeout=300)[0]
        assert process.returncode == 2, output
        assert "the processes have other sweeps" in output
    assert not (tmp_path / "runs").exists()


@pytest.mark.slow
@pytest.mark.cluster
def test_eight_devices_equal_one(tmp_path):
    text = write(tmp_path / "f.yaml", 80)
    eight, one = (unsharded(tmp_path / str(count), text, "--devices", count) for count in (8, 1))
    names = ("member", "method", "env", "seed", "step", "noise.obs_scale")
    assert [[row[name] for name in names] for row in eight] == [[row[name] for name in names] for row in one]
    for a, b in zip(eight, one, strict=True):
        assert a.keys() == b.keys()
        values = [(a[name], b[name]) for name in a if "/" in name and a[name] is not None]
        np.testing.assert_allclose(*zip(*values, strict=True), rtol=1e-3, atol=1e-4)
        assert [name for name in a if a[name] is None] == [name for name in b if b[name] is None]
