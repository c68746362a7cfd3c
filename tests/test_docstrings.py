"""Every public name says what it is; a public function also says what it takes and gives."""

import ast
from collections.abc import Iterator

import pytest
from sources import modules

TREES = modules()
FUNCTION = (ast.FunctionDef, ast.AsyncFunctionDef)


def public(body: list[ast.stmt]) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef]:
    for node in body:
        if isinstance(node, (*FUNCTION, ast.ClassDef)) and not node.name.startswith("_"):
            yield node


def takes_something(node: ast.FunctionDef) -> bool:
    arguments = node.args
    return bool(arguments.posonlyargs or arguments.args or arguments.kwonlyargs or arguments.vararg or arguments.kwarg)


def gives_something(node: ast.FunctionDef) -> bool:
    annotation = ast.unparse(node.returns) if node.returns is not None else "None"
    return annotation not in {"None", "NoReturn", "Never"}


def complaints(node: ast.stmt) -> Iterator[str]:
    text = ast.get_docstring(node)
    if text is None:
        yield f"{node.name} has no docstring"
    elif isinstance(node, FUNCTION):
        if takes_something(node) and "Args:" not in text:
            yield f"{node.name} takes something and has no `Args:`"
        if gives_something(node) and "Returns:" not in text and "Yields:" not in text:
            yield f"{node.name} gives something and has no `Returns:`"
    else:
        methods = [method for method in public(node.body) if ast.get_docstring(method) is None]
        yield from (f"{node.name}.{method.name} has no docstring" for method in methods)


@pytest.mark.parametrize("name", TREES)
def test_public_names_are_documented(name):
    assert ast.get_docstring(TREES[name]), f"{name} has no docstring"
    if not name.split(".")[-1].startswith("_"):
        assert [line for node in public(TREES[name].body) for line in complaints(node)] == []
