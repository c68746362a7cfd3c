"""Every public function of the mathematics shows a runnable example, and the example holds."""

import doctest
import importlib
import inspect
import pkgutil
from functools import partial

import jax
import jax.numpy as jnp
import pytest

from dstjax import math
from dstjax.math import kernels, line
from dstjax.types import SobolevSamples

MODULES = [importlib.import_module(f"dstjax.math.{info.name}") for info in pkgutil.iter_modules(math.__path__)]
NAMES = {
    "partial": partial,
    "jax": jax,
    "jnp": jnp,
    "pytest": pytest,
    "kernels": kernels,
    "line": line,
    "SobolevSamples": SobolevSamples,
}


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.__name__)
def test_examples_hold(module):
    result = doctest.testmod(module, extraglobs=NAMES, optionflags=doctest.ELLIPSIS)
    assert result.failed == 0


def test_every_exported_function_has_an_example():
    exported = {name: getattr(math, name) for name in math.__all__}
    lacking = [name for name, item in exported.items() if inspect.isfunction(item) and ">>>" not in item.__doc__]
    assert lacking == []
