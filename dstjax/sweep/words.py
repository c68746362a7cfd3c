"""YAML as words, lists and mappings, and nothing else: a sweep file can build no object and has one meaning only.

Every scalar stays the word that was typed, and is converted where its field is known: `3e-4` is a number for a number
field, and a task may be called `no`.
"""

from collections.abc import Hashable
from pathlib import Path
from typing import Any

import yaml

from dstjax.errors import UserError

MOST_BYTES = 1 << 20


class _Words(yaml.BaseLoader):
    """`BaseLoader` without aliases (which can expand without bound), tags and doubled keys."""

    def compose_node(self, parent: Any, index: Any) -> Any:
        if self.check_event(yaml.AliasEvent):
            raise yaml.MarkedYAMLError(problem="aliases are not allowed", problem_mark=self.peek_event().start_mark)
        if getattr(self.peek_event(), "tag", None) is not None:
            raise yaml.MarkedYAMLError(problem="tags are not allowed", problem_mark=self.peek_event().start_mark)
        return super().compose_node(parent, index)

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        seen = set()
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode):
                raise yaml.MarkedYAMLError(problem="a key is not a word", problem_mark=key.start_mark)
            if key.value in seen:
                raise yaml.MarkedYAMLError(problem=f"'{short(key.value)}' is given twice", problem_mark=key.start_mark)
            seen.add(key.value)
        return super().construct_mapping(node, deep)


def short(value: Any) -> str:
    """A value for an error message, on one line and not longer than it.

    Args:
      value: anything that `read` gives.

    Returns:
      At most 60 characters.
    """
    text = " ".join(str(value).split())
    return text if len(text) <= 60 else f"{text[:57]}..."


def read(path: Path) -> Any:
    """Read a file.

    Args:
      path: of a YAML file.

    Returns:
      Words, lists and dictionaries.

    Raises:
      UserError: if it is not there or is not such YAML, with line and column.
    """
    try:
        with path.open("rb") as file:
            text = file.read(MOST_BYTES + 1)
    except OSError as error:
        raise UserError(f"{path}: {error.strerror}; allowed: a YAML file") from None
    if len(text) > MOST_BYTES:
        raise UserError(f"{path}: more than {MOST_BYTES} bytes; allowed: a smaller file")
    return parse(text, str(path))


def parse(text: bytes | str, name: str) -> Any:
    """Read YAML.

    Args:
      text: of the file.
      name: of the file, for errors.

    Returns:
      Words, lists and dictionaries.

    Raises:
      UserError: if it is not such YAML, with line and column.
    """
    try:
        return yaml.load(text, Loader=_Words)
    except RecursionError:
        raise UserError(f"{name}: nested too deeply; allowed: a sweep file") from None
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        where = f", line {mark.line + 1}, column {mark.column + 1}" if mark is not None else ""
        raise UserError(f"{name}{where}: {error.problem}; allowed: YAML of words, lists and mappings") from None
    except (yaml.YAMLError, UnicodeError) as error:
        raise UserError(f"{name}: {short(error)}; allowed: YAML in UTF-8") from None
