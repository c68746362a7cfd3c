"""What experiments share: running to the end whatever interrupts them, and writing results that say how they came."""

import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

from dstjax.cli import main as dstjax
from dstjax.runs import Row, RunDir
from dstjax.stats import last_rows


def train(name: str, words: Sequence[str], runs_dir: Path) -> list[Row]:
    """Train a run, go on with it, or find it finished; its rows. Leaves the process where the run was interrupted."""
    run = RunDir(runs_dir / name)
    again = ["--resume"] if run.config_file.exists() else []
    code = dstjax(["train", "--name", name, "--runs-dir", str(runs_dir), "--tracker", "none", *again, *words])
    last = last_rows(run.rows()) if code == 0 else []
    plan = run.plan() if code == 0 else None
    if plan is None or len(last) < len(plan.methods) or any(row["step"] < plan.config.steps for row in last):
        raise SystemExit(code or 1)
    return run.rows()


def command(module: str) -> str:
    """What was typed to run an experiment."""
    return shlex.join(["python", "-m", f"experiments.{module}", *sys.argv[1:]])


def about() -> str:
    """Device and versions in a line."""
    from dstjax.backend import describe

    found = describe()
    device, versions = found["device"], found["versions"]
    return (
        f"{device['count']} {device['kind']} devices ({device['machine']}), {found['precision']['float']}, "
        f"dstjax {versions['dstjax']}, jax {versions['jax']}, mujoco-mjx {versions['mujoco-mjx']}"
    )


def markdown(header: Sequence[str], rows: Sequence[Sequence[str]], words: int = 1) -> str:
    """A table; the columns after the first `words` are numbers, set to the right."""
    rule = ["---" if index < words else "---:" for index in range(len(header))]
    return "\n".join("| " + " | ".join(row) + " |" for row in [header, rule, *rows])


def write(out: Path, title: str, module: str, text: str) -> None:
    """Write `<out>.md`: the command, where it ran, and the text."""
    out.parent.mkdir(parents=True, exist_ok=True)
    figure = f"\n\n![{title}]({out.name}.png)" if out.with_suffix(".png").exists() else ""
    out.with_suffix(".md").write_text(f"# {title}\n\n`{command(module)}`; {about()}.\n\n{text}{figure}\n")
    print(f"results: {out.with_suffix('.md')}")
