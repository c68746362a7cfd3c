"""Tasks beside Gymnasium's own in C MuJoCo: `python -m experiments.parity [--tasks hopper ant] [--out results/parity]`.

From each of 256 states of a task, reached by random and by contact-rich actions, one step of both. Prints how far they
are apart, by quantity, precision and bound on the constraint solver's Newton steps: the presets' and smaller ones.
With `--out` the rows are kept in `<out>.csv`, tasks of earlier calls among them, and the tables in `<out>.md`.
"""

import csv
import dataclasses
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, Literal

import numpy as np
import tyro

from experiments.common import about, markdown

QUANTITIES = ("qpos", "qvel", "obs", "reward")
BOUNDS = (1, 2, 3, 4, 5, 6, 8)
FIELDS = ("task", "bound", "precision", "quantity", "median", "q99", "max", "wrong_terminations", "in_contact")
TOLERANCE = {"pusher": 1e-7}
"""Of the worst step in double precision, 1e-9 but for the pusher, whose peer's collider is no better."""
Precision = Literal["float64", "float32"]
Row = dict[str, str]


@dataclasses.dataclass(frozen=True)
class Args:
    """What to compare."""

    tasks: tuple[str, ...] = ()
    """By default all."""
    precisions: tuple[Precision, ...] = ("float64", "float32")
    """Of the task; C MuJoCo is double throughout."""
    out: Path | None = None
    """Write `<out>.csv` and `<out>.md`; by default the rows are only printed."""


def bounded_step(env: Any) -> Callable[..., dict[str, Any]]:
    """A noise-free control step of `n` states whose solver's bound is an argument, so that one program serves all."""
    import jax

    from dstjax.envs.mujoco.model import mjx_model
    from dstjax.envs.mujoco.physics import simulate

    model, empty = mjx_model(env.xml_file, env.solver)

    def step(before: Any, control: Any, bound: Any) -> dict[str, Any]:
        limited = model.replace(opt=model.opt.replace(iterations=bound))
        after, readings = simulate(limited, empty, before, control, env.read, frame_skip=env.frame_skip)
        outcome = env.outcome(before, after, readings, control)
        seen = {"obs": env.observation(after, readings), "reward": outcome.reward, "terminated": outcome.terminated}
        return {"qpos": after.qpos, "qvel": after.qvel, **seen}

    with jax.default_matmul_precision("highest"):
        return jax.jit(jax.vmap(step, in_axes=(0, 0, None)))


def compare(task: str, precision: Precision) -> list[Row]:
    """The rows of a task."""
    import jax
    import jax.numpy as jnp

    from dstjax.envs import make
    from dstjax.envs.bridges.parity import errors, physics, transitions
    from dstjax.envs.mujoco.model import SOLVERS, c_model

    env: Any = make(task)
    truth, rows = transitions(env), []
    presets = {name: steps or int(c_model(env.xml_file).opt.iterations) for name, steps in SOLVERS.items()}
    smaller = {str(bound): bound for bound in BOUNDS} if precision == "float64" else {}
    with jax.enable_x64(precision == "float64"), jax.default_matmul_precision("highest"):
        step, inputs = bounded_step(env), (physics(env, truth.before), jnp.asarray(truth.control, float))
        for name, bound in (presets | smaller).items():
            found = errors(step(*inputs, jnp.int32(bound)), truth, relative=precision == "float32")
            wrong, contact = found["terminated"].sum(), (truth.contacts > 0).mean()
            for quantity in QUANTITIES:
                e = found[quantity]
                numbers = [f"{x:.2e}" for x in (np.median(e), np.quantile(e, 0.99), e.max())]
                cells = [task, name, precision, quantity, *numbers, f"{wrong:.0f}", f"{contact:.2f}"]
                rows.append(dict(zip(FIELDS, cells, strict=True)))
    return rows


def main(args: Args) -> None:
    """Compare, print, and write if asked."""
    from dstjax.backend import start_backend

    start_backend(devices=1)
    from dstjax.envs import ENVS
    from dstjax.envs.mujoco.base import MujocoEnv

    every = tuple(name for name, task in ENVS.items() if issubclass(task, MujocoEnv))
    for task in args.tasks or every:
        for precision in args.precisions:
            rows = compare(task, precision)
            shown = [list(row.values()) for row in rows if row["bound"] in ("fast", "exact")]
            print(markdown(FIELDS, shown, words=4), flush=True)
            if args.out is not None:
                write(args.out, rows, every)


