"""The compact replay against the one that keeps every next observation: the same draws, bit for bit."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from agents import numbers, small_agent

from dstjax.agent import init, train_chunk
from dstjax.agent.compact import inexact_share, read_compact
from dstjax.agent.replay import LAYOUTS, init_replay, insert, sample
from dstjax.errors import UserError
from dstjax.types import Transition

OBS, ACTION = 3, 2


def episodes(ticks, num_envs, lengths, seed=0):
    """The transitions `[ticks, num_envs]` of episodes of random length, half of which terminate."""
    draws = np.random.default_rng(seed)
    size = (ticks, num_envs)
    obs = np.zeros((*size, OBS), np.float32)
    next_obs, terminated = obs.copy(), np.zeros(size, np.float32)
    for env in range(num_envs):
        left, current = draws.integers(*lengths), draws.standard_normal(OBS)
        for tick in range(ticks):
            obs[tick, env], next_obs[tick, env] = current, draws.standard_normal(OBS)
            current, left = next_obs[tick, env], left - 1
            if left == 0:
                terminated[tick, env] = draws.integers(2)
                left, current = draws.integers(*lengths), draws.standard_normal(OBS)
    action = draws.standard_normal((*size, ACTION)).astype(np.float32)
    return Transition(obs, action, draws.standard_normal(size).astype(np.float32), next_obs, terminated)


def fill(layout, stream, capacity, frozen_from=10**6):
    """The buffer after each tick."""
    num_envs = stream.reward.shape[1]
    replay = init_replay(capacity, OBS, ACTION, layout=layout, num_envs=num_envs)

    def step(replay, inputs):
        batch, tick = inputs
        replay = insert(replay, batch, tick, tick >= frozen_from)
        return replay, replay

    ticks = jnp.arange(stream.reward.shape[0])
    return jax.jit(partial(jax.lax.scan, step))(replay, (stream, ticks))[1]


def draws(replays, num_envs, batch_size=64):
    ticks = jnp.arange(jax.tree.leaves(replays)[0].shape[0])
    draw = lambda replay, tick: sample(  # noqa: E731
        replay, (tick + 1) * num_envs, jax.random.fold_in(jax.random.key(0), tick), batch_size=batch_size
    )
    return jax.jit(jax.vmap(draw))(replays, ticks)


@pytest.mark.parametrize(("num_envs", "capacity"), [(1, 40), (3, 48)])
def test_draws_are_those_of_the_full_replay_while_episodes_last(num_envs, capacity):
    stream = episodes(150, num_envs, (8, 15))
    full, compact = (draws(fill(layout, stream, capacity), num_envs) for layout in LAYOUTS[:2])
    for a, b in zip(jax.tree.leaves(full), jax.tree.leaves(compact), strict=True):
        np.testing.assert_array_equal(a, b)
    rounded = draws(fill(LAYOUTS[2], stream, capacity), num_envs)
    for name in ("obs", "next_obs", "action"):
        expected = getattr(full, name).astype(jnp.bfloat16).astype(jnp.float32)
        np.testing.assert_array_equal(getattr(rounded, name), expected)
    np.testing.assert_array_equal(rounded.reward, full.reward)


def test_where_episodes_are_short_every_draw_is_still_a_transition_that_happened():
    stream = episodes(200, 2, (2, 4))
    drawn = draws(fill("compact", stream, 64), 2)
    happened = {row.tobytes() for row in np.concatenate([stream.obs, stream.next_obs], axis=-1).reshape(-1, 2 * OBS)}
    rows = np.concatenate([drawn.obs, drawn.next_obs], axis=-1).reshape(-1, 2 * OBS)
    assert all(row.tobytes() in happened for row in rows)


@pytest.mark.parametrize("lengths", [(8, 15), (2, 4)])
def test_the_share_that_is_inexact_is_counted(lengths):
    """Counted by reading every row back beside the full replay, at every tick."""
    num_envs, capacity = 2, 64
    stream = episodes(120, num_envs, lengths)
    full, compact = (fill(layout, stream, capacity) for layout in LAYOUTS[:2])
    inserted = num_envs * (1 + np.arange(120))
    read = jax.jit(jax.vmap(read_compact, (0, 0, None)))(compact, inserted, np.arange(capacity))
    filled = np.arange(capacity) < inserted[:, None]
    differs = filled & np.any(read.next_obs != full.next_obs, axis=-1)
    share = jax.jit(jax.vmap(inexact_share))(compact, inserted)
    np.testing.assert_allclose(share, differs.sum(axis=1) / filled.sum(axis=1), rtol=1e-6)
    assert (np.max(share) > 0) == (lengths == (2, 4))


@pytest.mark.parametrize("layout", LAYOUTS)
def test_training_reports_it_of_compact_layouts(layout):
    agent = small_agent(method="td3", replay=layout)
    state = jax.eval_shape(partial(init, agent), jax.random.key(0), numbers())
    metrics = jax.eval_shape(partial(train_chunk, agent), state, numbers(), jnp.int32(0))[1]
    assert ("replay/inexact" in metrics) == (layout != "full")


def test_a_frozen_member_keeps_its_buffer():
    stream = episodes(60, 2, (8, 15))
    replays = fill("compact", stream, 32, frozen_from=45)
    for leaf in jax.tree.leaves(replays):
        np.testing.assert_array_equal(leaf[44], leaf[-1])


def test_what_it_saves():
    def size(layout):
        shapes = jax.eval_shape(lambda: init_replay(10_000, 11, 3, layout=layout))
        return sum(leaf.size * leaf.dtype.itemsize for leaf in jax.tree.leaves(shapes))

    full, compact, half = map(size, LAYOUTS)
    assert compact < 0.66 * full, "at hopper's sizes"
    assert half < 0.4 * full


def test_n_step_targets_need_the_full_replay():
    with pytest.raises(UserError, match="replay: compact is not allowed"):
        init_replay(10, 1, 1, boundaries=True, layout="compact")
