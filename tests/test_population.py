"""Populations: members of one program against runs of their own, devices, grids, evaluation."""

import dataclasses
import functools
import os
import subprocess
import sys

import flax.struct
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
        (2, {}, r"seeds: 2 .* range\(2\)"),
        ([0], {"noise.obs_scale": ()}, "noise.obs_scale"),
        ([0], {"noise.obs_scale": 0.2}, "noise.obs_scale: 0.2 is not allowed"),
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


def host(tree):
    """The leaves of a pytree as NumPy arrays, keys as their data."""
    is_key = lambda leaf: jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key)  # noqa: E731
    return [np.asarray(jax.random.key_data(leaf) if is_key(leaf) else leaf) for leaf in jax.tree.leaves(tree)]


def assert_equal(a, b):
    for x, y in zip(host(a), host(b), strict=True):
        np.testing.assert_array_equal(x, y)


LONG = dataclasses.replace(SMALL, steps=160, depth=1, model_depth=1)
EIGHT = grid(Hyper(), [5, 6, 7, 8], {"noise.dynamics_std": (0.0, 0.3)})


@pytest.fixture(scope="module")
def td3():
    """Eight members after 120 steps of learning, 2 updates each; and what of the agent was traced for it."""
    traced = []
    with pytest.MonkeyPatch.context() as patch:
        for name in ("train_chunk", "evaluate"):
            original = getattr(population_module, name)
            counted = lambda *args, name=name, original=original, **kwargs: (  # noqa: E731
                traced.append(name) or original(*args, **kwargs)
            )
            patch.setattr(population_module, name, counted)
        population = Population(dataclasses.replace(LONG, method="td3"), EIGHT)
        return population, *run(population, 4), traced


def assert_equals_its_single_run(population, state, history, index):
    config, agent = population.config, population.agent
    hyper = jax.tree.map(lambda leaf: jnp.asarray(leaf[index]), population.members.hyper)
    single = jax.jit(lambda key: agent_module.init(agent, key, hyper))(
        jax.random.key(int(population.members.seeds[index]))
    )
    chunk = jax.jit(lambda state, step: agent_module.train_chunk(agent, state, hyper, step))
    for i in range(4):
        single, metrics = chunk(single, jnp.int32(i * config.chunk_steps))
        np.testing.assert_allclose(metrics["critic/loss"], history[i]["critic/loss"][index], rtol=2e-3)
    member = jax.tree.map(lambda leaf: leaf[index], state.members)
    # The two programs sum in different orders; 240 updates of training amplify the last digit.
    for a, b in zip(jax.tree.leaves(member.learner.params), jax.tree.leaves(single.learner.params), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-4)
    np.testing.assert_allclose(member.replay.obs, single.replay.obs, atol=1e-4)


def test_noise_levels_and_chunks_share_one_trace(td3):
    assert sorted(td3[3]) == ["evaluate", "train_chunk"]


def test_a_td3_member_equals_its_single_run_for_200_updates(td3):
    assert_equals_its_single_run(*td3[:3], index=6)


@pytest.mark.slow
@pytest.mark.cluster
def test_a_dst_member_equals_its_single_run_for_200_updates():
    population = Population(LONG, EIGHT[3:5])
    assert_equals_its_single_run(population, *run(population, 4), index=1)


def test_a_member_that_diverges_is_frozen_and_the_others_do_not_notice(td3):
    population, healthy, healthy_history, _ = td3
    rates = EIGHT.hyper.critic_lr.copy()
    rates[3] = np.nan
    ill = dataclasses.replace(EIGHT, hyper=dataclasses.replace(EIGHT.hyper, critic_lr=rates))
    population = Population(population.config, ill)
    state, history = run(population, 2)
    frozen = population.snapshot(state)
    for _ in range(2):
        state, metrics = population.run_chunk(state)
        history.append(metrics)
    after = population.snapshot(state)
    others = np.arange(8) != 3
    for mine, theirs in zip(host(state.members), host(healthy.members), strict=True):
        np.testing.assert_array_equal(mine[others], theirs[others])
    for mine, theirs in zip(history, healthy_history, strict=True):
        for name in theirs:
            np.testing.assert_array_equal(mine[name][others], theirs[name][others])
    for x, y in zip(host(frozen.members), host(after.members), strict=True):
        np.testing.assert_array_equal(x[3], y[3])
        assert np.isfinite(x[3]).all()
    first_update = LONG.warmup_steps + 1
    assert [metrics["train/frozen_step"][3] for metrics in history][1:] == [first_update] * 3
    assert np.isnan([metrics["train/frozen_step"][others] for metrics in history]).all()
    assert np.isfinite(history[-1]["eval/return"][3])
    assert np.isnan(history[-1]["critic/loss"][3])


ON_EIGHT_DEVICES = """
import dataclasses, jax, numpy as np
from test_population import EIGHT, LONG, Population, host, run
config = dataclasses.replace(LONG, method="td3")
a, b = (run(Population(config, EIGHT, devices=jax.devices()[:count]), 2) for count in (1, 8))
assert len(b[0].members.env.obs.sharding.device_set) == 8
differences = [np.max(np.abs(x.astype(float) - y), initial=0) for x, y in zip(host(a), host(b), strict=True)]
for x, y in zip(host((a[0].members.learner, a[1])), host((b[0].members.learner, b[1])), strict=True):
    np.testing.assert_allclose(x, y, rtol=1e-3, atol=1e-5)
print("largest difference", max(differences))
"""


