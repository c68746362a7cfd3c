"""What the small commands share: no arguments in, a table out."""

from collections.abc import Mapping, Sequence

from dstjax.errors import UserError


def require_no_words(command: str, words: Sequence[str], summary: str) -> None:
    """Answer `--help`, and refuse any other argument.

    Args:
      command: its name.
      words: its arguments.
      summary: what it does, for the help.

    Returns:
      None, where there are no arguments.

    Raises:
      SystemExit: with code 0 after the help.
      UserError: naming the first argument.
    """
    if words and words[0] in ("-h", "--help"):
        print(f"usage: dstjax {command}\n\n{summary}.")
        raise SystemExit(0)
    if words:
        raise UserError(f"unexpected argument '{words[0]}'; allowed: none after `dstjax {command}`")


def print_table(rows: Mapping[str, str]) -> None:
    """Print names and texts in two columns.

    Args:
      rows: name to text.

    Returns:
      None.
    """
    width = max(map(len, rows))
    print("\n".join(f"{name:<{width}}  {text}" for name, text in rows.items()))
