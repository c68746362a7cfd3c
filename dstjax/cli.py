"""The command line `dstjax`. Parsing, help and complaints about input import no JAX, so that they are quick."""

import dataclasses
import shlex
import sys
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from dstjax.errors import UserError, unknown_name
from dstjax.options import parse_train
from dstjax.version import __version__

USAGE_ERROR = 2


def main(arguments: Sequence[str] | None = None) -> int:
    """The `dstjax` command.

    Args:
      arguments: the words after `dstjax`; None takes the process's own.

    Returns:
      Exit code: 0; 2 after one line on bad input; 130 after Ctrl-C.
    """
    words = list(sys.argv[1:] if arguments is None else arguments)
    with warnings.catch_warnings():
        warnings.showwarning = _show_warning
        try:
            return _dispatch(words)
        except UserError as error:
            print(f"dstjax: error: {' '.join(str(error).split())}", file=sys.stderr)
            return USAGE_ERROR
        except KeyboardInterrupt:
            return 130


def _show_warning(message: Warning | str, *_: Any, **__: Any) -> None:
    """A warning as one line, without the place in the source that a user has no use for."""
    print(f"dstjax: warning: {' '.join(str(message).split())}", file=sys.stderr)


def _dispatch(words: Sequence[str]) -> int:
    if not words or words[0] in ("-h", "--help"):
        print(_usage())
        return 0 if words else USAGE_ERROR
    if words[0] == "--version":
        print(f"dstjax {__version__}")
        return 0
    if words[0] not in COMMANDS:
        raise unknown_name("command", words[0], COMMANDS)
    return COMMANDS[words[0]][1](words[1:])


def _usage() -> str:
    commands = "\n".join(f"  {name:<9} {text}" for name, (text, _) in COMMANDS.items())
    return (
        "usage: dstjax COMMAND ...\n\nDistributional Sobolev Training in JAX.\n\n"
        f"commands:\n{commands}\n\noptions:\n  --help    this text; `dstjax train --help` lists every option\n"
        "  --version the version"
    )


def train(words: Sequence[str]) -> int:
    """Train a population, or continue a run: `dstjax train`.

    Args:
      words: its arguments.

    Returns:
      Exit code.
    """
    given = parse_train(words)
    from dstjax.fields import Config
    from dstjax.plan import Plan
    from dstjax.runner import Place
    from dstjax.runner import train as run

    place_names = {field.name for field in dataclasses.fields(Place)}
    place = Place(**{name: given.pop(name) for name in place_names & given.keys()})
    command = shlex.join(["dstjax", "train", *words])
    place = dataclasses.replace(place, runs_dir=Path(place.runs_dir), command=command)
    given |= _seeds(given)
    default = Plan(Config(), (Config().method,))
    return run(None if place.resume else default.with_options(given), place, given)


def _seeds(given: dict[str, Any]) -> dict[str, tuple[int, ...]]:
    """`--seeds COUNT` and `--first-seed` as the seeds themselves."""
    count, first = given.pop("seeds", None), given.pop("first_seed", None)
    if count is None and first is None:
        return {}
    return {"seeds": tuple(range(first or 0, (first or 0) + (count or 1)))}


def list_envs(words: Sequence[str]) -> int:
    """Print the tasks: `dstjax envs`.

    Args:
      words: none.

    Returns:
      Exit code.
    """
    _require_no_words("envs", words)
    from dstjax.envs import ENVS

    _print_table({name: (task.__doc__ or "").strip().split("\n")[0] for name, task in ENVS.items()})
    return 0


def list_methods(words: Sequence[str]) -> int:
    """Print the methods: `dstjax methods`.

    Args:
      words: none.

    Returns:
      Exit code.
    """
    _require_no_words("methods", words)
    from dstjax.methods import METHODS

    _print_table({name: f"{method.summary} ({method.source})" for name, method in METHODS.items()})
    return 0


def plot(words: Sequence[str]) -> int:
    """Draw runs into one figure and print their table: `dstjax plot RUN...`.

    Args:
      words: run directories.

    Returns:
      Exit code.
    """
    if not words or words[0] in ("-h", "--help"):
        print("usage: dstjax plot RUN_DIRECTORY ...\n\nWrites curves.png into the first of the run directories.")
        return 0 if words else USAGE_ERROR
    from dstjax.plots import plot_curves
    from dstjax.progress import make_console
    from dstjax.report import summary_table
    from dstjax.runs import RunDir

    runs = [RunDir(Path(word)) for word in words]
    rows: list[dict[str, Any]] = []
    for run in runs:
        found = run.rows()
        if not found:
            raise UserError(
                f"plot: no metrics in '{run.path}'; allowed: directories of runs that have finished a chunk"
            )
        # Member indices are a run's own; across runs they must not meet.
        rows += [{**row, "member": (str(run.path), row["member"])} for row in found]
    make_console().print(summary_table(rows))
    print(f"figure: {plot_curves(rows, runs[0].figure_file)}")
    return 0


def _require_no_words(command: str, words: Sequence[str]) -> None:
    if words and words[0] in ("-h", "--help"):
        print(f"usage: dstjax {command}\n\n{COMMANDS[command][0]}.")
        raise SystemExit(0)
    if words:
        raise UserError(f"unexpected argument '{words[0]}'; allowed: none after `dstjax {command}`")


def _print_table(rows: dict[str, str]) -> None:
    width = max(map(len, rows))
    print("\n".join(f"{name:<{width}}  {text}" for name, text in rows.items()))


COMMANDS: dict[str, tuple[str, Callable[[Sequence[str]], int]]] = {
    "train": ("train a population of seeds, noise levels and numbers", train),
    "envs": ("list the tasks", list_envs),
    "methods": ("list the methods", list_methods),
    "plot": ("draw the curves of runs and print their table", plot),
}


if __name__ == "__main__":
    sys.exit(main())
