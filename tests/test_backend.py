import subprocess
import sys
from pathlib import Path

import jax
import pytest

from dstjax import backend

VARIABLES = ("DSTJAX_CACHE_DIR", "JAX_COMPILATION_CACHE_DIR", "XDG_CACHE_HOME")


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        ({"DSTJAX_CACHE_DIR": "/a", "JAX_COMPILATION_CACHE_DIR": "/b", "XDG_CACHE_HOME": "/c"}, "/a"),
        ({"JAX_COMPILATION_CACHE_DIR": "/b", "XDG_CACHE_HOME": "/c"}, "/b"),
        ({"XDG_CACHE_HOME": "/c"}, "/c/dstjax/xla"),
        ({"HOME": "/home/me"}, "/home/me/.cache/dstjax/xla"),
    ],
)
def test_cache_directory(given, wanted, monkeypatch):
    for variable in VARIABLES:
        monkeypatch.delenv(variable, raising=False)
    for variable, value in given.items():
        monkeypatch.setenv(variable, value)
    assert backend.cache_directory() == Path(wanted)


def test_every_program_is_cached(tmp_path, monkeypatch, cache_config):
    monkeypatch.setenv("DSTJAX_CACHE_DIR", str(tmp_path / "new" / "cache"))
    assert backend.enable_compilation_cache()
    jax.experimental.compilation_cache.compilation_cache.reset_cache()
    jax.jit(lambda x: x * 3.25 + 1)(2.0)
    assert list((tmp_path / "new" / "cache").iterdir())
    jax.experimental.compilation_cache.compilation_cache.reset_cache()


def test_a_cache_that_cannot_be_written_is_a_warning(tmp_path, monkeypatch, cache_config):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("DSTJAX_CACHE_DIR", str(tmp_path / "file" / "cache"))
    with pytest.warns(UserWarning, match="no compilation cache"):
        assert not backend.enable_compilation_cache()
    assert jax.jit(lambda x: x - 5.5)(2.0) == -3.5


@pytest.mark.parametrize("devices", [None, 3])
def test_cpu_devices(devices, tmp_path):
    script = (
        f"from dstjax import backend; backend.start_backend({devices})\n"
        "import jax, os; print(jax.device_count(), len(os.sched_getaffinity(0)))"
    )
    environment = {"PATH": "/usr/bin", "JAX_PLATFORMS": "cpu", "DSTJAX_CACHE_DIR": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, env=environment, check=True)
    found, cores = map(int, done.stdout.split())
    assert found == (devices or cores)


def test_description_is_plain_data():
    described = backend.describe()
    assert described["versions"]["jax"] == jax.__version__
    assert described["device"]["count"] == jax.device_count()
    assert described["precision"]["float"] == "float32"


def test_a_containers_memory_limit_counts(tmp_path):
    assert backend._container_bytes(tmp_path) > 2**60
    (tmp_path / "memory.max").write_text("1000\n")
    (tmp_path / "memory.current").write_text("700\n")
    (tmp_path / "memory.stat").write_text("anon 1\ninactive_file 50\n")
    assert backend._container_bytes(tmp_path) == 350
    (tmp_path / "memory.max").write_text("max\n")
    assert backend._container_bytes(tmp_path) > 2**60
    assert 0 < backend.available_bytes() < 2**50
