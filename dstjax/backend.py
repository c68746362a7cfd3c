"""JAX's backend as a run wants it: devices, compilation cache, memory at hand. Importing this imports no JAX."""

import importlib.metadata
import os
import platform
import warnings
from pathlib import Path
from typing import Any

from dstjax.errors import UserError

PACKAGES = ("dstjax", "jax", "jaxlib", "flax", "optax", "mujoco", "mujoco-mjx", "orbax-checkpoint", "numpy")


def start_backend(devices: int | None = None) -> None:
    """Configure JAX before its backend starts: as many CPU devices as cores, and the compilation cache.

    A population is sharded over devices, and XLA's CPU backend runs the programs of several devices side by side.

    Args:
      devices: number of devices to use; None takes all, and on a CPU one per core.

    Raises:
      UserError: if there are fewer devices.
    """
    import jax

    request_devices(devices)
    enable_compilation_cache()
    if devices is not None and jax.local_device_count() != devices:
        raise UserError(f"devices: {devices} is not allowed; allowed: {jax.local_device_count()}, what JAX has here")


def request_devices(devices: int | None = None) -> None:
    """Say how many devices this process is to have, without starting the backend: on a CPU, one per core by default.

    Args:
      devices: number of devices to use; None takes all.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    import jax

    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    try:
        jax.config.update("jax_num_cpu_devices", devices or cores)
        if devices is not None:
            jax.config.update("jax_cuda_visible_devices", ",".join(map(str, range(devices))))
    except RuntimeError:
        pass  # The backend has started: a library user's own choice of devices stands.


def cache_directory() -> Path:
    """Where compiled programs are kept between runs.

    Returns:
      `DSTJAX_CACHE_DIR`, else `JAX_COMPILATION_CACHE_DIR`, else `dstjax/xla` in the user's cache directory.
    """
    for variable in ("DSTJAX_CACHE_DIR", "JAX_COMPILATION_CACHE_DIR"):
        if os.environ.get(variable):
            return Path(os.environ[variable])
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path("~/.cache").expanduser()) / "dstjax" / "xla"


def enable_compilation_cache() -> bool:
    """Keep every compiled program on disk; where that is not possible, warn and go on without.

    Returns:
      Whether the cache is on.
    """
    import jax

    directory = cache_directory()
    try:
        directory.mkdir(parents=True, exist_ok=True)
        if not os.access(directory, os.W_OK):
            raise PermissionError(f"no permission to write to {directory}")
    except OSError as error:
        warnings.warn(f"no compilation cache, every run compiles again: {error}", stacklevel=2)
        jax.config.update("jax_compilation_cache_dir", None)
        return False
    jax.config.update("jax_compilation_cache_dir", str(directory))
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)
    jax.config.update("jax_persistent_cache_min_entry_size_bytes", -1)
    return True


def describe() -> dict[str, Any]:
    """What the numbers of a run depend on besides its configuration; starts the backend.

    Returns:
      Plain data: versions, device and precision.
    """
    import jax

    return {
        "versions": {"python": platform.python_version(), **{name: _version(name) for name in PACKAGES}},
        "device": {
            "platform": jax.default_backend(),
            "kind": jax.local_devices()[0].device_kind,
            "count": jax.local_device_count(),
            "machine": platform.machine(),
        },
        "precision": {
            "float": str(jax.dtypes.canonicalize_dtype(float)),
            "matmul": str(jax.config.values["jax_default_matmul_precision"] or "default"),
        },
    }


def available_bytes() -> int:
    """Memory that all devices of this process together can still give.

    Returns:
      Bytes: of the accelerators, or of the host where the CPU is the device.
    """
    import jax

    stats = [device.memory_stats() for device in jax.local_devices()]
    if all(stat and "bytes_limit" in stat for stat in stats):
        return sum(stat["bytes_limit"] - stat.get("bytes_in_use", 0) for stat in stats)
    return min(_host_bytes(), _container_bytes())


def device_count() -> int:
    """Devices of this process; starts the backend.

    Returns:
      Their number.
    """
    import jax

    return jax.local_device_count()


def state_copies() -> int:
    """How often a program's state takes the devices' memory at its peak.

    Returns:
      2 on a CPU, where the copy that a checkpoint is written from lies in the same memory; else 1.
    """
    import jax

    return 2 if jax.default_backend() == "cpu" else 1


def _host_bytes() -> int:
    try:
        lines = dict(line.split(":", 1) for line in Path("/proc/meminfo").read_text().splitlines())
        return int(lines["MemAvailable"].split()[0]) * 1024
    except (OSError, KeyError, ValueError):
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")


def _container_bytes(root: Path = Path("/sys/fs/cgroup")) -> int:
    """What a control group leaves: a container's limit is not in the host's memory figures."""
    try:
        limit, used = (int((root / name).read_text()) for name in ("memory.max", "memory.current"))
        cached = dict(line.split() for line in (root / "memory.stat").read_text().splitlines()).get("inactive_file", 0)
        return limit - used + int(cached)
    except (OSError, ValueError):
        return 1 << 62


def _version(name: str) -> str:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return "absent"
