"""Speed of the tasks: `python -m experiments.envs [--tasks hopper] [--out results/envs-cpu]`.

By task and solver preset, with random actions: environment steps/s with auto-reset at each batch size, seconds to
compile one scanned step without and with the disk cache, and memory an environment. Beside it, in the same process,
C MuJoCo stepping the same model (`mujoco.rollout`, one thread) and Gymnasium's vector environment (`sync`). On a CPU,
seconds are the process's own, so that other work on the machine hardly matters; pin it to one core (`taskset -c 1`).

Rows are appended to `<out>.csv` as they are done, and what it holds is not measured again: call it in pieces.
"""

import csv
import dataclasses
import itertools
import os
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import tyro

from experiments.common import about, append_row, device_clock, markdown

BATCHES = (1, 16, 128)
OF_C = 16
"""Environments of C MuJoCo and of Gymnasium: on one core their number hardly matters."""
FIELDS = ("task", "preset", *map(str, BATCHES), "compile", "cached", "kilobytes", "c_mujoco", "gymnasium", "cores")


@dataclasses.dataclass(frozen=True)
class Args:
    """What to measure."""

    tasks: tuple[str, ...] = ()
    """By default all of Gymnasium's."""
    presets: tuple[str, ...] = ("fast", "exact")
    """Of the solver; all but the first at the largest batch only."""
    seconds: float = 1.0
    """Of each measurement, at least."""
    steps: int = 50
    """Control steps of each environment in a round; the median round counts."""
    out: Path = Path("results/envs-cpu")
    """Where the rows and the table go."""


def ours(task: str, preset: str, batches: tuple[int, ...], args: Args) -> dict[str, float]:
    """Steps/s at each batch size; compile seconds and memory at the largest."""
    import jax
    from jax.experimental.compilation_cache import compilation_cache

    from dstjax.envs import make
    from dstjax.envs.speed import measure_speed

    env, row, clock = make(task, solver=preset), {}, device_clock()
    with tempfile.TemporaryDirectory() as directory:
        jax.config.update("jax_compilation_cache_dir", directory)
        compilation_cache.reset_cache()
        for batch in batches:
            speed = measure_speed(env, batch=batch, steps=args.steps, seconds=args.seconds, clock=clock)
            row[str(batch)] = speed.steps_per_second
        jax.clear_caches()
        again = measure_speed(env, batch=batches[-1], steps=args.steps, seconds=0.0, clock=clock)
    memory = speed.bytes_per_env / 1024
    return row | {"compile": speed.compile_seconds, "cached": again.compile_seconds, "kilobytes": memory}


def c_mujoco(task: str, args: Args) -> float:
    """Control steps/s of C MuJoCo with the file's solver, without observations, rewards and resets."""
    import gymnasium
    import mujoco
    from mujoco import rollout

    from dstjax.envs import make
    from dstjax.envs.bridges.gymnasium_peer import gymnasium_id
    from dstjax.envs.speed import median_seconds

    env: Any = make(task)
    model = gymnasium.make(gymnasium_id(env)).unwrapped.model  # type: ignore[attr-defined]
    data = mujoco.MjData(model)
    first = np.zeros(mujoco.mj_stateSize(model, mujoco.mjtState.mjSTATE_FULLPHYSICS))
    mujoco.mj_getState(model, data, first, mujoco.mjtState.mjSTATE_FULLPHYSICS)
    low, high = env.control_range.T
    controls = np.random.default_rng(0).uniform(low, high, (OF_C, args.steps, env.action_size))
    controls, starts = controls.repeat(env.frame_skip, axis=1), np.tile(first, (OF_C, 1))
    call = median_seconds(lambda: rollout.rollout(model, [data], starts, controls), args.seconds, time.process_time)
    return OF_C * args.steps / call


def gymnasium_vector(task: str, args: Args) -> float:
    """Control steps/s of Gymnasium's vector environment within this process."""
    import gymnasium

    from dstjax.envs import make
    from dstjax.envs.bridges.gymnasium_peer import gymnasium_id
    from dstjax.envs.speed import median_seconds

    env: Any = make(task)
    vector = gymnasium.make_vec(gymnasium_id(env), num_envs=OF_C, vectorization_mode="sync")
    vector.reset(seed=0)
    actions = [vector.action_space.sample() for _ in range(args.steps)]
    call = median_seconds(lambda: [vector.step(action) for action in actions], args.seconds, time.process_time)
    vector.close()
    return OF_C * args.steps / call


def main(args: Args) -> None:
    """Measure what is not there yet, and write."""
    from dstjax.backend import start_backend

    start_backend(devices=1)
    from dstjax.envs import ENVS
    from dstjax.envs.mujoco.base import MujocoEnv

    every = tuple(name for name, task in ENVS.items() if issubclass(task, MujocoEnv))
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    for task, preset in itertools.product(args.tasks or every, args.presets):
        if any((row["task"], row["preset"]) == (task, preset) for row in rows_of(args.out)):
            continue
        first = preset == args.presets[0]
        row = {
            "task": task,
            "preset": preset,
            "cores": cores,
            **ours(task, preset, BATCHES if first else BATCHES[-1:], args),
        }
        if first:
            row |= {"c_mujoco": c_mujoco(task, args), "gymnasium": gymnasium_vector(task, args)}
        row = {key: f"{value:.4g}" if isinstance(value, float) else value for key, value in row.items()}
        append_row(args.out.with_suffix(".csv"), row, FIELDS)
        args.out.with_suffix(".md").write_text(page(rows_of(args.out), every))
        print(f"{task}, {preset}: done", flush=True)


def rows_of(out: Path) -> list[dict[str, str]]:
    """What has been measured."""
    path = out.with_suffix(".csv")
    if not path.exists():
        return []
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def page(rows: list[dict[str, str]], order: tuple[str, ...]) -> str:
    """The table, and what its numbers are."""
    header = ["task", "preset", *(f"batch {batch}" for batch in BATCHES), "compile, s", "from disk, s", "kB an env"]
    header += ["C MuJoCo", "Gymnasium"]
    table = [
        [f"`{row['task']}`", row["preset"], *(shown(row[field]) for field in FIELDS[2:-1])]
        for row in sorted(rows, key=lambda row: order.index(row["task"]))
    ]
    cores = ", ".join(sorted({row["cores"] for row in rows}))
    return f"""# Speed of the tasks

`python -m experiments.envs`, in several calls, pinned to cores: {cores}; {about()}. Other jobs ran on the machine at
the same time; seconds are CPU seconds of the process, so that these cost little but shared caches.

Environment steps per second, random actions. Ours step, reset and draw noise (at strength 0) in one program, the
median round of at least three; `exact` at the largest batch only. `compile` is that of a scan over one step at that
batch, tracing included, `from disk` the same with the compilation cache; memory is the program's over the batch. C
MuJoCo is `mujoco.rollout` in one thread with the file's solver, without observations, rewards and resets; Gymnasium is
its vector environment in one process; both with {OF_C} environments.

{markdown(header, table, 2)}
"""


def shown(number: str) -> str:
    """Thousands set apart; nothing where nothing was measured."""
    return f"{float(number):,.{0 if float(number) >= 100 else 1}f}" if number else ""


if __name__ == "__main__":
    main(tyro.cli(Args, description=__doc__))
