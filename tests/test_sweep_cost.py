"""The cost of a sweep before it runs."""

import dataclasses

import jax
import jax.numpy as jnp
import pytest
from agents import SMALL, small_agent
from rich.console import Console

from dstjax.cli import main
from dstjax.population import Population
from dstjax.sweep import cost, words
from dstjax.sweep.file import from_words
from dstjax.sweep.shards import split

PRODUCT = 2 * 3 * 4 * 5


def flops(function, *shapes):
    arguments = [jax.ShapeDtypeStruct(shape, jnp.float32) for shape in shapes]
    return cost.product_flops(jax.make_jaxpr(function)(*arguments).jaxpr)


def branch(x, y):
    return jax.lax.cond(x[0, 0] > 0, lambda: x @ y, lambda: x[:, :1] @ y[:1])


@pytest.mark.parametrize(
    ("function", "products"),
    [
        (lambda x, y: x @ y, 1),
        (lambda x, y: x + 1, 0),
        (lambda x, y: jax.jit(jnp.matmul)(x, y) @ jnp.zeros((5, 4)), 2),
        (lambda x, y: jax.lax.scan(lambda c, _: (c, x @ y), 0.0, None, length=7), 7),
        (lambda x, y: jax.vmap(lambda s: (s * x) @ y)(jnp.ones(6)), 6),
        (branch, 1),
        (lambda x, y: jax.grad(lambda x: (jax.checkpoint(jnp.matmul)(x, y)).sum())(x), 2),
        (lambda x, y: jax.value_and_grad(lambda x, y: ((x @ y) ** 2).sum(), argnums=(0, 1))(x, y), 3),
    ],
)
def test_products_are_counted_where_they_are(function, products):
    assert flops(function, (3, 4), (4, 5)) == products * PRODUCT


def test_updates_are_what_a_chunk_costs():
    few, many = (cost.chunk_flops(small_agent(method="td3", utd=utd)) for utd in (2, 8))
    assert 3 < many / few < 4.01


TEXT = f"""
methods: [td3]
tasks: pointmass
seeds: 6
static:
  {{steps: 240, chunk_steps: 40, warmup_steps: 40, utd: {SMALL.utd}, batch_size: 8, num_samples: 4,
    width: [8, 16], eval_episodes: 2}}
"""


def test_the_listing_names_every_program(tmp_path, monkeypatch, capsys):
    shards = split(from_words(words.parse(TEXT, "f.yaml"), "f", "f.yaml"), 3)
    one = cost.estimate(shards[0])
    config = dataclasses.replace(shards[0].plan.config)
    assert one.memory == Population(config, shards[0].plan.members()).memory_bytes()
    assert one.flops > 0
    assert 0 < one.seconds < 60
    console = Console(width=120)
    with console.capture() as capture:
        console.print(cost.cost_table(shards, "title"))
    text = capture.get()
    for program in ("pointmass-td3-width=8", "pointmass-td3-width=16"):
        assert program in text
    assert "all" in text
    assert "12" in text
    assert "MiB" in text

    monkeypatch.chdir(tmp_path)
    (tmp_path / "f.yaml").write_text(TEXT)
    monkeypatch.setattr(cost, "cost_table", lambda shards, title: f"{title}: {len(shards)} shards")
    assert main(["sweep", "f.yaml", "--dry-run", "--shards", "2"]) == 0
    assert capsys.readouterr().out == "f: 4 shards\n"
    assert [path.name for path in tmp_path.iterdir()] == ["f.yaml"]
