"""Valid inputs made invalid at random."""

import copy
import random
from typing import Any

from dstjax.fields import Config

WORDS = (
    "", "dst", "pointmass", "no", "null", "true", "~", "nan", "inf", "-inf", "1e400", "-1", "0", "1", "3", "0.5",
    "1e-3", "1_000", "0x10", "2026-13-45", "1:99", "99999999999999999999", "../..", "/etc", "é", "\u0000", "*x",
    "&x", "!!int",
    "noise.obs_scale", "tau", "log", "<<", "{", "[", "|", "- -", "? :", "%", "@", "x" * 200,
    *Config.__dataclass_fields__,
)  # fmt: skip
"""Words that mean something somewhere, to YAML or to a field."""


def spots(tree: Any, path: tuple = ()):
    """Paths to every part of a tree of dictionaries and lists."""
    yield path
    items = tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ()
    for key, value in items:
        yield from spots(value, (*path, key))


def mutated(tree: Any, chance: random.Random) -> Any:
    """A copy with one to three parts replaced, renamed or removed."""
    tree = copy.deepcopy(tree)
    for _ in range(chance.randint(1, 3)):
        path = chance.choice([spot for spot in spots(tree) if spot] or [None])
        if path is None:
            return tree
        parent = tree
        for key in path[:-1]:
            parent = parent[key]
        value = chance.choice(
            [*WORDS, [], {}, None, [chance.choice(WORDS)] * 2, {chance.choice(WORDS): 1}, 10**400, -0.5, 3, True]
        )
        if isinstance(parent, dict) and chance.random() < 0.3:
            parent[chance.choice(WORDS)] = parent.pop(path[-1])
        elif chance.random() < 0.3:
            del parent[path[-1]]
        else:
            parent[path[-1]] = value
    return tree


def garbled(text: str, chance: random.Random) -> str:
    """Perhaps some characters changed, added or removed."""
    for _ in range(chance.choice((0, 0, 1, 5))):
        where = chance.randrange(len(text) + 1)
        text = text[:where] + chance.choice("{}[]:,-#&*!|>'\"%@` \n\t\x00é0a") + text[where + chance.randint(0, 2) :]
    return text
