"""The ring buffer against a deque."""

from collections import deque

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from dstjax.agent.replay import init_replay, insert, newest, sample
from dstjax.types import Transition


def numbered(start: int, size: int) -> Transition:
    """Transitions that carry their own number in every field."""
    ids = jnp.arange(start, start + size, dtype=jnp.float32)
    return Transition(
        obs=jnp.tile(ids[:, None], (1, 3)),
        action=jnp.tile(ids[:, None], (1, 2)),
        reward=ids,
        next_obs=jnp.tile(ids[:, None], (1, 3)),
        terminated=ids,
    )


@pytest.mark.parametrize("ticks", [1, 3, 4, 9])
def test_holds_the_newest_transitions(ticks):
    size, capacity = 2, 8
    replay, oracle = init_replay(capacity, 3, 2), deque(maxlen=capacity)
    for tick in range(ticks):
        replay = jax.jit(insert)(replay, numbered(tick * size, size), jnp.int32(tick))
        oracle.extend(range(tick * size, (tick + 1) * size))
    filled = min(ticks * size, capacity)
    assert sorted(np.asarray(replay.reward[:filled]).tolist()) == sorted(oracle)

    batch = sample(replay, jnp.int32(ticks * size), jax.random.key(0), batch_size=4000)
    values, counts = np.unique(np.asarray(batch.reward), return_counts=True)
    assert values.tolist() == sorted(oracle), "every transition held is drawn, and nothing else"
    expected = 4000 / filled
    assert np.abs(counts - expected).max() < 5 * np.sqrt(expected), "uniformly"

    spaced = newest(replay, jnp.int32(ticks * size), span=min(filled, 6), batch_size=3)
    assert (
        np.asarray(spaced.reward).tolist() == sorted(oracle, reverse=True)[: min(filled, 6) : -(-min(filled, 6) // 3)]
    )


def test_fields_stay_together():
    replay = insert(init_replay(6, 3, 2), numbered(10, 6), jnp.int32(0))
    batch = sample(replay, jnp.int32(6), jax.random.key(1), batch_size=32)
    for leaf in jax.tree.leaves(batch):
        np.testing.assert_array_equal(leaf.reshape(32, -1)[:, 0], batch.reward)
