"""Task names with options: `pointmass:goals=8` is the task `pointmass` with its option `goals` at 8."""

import dataclasses
from collections.abc import Mapping
from typing import Any

from dstjax.errors import UserError, unknown_name


def split_name(text: str) -> tuple[str, dict[str, str]]:
    """Take a task's name and its options apart.

    Args:
      text: `NAME` or `NAME:OPTION=VALUE,OPTION=VALUE`.

    Returns:
      The name, and the options as they are written.

    Raises:
      UserError: where an option has no value.
    """
    name, _, rest = text.partition(":")
    pairs = [pair.partition("=") for pair in rest.split(",") if pair]
    for option, equals, value in pairs:
        if not (option and equals and value):
            raise UserError(f"env: '{text}' is not allowed; allowed: NAME or NAME:OPTION=VALUE,OPTION=VALUE")
    return name, {option: value for option, _, value in pairs}


def read_options(name: str, task: type, written: Mapping[str, str]) -> dict[str, Any]:
    """Convert written options to the types of the task's fields.

    Args:
      name: of the task, for the message.
      task: a dataclass; what it has without being a field is no option.
      written: options as they are written.

    Returns:
      The options' values.

    Raises:
      UserError: naming an unknown option, or a value of the wrong type.
    """
    fields: dict[str, Any] = {field.name: field for field in dataclasses.fields(task)}
    values = {}
    for option, text in written.items():
        if option not in fields:
            raise unknown_name(f"option of {name}", option, fields)
        kind = type(fields[option].default)
        try:
            values[option] = {"true": True, "false": False}[text.lower()] if kind is bool else kind(text)
        except (KeyError, TypeError, ValueError):
            wanted = "true or false" if kind is bool else {int: "a whole number", float: "a number"}.get(kind, "a name")
            raise UserError(f"option {option} of {name}: '{text}' is not allowed; allowed: {wanted}") from None
    return values
