"""Words of a sweep file as values: each check names the key, the value and what is allowed."""

from collections.abc import Mapping, Sequence
from typing import Any

from dstjax.errors import UserError, unknown_name
from dstjax.fields import Domain
from dstjax.options import Option
from dstjax.sweep.words import short

MOST_CHARACTERS = 200


def mapping(key: str, words: Any, known: Mapping[str, Any] | tuple[str, ...]) -> Mapping[str, Any]:
    """A mapping whose keys are known.

    Args:
      key: what it is called.
      words: the mapping, it should be.
      known: its possible keys.

    Returns:
      The mapping.

    Raises:
      UserError: if it is none, or has another key.
    """
    if not isinstance(words, dict):
        raise UserError(f"{key}: '{short(words)}' is not allowed; allowed: a mapping with keys of {', '.join(known)}")
    for name in words:
        if name not in known:
            raise unknown_name(f"key of {key}", short(name), known)
    return words


def several(key: str, words: Any) -> tuple[str, ...]:
    """One word, or a list of them.

    Args:
      key: what it is called.
      words: a word or a list.

    Returns:
      At least one word.

    Raises:
      UserError: if there is none, or something else than words.
    """
    values = words if isinstance(words, list) else [words]
    if not values:
        raise UserError(f"{key}: none given; allowed: at least one")
    return tuple(word(key, value) for value in values)


def word(key: str, value: Any) -> str:
    """A word.

    Args:
      key: what it is called.
      value: the word, it should be.

    Returns:
      The word.

    Raises:
      UserError: if it is empty, too long, a list or a mapping.
    """
    if not isinstance(value, str) or not 0 < len(value) <= MOST_CHARACTERS:
        raise UserError(
            f"{key}: '{short(value)}' is not allowed; allowed: a word or number of at most {MOST_CHARACTERS} characters"
        )
    return value


def field_value(option: Option, text: str, key: str) -> Any:
    """A word as the value of a field.

    Args:
      option: of the field: its type and domain.
      text: the word.
      key: what it is called.

    Returns:
      The value.

    Raises:
      UserError: if it is not of that type or outside the domain.
    """
    if option.kind is bool:
        if text not in ("true", "false"):
            raise UserError(f"{key}: '{short(text)}' is not allowed; allowed: true, false")
        return text == "true"
    return option.convert(text, key)


def whole(key: str, value: Any, domain: Domain) -> int:
    """A word as a whole number.

    Args:
      key: what it is called.
      value: the word, it should be.
      domain: allowed interval.

    Returns:
      The number.

    Raises:
      UserError: if it is none, or outside the domain.
    """
    number: int = Option(key, int, "", 0, domain).convert(word(key, value), key)
    return number


def distinct(key: str, values: Sequence[Any]) -> None:
    """Refuse doubled values.

    Args:
      key: what they are called.
      values: to check.

    Raises:
      UserError: naming the first doubled one.
    """
    seen = set()
    for value in values:
        if value in seen:
            raise UserError(f"{key}: {short(value)} is given twice; allowed: each value once")
        seen.add(value)
