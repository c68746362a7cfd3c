"""`dstjax envs`."""

from collections.abc import Sequence
from typing import Any

from dstjax.commands.words import require_only_options
from dstjax.fields import COUNT
from dstjax.options import Option, parse

SUMMARY = "List the tasks: their sizes, and the noises that have no effect on each."
OPTIONS = (
    Option(
        "measure", str, "tasks to measure the speed of on this machine; `all` measures every one", "none", many=True
    ),
    Option("batch", int, "parallel environments of the measurement", 128, COUNT),
)


def main(words: Sequence[str]) -> int:
    """Print the tasks: `dstjax envs [--measure TASK...]`.

    Args:
      words: options.

    Returns:
      Exit code.

    Raises:
      UserError: for a task to measure that does not exist.
    """
    given, rest = parse("envs", SUMMARY, {"envs": ("What to measure.", OPTIONS)}, words)
    require_only_options("envs", rest)
    from rich.table import Table

    from dstjax.backend import start_backend
    from dstjax.envs import ENVS, make
    from dstjax.progress import make_console

    names = given.get("measure", ())
    chosen = {name: make(name) for name in (ENVS if list(names) == ["all"] else names)}
    if chosen:
        start_backend()
    batch = given.get("batch", 128)
    table = Table(title="Tasks", title_justify="left")
    for title in ("task", "S", "A", "frame skip", "episode", "noises without effect"):
        table.add_column(title, justify="right" if title in ("S", "A", "frame skip", "episode") else "left")
    for name in ENVS:
        table.add_row(name, *_row(make(name)))
    console = make_console()
    console.print(table)
    for name, env in chosen.items():
        console.print(_speed(name, env, batch))
    return 0


def _row(env: Any) -> list[str]:
    from dstjax.envs.draws import ALL

    numbers = (env.obs_size, env.action_size, getattr(env, "frame_skip", 1), env.time_limit)
    return [*map(str, numbers), ", ".join(sorted(ALL - env.noises)) or "none"]


def _speed(name: str, env: Any, batch: int) -> str:
    from dstjax.envs.speed import measure_speed

    speed = measure_speed(env, batch=batch)
    return (
        f"{name}: {speed.steps_per_second:,.0f} environment steps/s at batch {batch}, "
        f"ready after {speed.compile_seconds:.1f} s of compilation, {speed.bytes_per_env / 1024:,.1f} kB an environment"
    )
