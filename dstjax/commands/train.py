"""`dstjax train`."""

import dataclasses
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from dstjax.options import parse_train


def main(words: Sequence[str]) -> int:
    """Train a population, or continue a run: `dstjax train`.

    Args:
      words: its arguments.

    Returns:
      Exit code.
    """
    given = parse_train(words)
    from dstjax import methods
    from dstjax.fields import Config
    from dstjax.plan import Plan
    from dstjax.runner import Place
    from dstjax.runner import train as run

    place_names = {field.name for field in dataclasses.fields(Place)}
    place = Place(**{name: given.pop(name) for name in place_names & given.keys()})
    command = shlex.join(["dstjax", "train", *words])
    place = dataclasses.replace(place, runs_dir=Path(place.runs_dir), command=command)
    given |= _seeds(given)
    if place.resume:
        return run(None, place, given)
    plan = Plan(Config(), (Config().method,)).with_options(given)
    methods.check_axes(plan.programs(), plan.axes())
    return run(plan, place, given)


def _seeds(given: dict[str, Any]) -> dict[str, tuple[int, ...]]:
    """`--seeds COUNT` and `--first-seed` as the seeds themselves."""
    count, first = given.pop("seeds", None), given.pop("first_seed", None)
    if count is None and first is None:
        return {}
    return {"seeds": tuple(range(first or 0, (first or 0) + (count or 1)))}
