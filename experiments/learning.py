"""That every method learns: `python -m experiments.learning`; stopped, the same command goes on.

Each row of the method table at the quickstart's sizes and rates, without noise, on the inverted pendulum and on the
point mass with one reward location: with several, which of them a seed settles at is a matter of exploration
(`experiments.toy`). `--methods td3 --tasks pointmass` runs a part; what is finished is not run again.
"""

import dataclasses
import functools
from collections.abc import Callable
from pathlib import Path

import tyro

from dstjax.backend import start_backend
from dstjax.fields import Config
from dstjax.methods import METHODS
from dstjax.plan import Plan
from dstjax.report.words import clock, number
from dstjax.runs import Row
from dstjax.types import Array, Key
from experiments import common

TASKS = {"inverted_pendulum": ("inverted_pendulum", 6000, 0.99), "pointmass": ("pointmass:goals=1", 3000, 0.95)}
"""Environment, its steps per member, and discount: the point mass's looks as far ahead as its 30 steps, since beyond
them no data hold values of far-off positions down."""
SHARE = 0.5
"""Of the way from a random policy's return to the scripted controller's: what has to be reached on the point mass."""


@dataclasses.dataclass(frozen=True)
class Args:
    """Which part of the table, and where to write."""

    out: Path = Path("results/learning")
    """Written is `<out>.md`."""
    runs_dir: Path = Path("runs")
    """Where the runs `learning-TASK-METHOD` are."""
    tasks: tuple[str, ...] = tuple(TASKS)
    """Keys of `TASKS`."""
    methods: tuple[str, ...] = tuple(METHODS)
    """Rows of the table."""
    seeds: int = 3
    """Members of each program."""


def train(task: str, method: str, seeds: int, runs_dir: Path) -> list[Row]:
    """The run of one method on one task: its evaluations."""
    env, steps, discount = TASKS[task]
    config = Config(env=env, steps=steps, chunk_steps=500, warmup_steps=500, **common.SIZES)
    plan = Plan(config, (method,), tuple(range(seeds)), common.NUMBERS | {"discount": (discount,)})
    return common.train(plan, f"learning-{task}-{method}", runs_dir)


def pass_mark(task: str) -> float:
    """The return that counts as learnt: 950 of 1,000 on the pendulum, `SHARE` of a scripted gain on the point mass."""
    if task == "inverted_pendulum":
        return 950.0
    low, high = references()
    return low + SHARE * (high - low)


@functools.cache
def references() -> tuple[float, float]:
    """Mean returns on the point mass of uniformly random actions, and of going straight to its reward location."""
    import jax
    import jax.numpy as jnp

    from dstjax.config import NoiseParams
    from dstjax.envs.core import EnvState
    from dstjax.envs.pointmass import PointMass

    env = PointMass(goals=1)
    (goal,) = env.goal_positions

    def scripted(obs: Array, key: Key) -> Array:
        return jnp.clip(10.0 * (goal - obs), -1.0, 1.0)

    def uniform(obs: Array, key: Key) -> Array:
        return jax.random.uniform(key, obs.shape, minval=-1.0)

    def mean_return(policy: Callable[[Array, Key], Array]) -> float:
        def episode(key: Key) -> Array:
            def step(state: EnvState, key: Key) -> tuple[EnvState, None]:
                return env.step(state, policy(state.obs, key), key, NoiseParams()), None

            reset_key, loop_key = jax.random.split(key)
            start = env.reset(reset_key, NoiseParams())
            return jax.lax.scan(step, start, jax.random.split(loop_key, env.time_limit))[0].episode_return

        return float(jax.jit(jax.vmap(episode))(jax.random.split(jax.random.key(0), 512)).mean())

    return mean_return(uniform), mean_return(scripted)


def learnt_from(rows: list[Row], mark: float) -> list[str]:
    """Of each seed, the step from which on every evaluation is at least `mark`, or a dash."""
    steps = []
    for seed in sorted({row["seed"] for row in rows}):
        mine = sorted((row for row in rows if row["seed"] == seed), key=lambda row: row["step"])
        below = [row["step"] for row in mine if not row["eval/return"] >= mark]
        later = [row["step"] for row in mine if row["step"] > max(below, default=0)]
        steps.append(number(later[0]) if later else "–")
    return steps


def main(args: Args) -> None:
    """Train what is not finished, and write the table."""
    print(common.command())
    start_backend()
    lines = []
    for task in args.tasks:
        mark = pass_mark(task)
        for method in args.methods:
            rows = train(task, method, args.seeds, args.runs_dir)
            last = [number(row["eval/return"]) for row in rows if row["step"] == TASKS[task][1]]
            seconds = max(row["time/wall_s"] for row in rows)
            lines.append([task, method, ", ".join(last), ", ".join(learnt_from(rows, mark)), clock(seconds)])
    low, high = references()
    text = (
        f"Without noise, {args.seeds} seeds, 8 episodes an evaluation, one every 500 steps: "
        + ", ".join(f"{TASKS[task][1]:,} steps on `{TASKS[task][0]}`" for task in args.tasks)
        + ". Last return: of each seed. Learnt from: the step from which on every evaluation passes the mark, "
        f"950 of 1,000 on the pendulum and {pass_mark('pointmass'):.1f} on the point mass. That is {SHARE:.0%} of the "
        f"way from uniformly random actions ({low:.2f}) to going straight to the reward location ({high:.2f}). "
        "Wall time includes compilation, and other programs ran beside.\n\n"
    )
    text += common.markdown(["task", "method", "last return", "learnt from", "time"], lines, 2)
    common.write(args.out, "Every method learns", text)


if __name__ == "__main__":
    main(tyro.cli(Args, description=__doc__))
