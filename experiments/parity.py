"""Tasks beside Gymnasium's own in C MuJoCo: `python -m experiments.parity [--tasks hopper ant] [--out results/parity]`.

From each of 256 states of a task, reached by random and by contact-rich actions, one step of both. Prints, by task,
solver preset and precision, how far positions, velocities, observation, reward and termination are apart.
"""

import dataclasses
import shlex
import sys
from pathlib import Path
from typing import Any, Literal

import numpy as np
import tyro

QUANTITIES = ("qpos", "qvel", "obs", "reward", "terminated")
Precision = Literal["float64", "float32"]


@dataclasses.dataclass(frozen=True)
class Args:
    """What to compare."""

    tasks: tuple[str, ...] = ()
    """By default all."""
    solvers: tuple[str, ...] = ("fast", "exact")
    """Presets."""
    precisions: tuple[Precision, ...] = ("float64", "float32")
    """Of the task; C MuJoCo is double throughout."""
    out: Path | None = None
    """Write the table here, as `<out>.md`; by default it is only printed."""


def cell(errors: np.ndarray, precision: Precision) -> str:
    """The worst error in double precision; median, 98th percentile and worst in single precision."""
    if precision == "float64":
        return f"{errors.max():.0e}"
    return " / ".join(f"{value:.0e}" for value in (np.median(errors), np.quantile(errors, 0.98), errors.max()))


def row(task: str, solver: str, precision: Precision) -> list[str]:
    """One row of the table."""
    import jax

    from dstjax.envs import make
    from dstjax.envs.bridges.parity import step_errors, transitions

    env: Any = make(task, solver=solver)
    reference: Any = make(task)
    truth = transitions(reference)
    with jax.enable_x64(precision == "float64"):
        errors = step_errors(env, truth, relative=precision == "float32")
    cells = [cell(errors[name], precision) for name in QUANTITIES[:-1]]
    wrong = int(errors["terminated"].sum())
    return [f"`{task}`", solver, precision, *cells, str(wrong), f"{(truth.contacts > 0).mean():.0%}"]


def main(args: Args) -> None:
    """Compare, print, and write if asked."""
    from dstjax.backend import start_backend

    start_backend()
    from dstjax.envs import ENVS
    from dstjax.envs.mujoco.base import MujocoEnv

    tasks = args.tasks or tuple(name for name, task in ENVS.items() if issubclass(task, MujocoEnv))
    header = ["task", "solver", "precision", *QUANTITIES[:-1], "wrong terminations", "in contact"]
    lines = ["| " + " | ".join(cells) + " |" for cells in (header, ["---"] * 3 + ["---:"] * 6)]
    print("\n".join(lines))
    for precision in args.precisions:
        for task in tasks:
            for solver in args.solvers:
                lines.append("| " + " | ".join(row(task, solver, precision)) + " |")
                print(lines[-1], flush=True)
    if args.out is not None:
        write(args.out, "\n".join(lines))


def write(out: Path, table: str) -> None:
    """Write the table, and what its numbers are."""
    import jax
    import mujoco

    out.parent.mkdir(parents=True, exist_ok=True)
    versions = f"jax {jax.__version__}, mujoco {mujoco.__version__}, {jax.devices()[0].device_kind}"
    out.with_suffix(".md").write_text(f"""# One step beside Gymnasium's, in C MuJoCo

`{shlex.join(["python", "-m", "experiments.parity", *sys.argv[1:]])}`; {versions}.

256 steps a task, in short episodes of random and of constant extreme actions (seed 0); the pusher starts with its hand
by the object. Errors are the largest entry's: in double precision absolute, the worst step; in single precision over
the quantity's largest entry where that exceeds 1, as median / 98th percentile / worst step. C MuJoCo runs Newton's
method to 1e-15, also where the file asks for PGS. `fast` allows 8 Newton steps, `exact` as many as the file.
The pusher's large errors are steps in which its hand presses 2 cm deep: see the task's docstring.

{table}
""")


if __name__ == "__main__":
    main(tyro.cli(Args))
