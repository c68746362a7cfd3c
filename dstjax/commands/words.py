"""What the commands share: how they take their arguments, and how they print and write."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from dstjax.errors import UserError


def require_only_options(command: str, names: Sequence[str]) -> None:
    """Refuse words that are no options.

    Args:
      command: its name.
      names: its arguments before the first option.

    Returns:
      None, where there are none.

    Raises:
      UserError: naming the first.
    """
    if names:
        raise UserError(f"unexpected argument '{names[0]}'; allowed: options, see `dstjax {command} --help`")


def only_run(command: str, names: Sequence[str]) -> Path:
    """The one run directory that a command is given.

    Args:
      command: its name.
      names: its arguments.

    Returns:
      The directory.

    Raises:
      UserError: for none or several.
    """
    if len(names) != 1:
        raise UserError(f"{command}: {len(names)} runs given; allowed: one run directory")
    return Path(names[0])


def require_runs(command: str, names: Sequence[str]) -> None:
    """Refuse a command without a run.

    Args:
      command: its name.
      names: its arguments.

    Returns:
      None, where there is a run.

    Raises:
      UserError: for none.
    """
    if not names:
        raise UserError(f"{command}: no run given; allowed: one or more directories of runs or sweeps")


def require_suffix(option: str, file: Path, allowed: Sequence[str]) -> None:
    """Refuse a file of a format that cannot be written.

    Args:
      option: that names it.
      file: to be written.
      allowed: suffixes.

    Returns:
      None, where the suffix is one of them.

    Raises:
      UserError: naming the option, the file and the suffixes.
    """
    if file.suffix not in allowed:
        raise UserError(f"{option}: '{file}' is not allowed; allowed: a file that ends in {', '.join(allowed)}")


@contextmanager
def writing(out: Path, option: str = "--out") -> Iterator[None]:
    """While a file is written, the system's refusals are errors of the option that names it.

    Args:
      out: the file.
      option: that names it.

    Returns:
      A context manager.

    Raises:
      UserError: naming the file and the reason.
    """
    try:
        yield
    except OSError as error:
        raise UserError(f"{option}: cannot write '{out}' ({error.strerror}); allowed: a writable place") from None
