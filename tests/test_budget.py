"""Parameters and operations, counted by hand."""

import jax
import jax.numpy as jnp
import pytest
from agents import small_agent

from dstjax.agent.budget import budget, chunk_flops, product_flops

PRODUCT = 2 * 3 * 4 * 5


def flops(function, *shapes):
    return product_flops(function, *(jax.ShapeDtypeStruct(shape, jnp.float32) for shape in shapes))


def branch(x, y):
    return jax.lax.cond(x[0, 0] > 0, lambda: x @ y, lambda: x[:, :1] @ y[:1])


@pytest.mark.parametrize(
    ("function", "products"),
    [
        (lambda x, y: x @ y, 1),
        (lambda x, y: x + 1, 0),
        (lambda x, y: (x, x @ y)[0], 0),
        (lambda x, y: jax.jit(jnp.matmul)(x, y) @ jnp.zeros((5, 4)), 2),
        (lambda x, y: jax.lax.scan(lambda c, _: (c, x @ y), 0.0, None, length=7), 7),
        (lambda x, y: jax.vmap(lambda s: (s * x) @ y)(jnp.ones(6)), 6),
        (branch, 1),
        (lambda x, y: jax.grad(lambda x: (jax.checkpoint(jnp.matmul)(x, y) ** 2).sum())(x), 2),
        (lambda x, y: jax.value_and_grad(lambda x, y: ((x @ y) ** 2).sum(), argnums=(0, 1))(x, y), 3),
    ],
)
def test_products_are_counted_where_they_are(function, products):
    assert flops(function, (3, 4), (4, 5)) == products * PRODUCT


def test_updates_are_what_a_chunk_costs():
    few, many = (chunk_flops(small_agent(method="td3", utd=utd)) for utd in (2, 8))
    assert 3 < many / few < 4.01


def test_the_budget_of_td3_is_that_of_its_layers():
    """One hidden layer of W: an actor S-W-A, and two critics (S + A)-W-1."""
    agent = small_agent(method="td3", depth=1, width=8, batch_size=6, policy_delay=2)
    s, a, w, b = agent.env.obs_size, agent.env.action_size, 8, 6
    found = budget(agent)
    assert (found.actor, found.critics, found.model) == (s * w + w + w * a + a, 2 * ((s + a) * w + w + w + 1), 0)
    policy, critic = 2 * b * (s * w + w * a), 2 * b * ((s + a) * w + w)
    # Targets: the target policy and both target critics. Loss: both critics, their weights' gradients as much again,
    # and the hidden layers' by the last.
    critics = policy + 2 * critic + 2 * (critic + critic + 2 * b * w)
    # A critic of the policy's action and its gradient in the input; the policy's weights and hidden layer.
    actor = policy + critic + 2 * b * (w + (s + a) * w) + policy + 2 * b * w * a
    assert found.flops == critics + actor / 2


def test_a_world_model_counts():
    with_model, without = (budget(small_agent(method=name)) for name in ("dst", "mmd"))
    assert with_model.model > 0 == without.model
    assert with_model.critics == without.critics
    assert with_model.flops > without.flops