@pytest.mark.slow
@pytest.mark.cluster
def test_eight_devices_equal_one():
    environment = {**os.environ, "JAX_NUM_CPU_DEVICES": "8", "PYTHONPATH": os.pathsep.join(sys.path)}
    words = [sys.executable, "-c", ON_EIGHT_DEVICES]
    done = subprocess.run(words, capture_output=True, text=True, env=environment, timeout=600)
    assert done.returncode == 0, done.stderr


def test_seeds_are_paired(td3):
    first = np.asarray(td3[0].init().members.env.obs)
    np.testing.assert_array_equal(first[0], first[4])
    assert (first[0] != first[1]).any()


@flax.struct.dataclass
class ToyState:
    """As small as a member's state can be, with what makes real ones hard to save: keys, and arrays of no size."""

    weight: jax.Array
    nothing: jax.Array
    key: jax.Array
    frozen_step: jax.Array


@pytest.fixture
def toy(monkeypatch):
    """A population of toys, and the list of what was traced."""
    traced = []

    def init(agent, key, hyper):
        return ToyState(jax.random.normal(key, (3,)), jnp.zeros((0,)), key, jnp.int32(-1))

    def train_chunk(agent, state, hyper, step):
        traced.append("train")
        key, draw = jax.random.split(state.key)
        weight = jnp.sin(1.7 * state.weight + hyper.tau) + 0.3 * jax.random.normal(draw, (3,)) + 0.1 * step
        return state.replace(weight=weight, key=key), {"critic/loss": weight.sum()}

    def evaluate(agent, state, hyper, step):
        return {"return": state.weight[0] * step}

    for name, function in (("init", init), ("train_chunk", train_chunk), ("_evaluate_member", evaluate)):
        monkeypatch.setattr(population_module, name, function)
    fresh = functools.lru_cache(population_module._programs.__wrapped__)
    monkeypatch.setattr(population_module, "_programs", fresh)
    return traced


SEVEN = grid(Hyper(), range(7), {})


def test_members_that_the_devices_do_not_divide_are_filled_up_and_masked(toy):
    one, two = Population(SMALL, SEVEN, devices=jax.devices()[:1]), Population(SMALL, SEVEN, devices=jax.devices()[:2])
    (a, history_a), (b, history_b) = run(one, 3), run(two, 3)
    assert b.members.weight.shape[0] == 8
    assert {value.shape for metrics in history_b for value in metrics.values()} == {(7,)}
    for x, y in zip(history_a, history_b, strict=True):
        assert_equal(x, y)
    assert_equal(one.snapshot(a), two.snapshot(b))


@pytest.mark.parametrize(("members", "devices", "used"), [(1, 2, 1), (2, 2, 2), (3, 2, 2), (7, 1, 1)])
def test_no_device_is_used_that_shortens_nothing(members, devices, used, toy):
    population = Population(SMALL, SEVEN[:members], devices=jax.devices()[:devices])
    assert len(population.init().members.weight.sharding.device_set) == used


def test_a_snapshot_goes_on_bit_for_bit_on_other_devices(toy):
    one, two = Population(SMALL, SEVEN, devices=jax.devices()[:1]), Population(SMALL, SEVEN, devices=jax.devices()[:2])
    state, _ = run(one, 2)
    snapshot = one.snapshot(state)
    described = two.abstract_snapshot()
    assert jax.tree.map(lambda x: (x.shape, x.dtype), snapshot) == jax.tree.map(lambda x: (x.shape, x.dtype), described)
    before = [leaf.copy() for leaf in host(snapshot)]
    restored = two.restore(snapshot)
    for _ in range(3):
        state, metrics = one.run_chunk(state)
        restored, others = two.run_chunk(restored)
        assert_equal(metrics, others)
    assert_equal(before, host(snapshot))


def test_lanes_are_the_population_in_parts_that_share_one_program(toy):
    whole = Population(SMALL, SEVEN, devices=jax.devices()[:1])
    _, history = run(whole, 3)
    toy.clear()
    lanes = whole.split(3)
    assert [len(lane.members) for lane in lanes] == [3, 3, 1]
    parts = [run(lane, 3)[1] for lane in lanes]
    for chunk, metrics in enumerate(history):
        for name, value in metrics.items():
            np.testing.assert_array_equal(np.concatenate([part[chunk][name] for part in parts]), value)
    assert toy == ["train"]
    assert whole.split(7) == [whole]


def test_state_is_described_before_it_is_made():
    population = Population(SMALL, grid(Hyper(), [0, 1], {}))
    described, state = population.abstract_state(), population.init()
    assert jax.tree.structure(described) == jax.tree.structure(state)
    for a, b in zip(jax.tree.leaves(described), jax.tree.leaves(state), strict=True):
        assert (a.shape, a.dtype) == (b.shape, b.dtype)
        assert a.sharding == b.sharding or a.size == 0
    replay = 2 * SMALL.steps * (2 + 2 + 2 + 1 + 1) * 4
    assert replay < population.memory_bytes() < 10 * replay


def test_one_program_for_all_numbers_and_chunks(toy):
    numbers = {"noise.obs_scale": (0.0, 0.1), "critic_lr": (1e-3, 1e-4)}
    for population in (
        Population(SMALL, grid(Hyper(), [0], numbers), devices=jax.devices()[:1]),
        Population(SMALL, grid(Hyper(), [1], {"tau": (0.1, 0.2, 0.3, 0.4)}), devices=jax.devices()[:1]),
    ):
        run(population, 3)
    assert toy == ["train"]
    programs = population_module._programs(population.agent, population._mesh)
    assert (programs.train._cache_size(), programs.evaluate._cache_size()) == (1, 1)


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
