"""What experiments share: running to the end whatever interrupts them, and writing results that say how they came."""

import csv
import os
import shlex
import signal
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from dstjax import runner
from dstjax.plan import Plan
from dstjax.runs import Row, RunDir
from dstjax.stats import area_under_curve, curve

SIZES: dict[str, Any] = {
    "utd": 4, "width": 64, "model_width": 64, "batch_size": 64, "num_samples": 6, "ascent_steps": 1,
}  # fmt: skip
"""Small networks and few samples, for a CPU; with `NUMBERS`, rates to match so few updates."""
NUMBERS = {"actor_lr": (1e-3,), "critic_lr": (1e-3,), "tau": (0.02,)}


def train(plan: Plan, name: str, runs_dir: Path) -> list[Row]:
    """Train a run, go on with it, or find it finished; its rows. Leaves the process where the run is stopped."""
    run = RunDir(runs_dir / name)
    place = runner.Place(name, runs_dir, run.config_file.exists(), tracker="none", command=command())
    code = runner.train(plan, place)
    if code or not finished(plan, run):
        raise SystemExit(code)
    return run.rows()


def finished(plan: Plan, run: RunDir) -> bool:
    """Whether every member of a run has reached its last step."""
    ended = {row["member"] for row in run.rows() if row["step"] >= plan.config.steps}
    return len(ended) == len(plan.methods) * plan.grid_size()


def scores(rows: Sequence[Row]) -> tuple[np.ndarray, np.ndarray]:
    """Returns of the members' last evaluations, and mean returns over training, `[M]` each; NaN where one has none."""
    drawn = curve(rows)
    return drawn.members[:, -1], area_under_curve(drawn.steps, drawn.members)


def stop_after(minutes: float | None) -> None:
    """Stop this process as SIGTERM does, at the next chunk boundary: the same command goes on from there."""
    if minutes is not None:
        timer = threading.Timer(60.0 * minutes, os.kill, (os.getpid(), signal.SIGTERM))
        timer.daemon = True
        timer.start()


def command() -> str:
    """What was typed to run this experiment."""
    return shlex.join(["python", "-m", f"experiments.{Path(sys.argv[0]).stem}", *sys.argv[1:]])


def about() -> str:
    """Device and versions in a line."""
    from dstjax.backend import describe

    found = describe()
    device, versions = found["device"], found["versions"]
    return (
        f"{device['count']} {device['kind']} device{'s' if device['count'] > 1 else ''} ({device['machine']}), "
        f"{found['precision']['float']}, dstjax {versions['dstjax']}, jax {versions['jax']}, "
        f"mujoco-mjx {versions['mujoco-mjx']}"
    )


def markdown(header: Sequence[str], rows: Sequence[Sequence[str]], words: int = 1) -> str:
    """A table; the columns after the first `words` are numbers, set to the right."""
    rule = ["---" if index < words else "---:" for index in range(len(header))]
    return "\n".join("| " + " | ".join(row) + " |" for row in [header, rule, *rows])


def write(out: Path, title: str, text: str) -> None:
    """Write `<out>.md`: the command, where it ran, and the text."""
    out.parent.mkdir(parents=True, exist_ok=True)
    figure = f"\n\n![{title}]({out.name}.png)" if out.with_suffix(".png").exists() else ""
    out.with_suffix(".md").write_text(f"# {title}\n\n`{command()}`; {about()}.\n\n{text}{figure}\n")
    print(f"results: {out.with_suffix('.md')}")


def append_row(path: Path, row: Mapping[str, Any], fields: Sequence[str]) -> None:
    """Add a line to a CSV, with the header before the first: what is measured piece by piece is kept."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a", newline="") as file:
        writer = csv.DictWriter(file, fields, lineterminator="\n")
        if file.tell() == 0:
            writer.writeheader()
        writer.writerow(row)


def device_clock() -> Callable[[], float]:
    """On a CPU seconds of its time, which other programs on the machine do not add to; of an accelerator the wall's."""
    import jax

    return time.process_time if jax.default_backend() == "cpu" else time.perf_counter


def write_rows(rows: Sequence[Row], path: Path) -> None:
    """Write what figures need of rows as CSV: who, which noise, step and return."""
    noise = [name for name in rows[0] if name.startswith("noise.") and any(row[name] for row in rows)]
    fields = ["member", "method", "env", "seed", *noise, "step", "eval/return"]
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, fields, extrasaction="ignore", lineterminator="\n")
        writer.writeheader()
        for row in rows:
            value = row["eval/return"]
            writer.writerow({**row, "eval/return": "" if value is None else f"{value:.6g}"})


def read_rows(directory: Path) -> list[Row]:
    """Every row of every CSV of `write_rows` in a directory; members of different files are different members."""
    paths = sorted(directory.glob("*.csv"))
    return [{**row, "member": (path.name, row["member"])} for path in paths for row in read_csv(path)]


def read_csv(path: Path) -> list[Row]:
    """The rows that `write_rows` wrote."""
    with path.open(newline="") as file:
        return [_typed(row) for row in csv.DictReader(file)]


def _typed(row: Mapping[str, str]) -> Row:
    typed: Row = {"member": int(row["member"]), "method": row["method"], "env": row["env"]}
    typed |= {"seed": int(row["seed"]), "step": int(row["step"])}
    numbers = {name: float(value) for name, value in row.items() if name.startswith("noise.")}
    return {**typed, **numbers, "eval/return": float(row["eval/return"]) if row["eval/return"] else None}