def write(out: Path, new: list[Row], order: tuple[str, ...]) -> None:
    """Put rows in the place of older ones of the same task and precision, and write the tables of all."""
    path, rows = out.with_suffix(".csv"), new
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.exists():
        with path.open(newline="") as file:
            done = {(row["task"], row["precision"]) for row in new}
            rows = [row for row in csv.DictReader(file) if (row["task"], row["precision"]) not in done] + new
    rows.sort(key=lambda row: (order.index(row["task"]), row["precision"]))
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, FIELDS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    out.with_suffix(".md").write_text(page(rows))


def page(rows: list[Row]) -> str:
    """The tables, and what their numbers are."""
    import mujoco

    from dstjax.envs.mujoco.model import SOLVERS

    presets = [row for row in rows if row["bound"] in ("fast", "exact")]
    wrong = sum(int(row["wrong_terminations"]) for row in presets if row["quantity"] == "qpos")
    return f"""# One step beside Gymnasium's, in C MuJoCo

`python -m experiments.parity --out results/parity`, task by task; {about()}, C mujoco {mujoco.__version__}.

256 steps a task, in short episodes of random and of constant extreme actions (seed 0); the pusher starts with its hand
by the object. Errors are the largest entry's, as median / 99th percentile / worst step: in double precision absolute;
in single precision over the quantity's largest entry where that exceeds 1. C MuJoCo runs Newton's method to 1e-15,
also where the file asks for PGS, and its collider to 1e-14. `fast` allows {SOLVERS["fast"]} Newton steps, `exact` as
many as the file.
Terminations that differ, over all rows: {wrong}.

The pusher's differences come of C MuJoCo's iterative collider of capsule and cylinder: its contacts' distances agree,
and its normals approach ours with the square root of its tolerance (`tests/envs/test_cylinder.py`).

{preset_table(presets)}

## Fewest Newton steps

Worst error of any quantity in double precision, by the bound on the solver's Newton steps, and the fewest whose error
stays within 1e-9 (the pusher: 1e-7). The solver ends by itself once the set of active constraints no longer
changes, so that a bound above the fewest costs nothing.

{bound_table(rows)}
"""


def preset_table(rows: list[Row]) -> str:
    """Task by quantity, against precision by preset."""
    cells = {
        (row["task"], row["quantity"], row["precision"], row["bound"]): " / ".join(
            f"{float(row[number]):.0e}" for number in ("median", "q99", "max")
        )
        for row in rows
    }
    columns = [(precision, preset) for precision in ("float64", "float32") for preset in ("fast", "exact")]
    header = ["task", "in contact", "quantity", *(f"{precision}, `{preset}`" for precision, preset in columns)]
    contact = {row["task"]: f"{float(row['in_contact']):.0%}" for row in rows}
    table = [
        [f"`{task}`", contact[task], quantity, *(cells.get((task, quantity, *column), "") for column in columns)]
        for task in contact
        for quantity in QUANTITIES
    ]
    return markdown(header, table, 3)


def bound_table(rows: Iterable[Row]) -> str:
    """Task against bound."""
    worst: dict[str, dict[str, float]] = {}
    for row in rows:
        if row["precision"] == "float64":
            of_task = worst.setdefault(row["task"], {})
            of_task[row["bound"]] = max(of_task.get(row["bound"], 0.0), float(row["max"]))
    table = []
    for task, by_bound in worst.items():
        enough = [bound for bound in BOUNDS if by_bound[str(bound)] <= TOLERANCE.get(task, 1e-9)]
        numbers = [f"{by_bound[name]:.0e}" for name in (*map(str, BOUNDS), "exact")]
        table.append([f"`{task}`", *numbers, str(min(enough)) if enough else "more"])
    return markdown(["task", *map(str, BOUNDS), "the file's", "fewest"], table)


if __name__ == "__main__":
    main(tyro.cli(Args, description=__doc__))
