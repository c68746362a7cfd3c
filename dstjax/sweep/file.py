"""A sweep file read into a `Sweep`; what is wrong with it is one line: file, key, value and what is allowed."""

import itertools
import math
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from dstjax.errors import UserError, unknown_name
from dstjax.fields import COUNT, COUNT_OR_ZERO, Config, Domain
from dstjax.options import Option, config_options, number_options
from dstjax.plan import Numbers
from dstjax.sweep.search import SAMPLERS, Interval, draw
from dstjax.sweep.spec import Sweep
from dstjax.sweep.values import distinct, field_value, mapping, several, whole, word
from dstjax.sweep.words import read, short

MOST_MEMBERS = 100_000
KEYS = ("name", "methods", "tasks", "seeds", "static", "numbers", "zip", "search")
SEARCH_KEYS = ("samples", "sampler", "seed", "over")
PROGRAM_DEFAULTS = {"methods": Config().method, "tasks": Config().env}
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
SEED = Domain(0, 2**31 - 1)

_STATIC = {option.name: option for option in config_options() if option.name not in ("env", "method")}
_NUMBERS = {option.name: option for option in number_options()}


def load(path: Path) -> Sweep:
    """Read a sweep file.

    Args:
      path: of the YAML file.

    Returns:
      The sweep.

    Raises:
      UserError: in one line: the file, the key, its value and what is allowed.
    """
    return from_words(read(path), path.stem, str(path))


def from_words(words: Any, default_name: str, source: str) -> Sweep:
    """Make a sweep of what a file says.

    Args:
      words: lists and mappings of words.
      default_name: of the sweep, where the file gives none.
      source: the file, for errors.

    Returns:
      The sweep; all its plans are valid.

    Raises:
      UserError: in one line: the file, the key, its value and what is allowed.
    """
    try:
        sweep = _sweep(mapping("the file", words, KEYS), default_name)
        sweep.plans()
    except UserError as error:
        raise UserError(f"{source}: {error}") from None
    return sweep


def _sweep(words: Mapping[str, Any], default_name: str) -> Sweep:
    name = word("name", words.get("name", default_name))
    if NAME.fullmatch(name) is None:
        raise UserError(f"name: '{name}' is not allowed; allowed: letters, digits, '.', '_' and '-', no '.' first")
    static = _fields("static", words.get("static", {}), _STATIC)
    numbers = _fields("numbers", words.get("numbers", {}), _NUMBERS)
    groups = _zips(words.get("zip", [])) + ([_search(words["search"])] if "search" in words else [])
    for group in groups:
        for key in group:
            if key in numbers or sum(key in other for other in groups) > 1:
                raise UserError(f"{key}: given in several places; allowed: one of numbers, zip and search")
    seeds = _seeds(words.get("seeds", "1"))
    programs = {key: several(key, words.get(key, default)) for key, default in PROGRAM_DEFAULTS.items()}
    for key, values in programs.items():
        distinct(key, values)
    axes = [
        seeds,
        *programs.values(),
        *static.values(),
        *numbers.values(),
        *(next(iter(group.values())) for group in groups),
    ]
    if (count := math.prod(len(values) for values in axes)) > MOST_MEMBERS:
        raise UserError(f"seeds: {count} members are not allowed; allowed: at most {MOST_MEMBERS} in a sweep")
    table = _product(groups)
    columns = {name: tuple(row[name] for row in table) for name in table[0]}
    # A table of one row is no axis.
    zipped = tuple(columns) if len(table) > 1 else ()
    return Sweep(name, programs["methods"], programs["tasks"], seeds, static, {**numbers, **columns}, zipped)


def _product(groups: list[Numbers]) -> list[dict[str, float]]:
    """Every combination of the rows of several tables, as one table."""
    rows = [[dict(zip(group, row, strict=True)) for row in zip(*group.values(), strict=True)] for group in groups]
    return [{name: value for row in choice for name, value in row.items()} for choice in itertools.product(*rows)]


def _fields(key: str, words: Any, options: Mapping[str, Option]) -> dict[str, tuple[Any, ...]]:
    found = {}
    for name, value in mapping(key, words, options).items():
        label = f"{key}.{name}"
        found[name] = tuple(field_value(options[name], text, label) for text in several(label, value))
        distinct(label, found[name])
    return found


def _zips(words: Any) -> list[Numbers]:
    groups = []
    for index, group in enumerate(words if isinstance(words, list) else [words]):
        key = f"zip[{index}]"
        if not mapping(key, group, _NUMBERS):
            raise UserError(f"{key}: empty; allowed: two or more numbers, each with a list of values")
        columns = {
            name: tuple(field_value(_NUMBERS[name], text, f"{key}.{name}") for text in several(f"{key}.{name}", values))
            for name, values in group.items()
        }
        first = next(iter(columns))
        for name, values in columns.items():
            if len(values) != len(columns[first]):
                raise UserError(
                    f"{key}.{name}: {len(values)} values are not allowed; "
                    f"allowed: {len(columns[first])}, as many as {first}, which it goes with"
                )
        distinct(key, list(zip(*columns.values(), strict=True)))
        groups.append(columns)
    return groups


def _search(words: Any) -> Numbers:
    words = mapping("search", words, SEARCH_KEYS)
    samples = whole("search.samples", words.get("samples", "16"), COUNT)
    sampler = word("search.sampler", words.get("sampler", SAMPLERS[0]))
    if sampler not in SAMPLERS:
        raise unknown_name("search.sampler", short(sampler), SAMPLERS)
    if samples > MOST_MEMBERS:
        raise UserError(f"search.samples: {samples} is not allowed; allowed: at most {MOST_MEMBERS}")
    if sampler == "sobol" and samples & (samples - 1):
        raise UserError(f"search.samples: {samples} is not allowed; allowed: a power of two, or sampler: random")
    over = mapping("search.over", words.get("over", {}), _NUMBERS)
    if not over:
        raise UserError("search.over: empty; allowed: one or more numbers, each with an interval")
    intervals = {name: _interval(name, value) for name, value in over.items()}
    return draw(intervals, samples, sampler, whole("search.seed", words.get("seed", "0"), COUNT_OR_ZERO))


def _interval(name: str, words: Any) -> Interval:
    key = f"search.over.{name}"
    scale = mapping(key, words, ("log", "uniform"))
    ends = next(iter(scale.values()), None)
    if len(scale) != 1 or not isinstance(ends, list) or len(ends) != 2:
        raise UserError(f"{key}: {short(words)} is not allowed; allowed: log: [low, high] or uniform: [low, high]")
    low, high = (field_value(_NUMBERS[name], end, key) for end in several(key, ends))
    if not low < high or ("log" in scale and low <= 0):
        bound = "0 < low < high" if "log" in scale else "low < high"
        raise UserError(f"{key}: [{low:g}, {high:g}] is not allowed; allowed: {bound}")
    return Interval(low, high, "log" in scale)


def _seeds(words: Any) -> tuple[int, ...]:
    """`4` is four seeds, 0 to 3; a list is the seeds themselves."""
    if isinstance(words, list):
        seeds = tuple(whole("seeds", text, SEED) for text in several("seeds", words))
        distinct("seeds", seeds)
        return seeds
    return tuple(range(whole("seeds", words, Domain(1, MOST_MEMBERS))))
