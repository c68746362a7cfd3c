"""The one exception a user is meant to see."""

import difflib
from collections.abc import Iterable


class UserError(ValueError):
    """Bad input: one line that names the field, the value and what is allowed. The command line exits with 2 on it.

    Args:
      message: what is wrong; a value in it may bring line breaks along, which become spaces.
    """

    def __init__(self, message: str) -> None:
        super().__init__(" ".join(message.splitlines()))


NOT_A_RECORD = (LookupError, TypeError, ValueError, AttributeError, ArithmeticError)
"""What reading a record raises where a damaged file holds something else."""


def unknown_name(field: str, value: str, allowed: Iterable[str]) -> UserError:
    """The error for a name that is not in a table, with the nearest known name.

    Args:
      field: what the name stands for.
      value: the name given.
      allowed: the known names.

    Returns:
      The error, to be raised.
    """
    names = sorted(allowed)
    close = difflib.get_close_matches(value, names, n=1)
    hint = f"; did you mean '{close[0]}'?" if close else ""
    return UserError(f"{field}: unknown name '{value}'; allowed: {', '.join(names)}{hint}")
