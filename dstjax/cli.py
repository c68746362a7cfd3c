"""The command line `dstjax`. Parsing, help and complaints about input import no JAX, so that they are quick."""

import importlib
import sys
import warnings
from collections.abc import Sequence
from typing import Any

from dstjax.errors import UserError, unknown_name
from dstjax.version import __version__

USAGE_ERROR = 2

COMMANDS = {
    "train": "train a population of seeds, noise levels and numbers",
    "sweep": "run a sweep file, here or on a cluster",
    "status": "how far the shards of a sweep are",
    "merge": "one file of the rows of all shards",
    "envs": "list the tasks",
    "render": "film random actions in a task",
    "methods": "list the methods",
    "plot": "draw runs into a figure for a paper and print their table",
    "report": "write runs as one HTML page",
    "play": "run a trained policy in Gymnasium's C MuJoCo beside MJX, and film it",
    "audit": "compare a run's critics with Monte-Carlo returns of their policies",
    "sync": "send runs to Weights & Biases, again without doubling",
}
"""Name to summary; the command itself is `main` of the module of that name in `dstjax.commands`."""


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
    code: int = importlib.import_module(f"dstjax.commands.{words[0]}").main(words[1:])
    return code


def _usage() -> str:
    commands = "\n".join(f"  {name:<9} {text}" for name, text in COMMANDS.items())
    return (
        "usage: dstjax COMMAND ...\n\nDistributional Sobolev Training in JAX.\n\n"
        f"commands:\n{commands}\n\noptions:\n  --help    this text; `dstjax train --help` lists every option\n"
        "  --version the version"
    )


if __name__ == "__main__":
    sys.exit(main())
