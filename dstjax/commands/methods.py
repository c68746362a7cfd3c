"""`dstjax methods`."""

from collections.abc import Sequence

from dstjax.commands.words import print_table, require_no_words
from dstjax.methods import METHODS

PESSIMISM = {
    "none": "none: one critic, as in the source",
    "minimum": "the critic of smaller mean",
    "truncation": "the largest of both critics' pooled target samples are dropped",
}


def main(words: Sequence[str]) -> int:
    """Print the methods: `dstjax methods`.

    Args:
      words: none.

    Returns:
      Exit code.
    """
    require_no_words("methods", words, "list the methods")
    print_table(
        {
            name: f"{method.summary} ({method.source}); against over-estimation: "
            + PESSIMISM["none" if method.critics == 1 else method.pessimism]
            for name, method in METHODS.items()
        }
    )
    return 0
