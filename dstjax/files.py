"""Files that survive a crash: written whole or not at all, appended to and seen onto the disk, held by one process."""

import contextlib
import fcntl
import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from dstjax.errors import UserError


def file_name(parts: Sequence[str]) -> str:
    """Parts as one name that every file system and shell takes; a task's name may hold options with any character.

    Args:
      parts: of the name.

    Returns:
      The parts joined by `-`, at most 120 characters; what is no letter, digit, `.`, `_`, `=` or `-` is a `_`.
    """
    return re.sub(r"[^A-Za-z0-9._=-]+", "_", "-".join(parts)).lstrip(".")[:120]


def replace_text(path: Path, text: str) -> None:
    """Write a file whole or not at all.

    Args:
      path: of the file; a draft beside it is renamed to it.
      text: its new content.

    Raises:
      OSError: if it cannot be written; the file is as it was.
    """
    draft = path.with_name(f".{path.name}.draft")
    try:
        with draft.open("w") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    except OSError:
        with contextlib.suppress(OSError):
            draft.unlink()
        raise


def append_text(path: Path, text: str) -> None:
    """Add to a file and see it onto the disk.

    Args:
      path: of the file; it is made if it is not there.
      text: what to add.

    Raises:
      OSError: if it cannot be written; the file is as it was.
    """
    # Unbuffered: what a buffer could not write, closing the file would try to write again behind the truncation.
    with path.open("ab", buffering=0) as file:
        size, rest = file.tell(), text.encode()
        try:
            while rest:
                rest = rest[file.write(rest) :]
            os.fsync(file.fileno())
        except OSError:
            with contextlib.suppress(OSError):
                os.truncate(path, size)
            raise


@contextlib.contextmanager
def held(path: Path, what: str, *, wait: bool = False) -> Iterator[None]:
    """Hold a lock file for this process; the system lets go of it however the process ends.

    Args:
      path: of the lock file, which stays.
      what: the thing it guards, for the error.
      wait: for the other process to let go.

    Yields:
      Nothing, while it is held.

    Raises:
      UserError: if another process holds it, or the file cannot be made.
    """
    with contextlib.ExitStack() as stack:
        try:
            file = stack.enter_context(path.open("w"))
            fcntl.flock(file, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except BlockingIOError:
            raise UserError(f"name: another process is at '{what}'; allowed: one process per run") from None
        except OSError as error:
            raise UserError(
                f"runs_dir: cannot write to '{what}' ({error.strerror}); allowed: a writable place"
            ) from None
        yield


def is_held(path: Path) -> bool:
    """Whether a process holds a lock file at this moment.

    Args:
      path: of the lock file.

    Returns:
      False also where it is not there. Asking holds the lock for a moment, shared: who takes it then should try again.
    """
    try:
        with path.open() as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except BlockingIOError:
        return True
    return False
