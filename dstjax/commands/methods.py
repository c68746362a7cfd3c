"""`dstjax methods`."""

from collections.abc import Mapping, Sequence
from typing import Any

from dstjax.commands.words import require_only_options
from dstjax.options import config_options, parse

SUMMARY = "List the methods; with any option also their parameters and operations per update, at such sizes."
PESSIMISM = {
    "none": "nothing: one critic, as in the source",
    "minimum": "the critic of smaller mean",
    "truncation": "drops the largest of both critics' pooled target samples",
}
"""What is done against over-estimation."""


def main(words: Sequence[str]) -> int:
    """Print the methods: `dstjax methods [--env TASK] [--width INT] ...`.

    Args:
      words: static options of `dstjax train`.

    Returns:
      Exit code.

    Raises:
      UserError: for what a method or the task does not allow.
    """
    given, rest = parse("methods", SUMMARY, {"config": ("Sizes, as of `dstjax train`.", config_options())}, words)
    require_only_options("methods", rest)
    from rich.table import Table

    from dstjax.methods import METHODS
    from dstjax.progress import make_console

    names = given.pop("method", tuple(METHODS))
    budgets = _budgets(names, given) if words else ""
    table = Table(title="Methods", title_justify="left", show_lines=True)
    for title in ("method", "what it is", "against over-estimation", "source"):
        table.add_column(title, no_wrap=title == "method")
    for name in names:
        row = METHODS[name]
        table.add_row(name, row.summary, PESSIMISM["none" if row.critics == 1 else row.pessimism], row.source)
    make_console().print(table, budgets)
    return 0


def _budgets(names: Sequence[str], fields: Mapping[str, Any]) -> Any:
    """A table of parameters and operations; each update with its share of one of actor and world model."""
    from rich.table import Table

    from dstjax import methods
    from dstjax.agent import Agent
    from dstjax.agent.budget import budget
    from dstjax.envs import make
    from dstjax.fields import Config

    found = {}
    for name in names:
        config = Config(**{**fields, "method": name})
        methods.check(config)
        found[name] = budget(Agent(config, make(config.env)))
    least = min(each.flops for each in found.values())
    table = Table(title=f"Parameters, and operations of a critic update, on {config.env}", title_justify="left")
    for title in ("method", "actor", "critics", "model", "all", "MFLOP", "over the least"):
        table.add_column(title, justify="left" if title == "method" else "right")
    for name, each in found.items():
        numbers = (each.actor, each.critics, each.model, each.parameters)
        table.add_row(name, *(f"{n:,}" for n in numbers), f"{each.flops / 1e6:,.1f}", f"{each.flops / least:.1f}")
    return table
