"""What an agent has and does: parameters of its networks, and operations of an update, from shapes and traces alone."""

import dataclasses
import math
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from jax.extend import core
from jax.interpreters import partial_eval

from dstjax.agent.core import Agent
from dstjax.agent.train import init, train_chunk
from dstjax.agent.update import update_cycle
from dstjax.config import Hyper
from dstjax.types import Params


@dataclasses.dataclass(frozen=True)
class Budget:
    """Of one member, without target networks and optimizers.

    Attributes:
      actor: parameters of the policy.
      critics: of all critics.
      model: of the world model.
      flops: in the matrix products of one critic update, with its share of an update of actor and world model.
    """

    actor: int
    critics: int
    model: int
    flops: float

    @property
    def parameters(self) -> int:
        """Of all networks."""
        return self.actor + self.critics + self.model


def budget(agent: Agent) -> Budget:
    """Count, without computing anything.

    Args:
      agent: the static half.

    Returns:
      Its budget.
    """
    state, hyper, number = _shapes(agent)
    params, cycle = state.learner.params, partial(update_cycle, agent, groups=1)
    flops = product_flops(cycle, state.learner, state.replay, number, hyper, state.key) / agent.config.policy_delay
    return Budget(_size(params.actor), _size(params.critic), _size(params.model), flops)


def chunk_flops(agent: Agent) -> float:
    """Operations in the matrix products of one chunk of one member, updates included.

    Args:
      agent: the static half.

    Returns:
      Floating-point operations, two per multiplication and addition.
    """
    return product_flops(partial(train_chunk, agent), *_shapes(agent))


def product_flops(function: Callable[..., Any], *inputs: Any) -> float:
    """Operations in the matrix products of a function, without those that its results do not need.

    Scans count each of their steps and branches the dearest; the steps of a `while` cannot be known and count once.

    Args:
      function: to trace.
      *inputs: arrays, or their shapes.

    Returns:
      Floating-point operations.
    """
    jaxpr = jax.make_jaxpr(function)(*inputs).jaxpr
    return _count(partial_eval.dce_jaxpr(jaxpr, [True] * len(jaxpr.outvars))[0])


def _count(jaxpr: core.Jaxpr) -> float:
    total = 0.0
    for equation in jaxpr.eqns:
        inner = [_count(sub) for sub in _inner(equation.params.values())]
        if equation.primitive.name == "dot_general":
            (contracted, _), _ = equation.params["dimension_numbers"]
            shape, result = (_shape(value) for value in (equation.invars[0], equation.outvars[0]))
            total += 2.0 * math.prod(result) * math.prod(shape[axis] for axis in contracted)
        elif equation.primitive.name == "scan":
            total += equation.params["length"] * sum(inner)
        elif equation.primitive.name == "cond":
            total += max(inner)
        else:
            total += sum(inner)
    return total


def _shapes(agent: Agent) -> tuple[Any, Any, Any]:
    """Of a training state, of the numbers, and of a count of steps."""
    hyper = jax.tree.map(lambda _: jax.ShapeDtypeStruct((), jnp.float32), Hyper())
    state = jax.eval_shape(partial(init, agent), jax.eval_shape(partial(jax.random.key, 0)), hyper)
    return state, hyper, jax.ShapeDtypeStruct((), jnp.int32)


def _size(params: Params) -> int:
    return sum(leaf.size for leaf in jax.tree.leaves(params))


def _shape(value: Any) -> tuple[int, ...]:
    shape: tuple[int, ...] = value.aval.shape
    return shape


def _inner(values: Any) -> Iterator[core.Jaxpr]:
    for value in values:
        if isinstance(value, core.ClosedJaxpr):
            yield value.jaxpr
        elif isinstance(value, core.Jaxpr):
            yield value
        elif isinstance(value, tuple | list):
            yield from _inner(value)
