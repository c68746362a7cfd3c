"""`dstjax envs`."""

from collections.abc import Sequence

from dstjax.commands.words import print_table, require_no_words


def main(words: Sequence[str]) -> int:
    """Print the tasks: `dstjax envs`.

    Args:
      words: none.

    Returns:
      Exit code.
    """
    require_no_words("envs", words, "list the tasks")
    from dstjax.envs import ENVS

    print_table({name: (task.__doc__ or "").strip().split("\n")[0] for name, task in ENVS.items()})
    return 0
