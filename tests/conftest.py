"""Set-up of every test: the CPU with two devices, a compilation cache kept between runs, reproducible properties."""

import os
from pathlib import Path

# Before anything imports JAX: the backend reads these once.
os.environ.setdefault("JAX_PLATFORMS", "cpu")
os.environ.setdefault("JAX_NUM_CPU_DEVICES", "2")
os.environ.setdefault("JAX_COMPILATION_CACHE_DIR", str(Path(__file__).parents[1] / ".pytest_cache" / "xla"))
os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", "0.5")
os.environ.setdefault("MPLBACKEND", "agg")

import hypothesis

hypothesis.settings.register_profile("dstjax", deadline=None, derandomize=True, max_examples=25)
hypothesis.settings.load_profile("dstjax")
