"""Set-up of every test: the CPU with two devices, a compilation cache kept between runs, reproducible properties."""

import os
from pathlib import Path

# Before anything imports JAX: the backend reads these once.
os.environ.setdefault("JAX_PLATFORMS", "cpu")
os.environ.setdefault("JAX_NUM_CPU_DEVICES", "2")
os.environ.setdefault("JAX_COMPILATION_CACHE_DIR", str(Path(__file__).parents[1] / ".pytest_cache" / "xla"))
os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", "0.5")
os.environ.setdefault("MPLBACKEND", "agg")
# The tests compile far more than they compute: level 1, and one piece per program, compile in two thirds of the time.
os.environ.setdefault("XLA_FLAGS", "--xla_backend_optimization_level=1 --xla_cpu_parallel_codegen_split_count=1")

import hypothesis
import jax
import pytest

hypothesis.settings.register_profile("dstjax", deadline=None, derandomize=True, max_examples=25)
hypothesis.settings.load_profile("dstjax")


@pytest.fixture
def cache_config():
    """Puts the compilation cache back to what it was."""
    names = (
        "jax_compilation_cache_dir", "jax_persistent_cache_min_compile_time_secs",
        "jax_persistent_cache_min_entry_size_bytes",
    )  # fmt: skip
    before = {name: jax.config.values[name] for name in names}
    yield
    for name, value in before.items():
        jax.config.update(name, value)
