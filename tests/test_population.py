"""Populations: members of one program against runs of their own, devices, grids, evaluation."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from agents import SMALL
from hypothesis import given
from hypothesis import strategies as st

from dstjax import agent as agent_module
from dstjax import envs
from dstjax import population as population_module
from dstjax.config import Hyper, NoiseParams
from dstjax.errors import UserError
from dstjax.population import Population, flatten, grid


def run(population: Population, chunks: int):
    state, history = population.init(), []
    for _ in range(chunks):
        state, metrics = population.run_chunk(state)
        history.append(metrics)
    return state, history


def test_grid_is_the_product_with_seeds_fastest():
    members = grid(Hyper(), [3, 4], {"noise.obs_scale": (0.0, 0.2), "critic_lr": (1e-3,)})
    assert [(r["seed"], r["noise.obs_scale"]) for r in members.rows()] == [(3, 0), (4, 0), (3, 0.2), (4, 0.2)]
    assert {r["critic_lr"] for r in members.rows()} == {1e-3}
    assert {r["discount"] for r in members.rows()} == {0.99}
    assert all(leaf.shape == (4,) and leaf.dtype == np.float32 for leaf in jax.tree.leaves(members.hyper))


@pytest.mark.parametrize(
    ("seeds", "axes", "field"),
    [
        ([], {}, "seeds"),
        ([0], {"noise.obs_scale": ()}, "noise.obs_scale"),
        ([0], {"noise.obs_scale": (0.1, 1.5)}, "noise.obs_scale"),
        ([0], {"critic_rl": (1.0,)}, "critic_lr"),
    ],
)
def test_bad_grids_name_the_field(seeds, axes, field):
    with pytest.raises(UserError, match=field):
        grid(Hyper(), seeds, axes)


@given(st.data())
def test_every_row_shows_the_numbers_its_member_trains_with(data):
    names = data.draw(st.lists(st.sampled_from(sorted(flatten(Hyper()))), unique=True, max_size=3))
    axes = {name: tuple(data.draw(st.lists(st.floats(0.125, 0.5, width=16), min_size=1, max_size=3))) for name in names}
    members = grid(Hyper(), [7, 8], axes)
    leaves = flatten(members.hyper)
    for i, row in enumerate(members.rows()):
        assert row["member"] == i
        for name in names:
            assert row[name] == pytest.approx(float(leaves[name][i]), rel=1e-6)
    assert len(members) == 2 * int(np.prod([len(v) for v in axes.values()]))


@pytest.mark.parametrize("method", ["dst", "td3"])
def test_a_member_equals_its_single_run_for_200_updates(method):
    config = dataclasses.replace(SMALL, method=method, steps=160)
    members = grid(Hyper(), [5, 6], {"noise.dynamics_std": (0.0, 0.3)})
    population = Population(config, members)
    state, history = run(population, 4)  # 120 steps after warm-up, 2 updates each
    index = 3
    agent = agent_module.Agent(config, envs.make("pointmass"))
    hyper = jax.tree.map(lambda leaf: jnp.asarray(leaf[index]), members.hyper)
    single = jax.jit(lambda key: agent_module.init(agent, key, hyper))(jax.random.key(6))
    chunk = jax.jit(lambda state, step: agent_module.train_chunk(agent, state, hyper, step))
    for i in range(4):
        single, metrics = chunk(single, jnp.int32(i * config.chunk_steps))
        np.testing.assert_allclose(metrics["critic/loss"], history[i]["critic/loss"][index], rtol=2e-3)
    member = jax.tree.map(lambda leaf: leaf[index], state.members)
    # The two programs sum in different orders; 240 updates of training amplify the last digit.
    for a, b in zip(jax.tree.leaves(member.learner.params), jax.tree.leaves(single.learner.params), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-4)
    np.testing.assert_allclose(member.replay.obs, single.replay.obs, atol=1e-4)


def test_devices_change_nothing_and_seeds_are_paired():
    members = grid(Hyper(), [0, 1], {"noise.dynamics_std": (0.0, 0.3)})
    config = dataclasses.replace(SMALL, method="td3")
    one = Population(config, members, devices=jax.devices()[:1])
    two = Population(config, members, devices=jax.devices()[:2])
    (a, history_a), (b, history_b) = run(one, 2), run(two, 2)
    for x, y in zip(
        jax.tree.leaves((a.members.learner, history_a)), jax.tree.leaves((b.members.learner, history_b)), strict=True
    ):
        np.testing.assert_allclose(x, y, rtol=1e-3, atol=1e-5)
    first = np.asarray(one.init().members.env.obs)
    np.testing.assert_array_equal(first[0], first[2])
    assert (first[0] != first[1]).any()


def test_state_is_described_before_it_is_made():
    population = Population(SMALL, grid(Hyper(), [0, 1], {}))
    described, state = population.abstract_state(), population.init()
    assert jax.tree.structure(described) == jax.tree.structure(state)
    for a, b in zip(jax.tree.leaves(described), jax.tree.leaves(state), strict=True):
        assert (a.shape, a.dtype) == (b.shape, b.dtype)
        assert a.sharding == b.sharding or a.size == 0
    replay = 2 * SMALL.steps * (2 + 2 + 2 + 1 + 1) * 4
    assert replay < population.memory_bytes() < 10 * replay


def test_one_trace_for_all_noise_levels_and_chunks(monkeypatch):
    traces = []
    for name in ("train_chunk", "evaluate"):
        original = getattr(population_module, name)
        counted = lambda *args, name=name, original=original, **kwargs: traces.append(name) or original(*args, **kwargs)  # noqa: E731
        monkeypatch.setattr(population_module, name, counted)
    config = dataclasses.replace(SMALL, method="td3")
    run(Population(config, grid(Hyper(), [0], {"noise.dynamics_std": (0.0, 0.1)})), 3)
    assert sorted(traces) == ["evaluate", "train_chunk"]


def test_evaluation_is_the_deterministic_policys_return_in_whole_episodes():
    agent = agent_module.Agent(dataclasses.replace(SMALL, method="td3"), envs.make("pointmass"))
    learner = jax.jit(agent.init_learner)(jax.random.key(0))
    noise = jax.tree.map(jnp.float32, NoiseParams())
    evaluate = jax.jit(
        lambda key: agent_module.evaluate(agent, learner.params.actor, learner.stats.obs, noise, key, episodes=3)
    )
    result, env = evaluate(jax.random.key(1)), agent.env
    reset_key, _ = jax.random.split(jax.random.key(1))
    returns = []
    for key in jax.random.split(reset_key, 3):
        state, step = env.reset(key, noise), jax.jit(env.step)
        total = 0.0
        while not (state.terminated | state.truncated):
            action = agent.policy(learner.params.actor, learner.stats.obs, state.obs)
            state = step(state, action, key, noise)  # without noise the key is not used
            total += float(state.reward)
        returns.append(total)
    np.testing.assert_allclose(result["return"], np.mean(returns), rtol=1e-4)
    np.testing.assert_allclose(result["return_std"], np.std(returns), rtol=1e-3)
    assert result["length"] == env.time_limit
