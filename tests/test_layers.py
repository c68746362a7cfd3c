"""Imports go strictly downward through the rooms of the package, wherever in a file they are written."""

import ast
import graphlib

import pytest
from sources import PACKAGE, modules

# From the bottom to the top; a room is a module or a package of dstjax.
ROOMS = (
    *(
        "version",
        "errors",
        "files",
        "fields",
        "backend",
        "distributed",
        "types",
        "config",
        "math",
        "normalize",
        "nets",
        "envs",
        "world",
        "methods",
    ),
    *("agent", "members", "population", "memory", "plan", "runs", "checkpoints", "tracking", "upload"),
    *("gather", "stats", "report", "progress", "plots", "films"),
    *("signals", "loop", "runner", "trained", "audits", "transfer", "options", "sweep", "launch", "commands", "cli"),
)
MATH_MAY_IMPORT = {"math", "types", "errors"}
TREES = modules()


def room(module: str) -> str:
    return module.split(".")[1]


def imported(tree: ast.AST) -> set[str]:
    """Modules of this package that a tree imports; `from dstjax import x` names the module x."""
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module is not None:
            members = {f"{node.module}.{alias.name}" for alias in node.names}
            found |= {name for name in members if name in TREES} or {node.module}
    return {name for name in found if name.split(".")[0] == PACKAGE.name}


INNER = sorted(name for name in TREES if name != PACKAGE.name)


def test_every_module_is_in_a_known_room():
    assert {room(name) for name in INNER} <= set(ROOMS)


@pytest.mark.parametrize("name", INNER)
def test_imports_go_downward(name):
    for target in imported(TREES[name]):
        assert target != PACKAGE.name, f"{name} imports the package itself, which imports everything"
        same_room = room(target) == room(name)
        assert same_room or ROOMS.index(room(target)) < ROOMS.index(room(name)), f"{name} imports {target}"


def test_no_import_cycles():
    graphlib.TopologicalSorter({name: imported(TREES[name]) - {name} for name in INNER}).prepare()


def test_math_knows_no_network_environment_or_config():
    for name in INNER:
        if room(name) == "math":
            assert {room(target) for target in imported(TREES[name])} <= MATH_MAY_IMPORT, name


def test_experiments_and_sweeps_are_imported_by_nobody():
    for name, tree in TREES.items():
        for node in ast.walk(tree):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            assert not {target.split(".")[0] for target in names} & {"experiments", "sweeps", "tests"}, name
