"""Speed of the tasks: `python -m experiments.bench_envs [--tasks hopper] [--batches 1024 8192] [--out results/X]`.

By task and solver preset: environment steps/s with auto-reset and random actions at each batch size, seconds to compile
one scanned step without and with the disk cache, and bytes of state an environment. Beside it, on the same machine in
the same run, C MuJoCo stepping the same model (`mujoco.rollout`, all cores) and Gymnasium's vector environment.
"""

import dataclasses
import os
import shlex
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import tyro


@dataclasses.dataclass(frozen=True)
class Args:
    """What to measure."""

    tasks: tuple[str, ...] = ()
    """By default all of Gymnasium's."""
    solvers: tuple[str, ...] = ("fast", "exact")
    """Presets."""
    batches: tuple[int, ...] = (1, 16, 128)
    """Parallel environments; the compile time is that of the last."""
    steps: int = 100
    """Control steps of each environment in a round; the best of three rounds counts."""
    out: Path | None = None
    """Write the table here, as `<out>.md`; by default it is only printed."""


def ours(env: Any, batches: tuple[int, ...], steps: int) -> tuple[list[float], float, float]:
    """Steps/s at each batch; seconds to compile at the last batch, without and with the disk cache."""
    import jax
    from jax.experimental.compilation_cache import compilation_cache

    from dstjax.envs.speed import measure_speed

    with tempfile.TemporaryDirectory() as cache:
        jax.config.update("jax_compilation_cache_dir", cache)
        compilation_cache.reset_cache()
        speeds = [measure_speed(env, batch=batch, steps=steps) for batch in batches]
        again = measure_speed(env, batch=batches[-1], steps=steps)
    return [speed.steps_per_second for speed in speeds], speeds[-1].compile_seconds, again.compile_seconds


def state_bytes(env: Any) -> int:
    """Bytes that an environment carries from step to step."""
    import jax

    from dstjax.config import NoiseParams

    state = jax.eval_shape(env.reset, jax.random.key(0), NoiseParams())
    return sum(int(np.prod(leaf.shape)) * leaf.dtype.itemsize for leaf in jax.tree.leaves(state))


def c_mujoco(env: Any, batch: int, steps: int) -> float:
    """Control steps/s of C MuJoCo on all cores, from rest, without observations, rewards and resets."""
    import mujoco
    from mujoco import rollout

    from dstjax.envs.bridges.parity import gymnasium_task

    model = gymnasium_task(env).model
    model.opt.tolerance, model.opt.ccd_tolerance = 1e-8, 1e-6
    data = [mujoco.MjData(model) for _ in range(os.cpu_count() or 1)]
    size = mujoco.mj_stateSize(model, mujoco.mjtState.mjSTATE_FULLPHYSICS)
    first = np.zeros(size)
    mujoco.mj_getState(model, data[0], first, mujoco.mjtState.mjSTATE_FULLPHYSICS)
    low, high = env.control_range.T
    controls = np.random.default_rng(0).uniform(low, high, (batch, steps, env.action_size)).repeat(env.frame_skip, 1)
    begin = time.perf_counter()
    rollout.rollout(model, data, np.tile(first, (batch, 1)), controls)
    return batch * steps / (time.perf_counter() - begin)


def gymnasium_vector(env: Any, batch: int, steps: int) -> float:
    """Control steps/s of Gymnasium's vector environment, a process a core."""
    import gymnasium

    from dstjax.envs.bridges.gymnasium_peer import gymnasium_id

    count = min(batch, os.cpu_count() or 1)
    vector = gymnasium.make_vec(gymnasium_id(env), num_envs=count, vectorization_mode="async")
    vector.reset(seed=0)
    actions = [vector.action_space.sample() for _ in range(steps)]
    vector.step(actions[0])
    begin = time.perf_counter()
    for action in actions:
        vector.step(action)
    seconds = time.perf_counter() - begin
    vector.close()
    return count * steps / seconds


def main(args: Args) -> None:
    """Measure, print, and write if asked."""
    from dstjax.backend import describe, start_backend

    start_backend()
    from dstjax.envs import ENVS, make
    from dstjax.envs.mujoco.base import MujocoEnv

    tasks = args.tasks or tuple(name for name, task in ENVS.items() if issubclass(task, MujocoEnv))
    batches = [f"batch {batch}" for batch in args.batches]
    header = ["task", "solver", *batches, "compile, s", "from cache, s", "bytes", "C MuJoCo", "Gymnasium"]
    rows = [header, ["---"] * 2 + ["---:"] * (len(header) - 2)]
    for task in tasks:
        for solver in args.solvers:
            env = make(task, solver=solver)
            speeds, cold, warm = ours(env, args.batches, args.steps)
            peers = (c_mujoco(env, 128, args.steps), gymnasium_vector(env, 128, args.steps))
            numbers = [f"{speed:,.0f}" for speed in speeds]
            numbers += [f"{cold:.1f}", f"{warm:.1f}", f"{state_bytes(env):,}", *(f"{peer:,.0f}" for peer in peers)]
            rows.append([f"`{task}`", solver, *numbers])
            print("| " + " | ".join(rows[-1]) + " |", flush=True)
    if args.out is not None:
        found = describe()["device"]
        table = "\n".join("| " + " | ".join(row) + " |" for row in rows)
        args.out.parent.mkdir(parents=True, exist_ok=True)
        args.out.with_suffix(".md").write_text(f"""# Speed of the tasks

`{shlex.join(["python", "-m", "experiments.bench_envs", *sys.argv[1:]])}`;
{found["count"]} {found["kind"]} device{"s" if found["count"] > 1 else ""}, {os.cpu_count()} cores, float32, load
average {os.getloadavg()[0]:.1f} at the end: what else ran then took its share from every column.

Environment steps/s, random actions, best of three rounds of {args.steps} steps; ours with auto-reset and noise at 0.
`compile` is
that of a scan over one step, at batch {args.batches[-1]}. C MuJoCo is `mujoco.rollout` on all cores without
observations, rewards and resets;
Gymnasium is its vector environment with a process a core.

{table}
""")


if __name__ == "__main__":
    main(tyro.cli(Args))
