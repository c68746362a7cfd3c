"""One trial of a W&B sweep: `dstjax train` with the given options; its W&B run has the means over the members.

`dstjax train` makes a W&B run per member, of which an agent could not tell which one is its trial.
"""

import statistics
import sys
from pathlib import Path

import wandb

from dstjax.cli import main
from dstjax.runs import Row, RunDir


def means(rows: list[Row]) -> dict[int, dict[str, float]]:
    """Mean over the members of every metric, by step; values that are not there are left out."""
    steps = sorted({row["step"] for row in rows})
    at = {step: [row for row in rows if row["step"] == step] for step in steps}
    names = [name for name in rows[0] if "/" in name and not name.startswith("time/")]
    columns = {
        step: {name: [row[name] for row in found if row[name] is not None] for name in names}
        for step, found in at.items()
    }
    return {step: {n: statistics.fmean(v) for n, v in column.items() if v} for step, column in columns.items()}


def trial(words: list[str]) -> int:
    """Train, then report; gives the exit code of `dstjax train`."""
    with wandb.init() as run:
        name = f"trial-{run.id}"
        code = main(["train", *words, "--name", name, "--tracker", "none"])
        if code == 0:
            run.define_metric("*", step_metric="env_steps")
            for step, values in means(RunDir(Path("runs") / name).rows()).items():
                run.log({**values, "env_steps": step})
    return code


if __name__ == "__main__":
    sys.exit(trial(sys.argv[1:]))
