"""The method table: every row trains, resumes and is one program for all numbers; options and what is refused."""

import dataclasses
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from agents import init_learner, numbers, random_batch, small_agent

from dstjax import methods
from dstjax.agent import init, train_chunk
from dstjax.agent.health import NEVER
from dstjax.agent.update import update_cycle
from dstjax.config import Hyper
from dstjax.errors import UserError
from dstjax.fields import Config
from dstjax.methods import METHODS
from dstjax.population import grid
from dstjax.world import MODELS

AXES = {"noise.dynamics_std": (0.0, 0.2), "critic_lr": (1e-4, 1e-3)}


@pytest.mark.parametrize("name", METHODS)
def test_every_row_trains_resumes_and_is_one_program(name):
    agent = small_agent(method=name, ensemble_size=2, num_envs=2, utd=4, steps=320, chunk_steps=80, width=4)
    members, traces = grid(Hyper(), [0, 1], AXES), []

    @jax.jit
    def chunk(state, step):
        traces.append(name)
        return jax.vmap(partial(train_chunk, agent), (0, 0, None))(state, members.hyper, step)

    def go_on(state, steps):
        for step in steps:
            state, metrics = chunk(state, jnp.int32(step))
        return state, metrics

    keys = jax.vmap(jax.random.key)(members.seeds)
    fresh = jax.jit(jax.vmap(partial(init, agent)))(keys, members.hyper)
    kept, _ = go_on(fresh, (0, 80))
    # On from there, and again: 280 steps of learning after warm-up, 4 updates on each tick of 2 environments.
    ends = [go_on(state, (160, 240)) for state in (kept, jax.tree.map(jnp.copy, kept))]
    assert len(traces) == 1
    jax.tree.map(np.testing.assert_array_equal, *((state.learner, metrics) for state, metrics in ends))

    (state, metrics), params = ends[0], ends[0][0].learner.params
    assert (state.frozen_step == NEVER).all()
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(state.learner))
    assert all(np.isfinite(value).all() for value in metrics.values()), metrics
    assert ("model/contraction" in metrics) == ("model/held_out_energy_score" in metrics) == (agent.model is not None)
    for before, after in zip(jax.tree.leaves(fresh.learner.params), jax.tree.leaves(params), strict=True):
        after = np.asarray(after).reshape(len(members), -1)
        assert (after != before.reshape(after.shape)).any(axis=1).all(), "every network of every member moves"
        assert len(np.unique(after, axis=0)) == len(after), "no two members train alike"


@pytest.mark.parametrize("model", [name for name in MODELS if name != "cvae"])  # which the rows above have
def test_every_world_model_trains_critics_with_both_gradients(model):
    agent = small_agent(method="dst-complete", model=model, ensemble_size=2, flow_layers=2, width=4)
    learner, replay = init_learner(agent, jax.random.key(0)), random_batch(agent, jax.random.key(1), 32)
    cycle = jax.jit(lambda learner, key: update_cycle(agent, learner, replay, jnp.int32(32), numbers(), key, groups=50))
    after, metrics = cycle(learner, jax.random.key(2))
    assert all(np.isfinite(value).all() for value in metrics.values()), metrics
    moved = jax.tree.map(lambda a, b: not np.array_equal(a, b), learner.params, after.params)
    assert all(jax.tree.leaves(moved)), "every network moves"


@pytest.mark.parametrize(
    ("changes", "field", "instead"),
    [
        ({"method": "iqn", "gradient": "action"}, "gradient", "method dst"),
        ({"method": "td3", "gradient": "complete", "model": "cvae"}, "gradient", "dst-complete"),
        ({"method": "td3", "gradient": "action"}, "gradient", "model cvae"),
        ({"method": "dst", "model": "none"}, "model", "gradient none"),
        ({"method": "svg", "model": "none"}, "model", "model cvae"),
        ({"method": "d4pg", "distance": "mmd"}, "distance", "dst-mmd"),
        ({"method": "mmd", "successor": "model"}, "successor", "successor real"),
        ({"method": "td3", "critic_action": "policy"}, "critic_action", "replayed"),
        ({"method": "mage", "successor": "real"}, "successor", "replayed"),
        ({"method": "mage", "model_noise": "posterior"}, "model_noise", "prior"),
        ({"method": "td3", "model_noise": "posterior"}, "model_noise", "prior"),
        ({"method": "dst", "n_step": 3}, "n_step", "n_step 1"),
        ({"method": "d4pg", "model": "cvae"}, "n_step", "n_step 1"),
        ({"method": "dst", "critics": 1, "num_samples": 4, "drop_share": 0.75}, "drop_share", "leaves 2, below 0.75"),
        ({"method": "td3", "pessimism": "truncation"}, "pessimism", "such as dst"),
        ({"method": "d4pg", "pessimism": "minimum"}, "pessimism", "such as dst"),
        ({"distance": "wasserstein"}, "distance", "msmmd, sliced, mmd"),
    ],
)  # fmt: skip
def test_impossible_combinations_name_the_field_and_a_way_out(changes, field, instead):
    with pytest.raises(UserError, match=f"^{field}: .*{instead}") as error:
        methods.check(dataclasses.replace(Config(), **changes))
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    "changes",
    [
        {"method": "td3", "model": "deterministic"},
        {"method": "mmd", "model": "cvae", "gradient": "action"},
        {"method": "dst", "gradient": "none", "model": "none"},
        {"method": "dst", "successor": "real", "model_noise": "posterior"},
        {"method": "d4pg", "model": "cvae", "n_step": 1, "critics": 2},
        {"method": "qr", "n_step": 3},
        {"method": "dst", "smoothing": "clipped"},
        {"method": "td3", "smoothing": "none"},
        {"method": "dst", "pessimism": "minimum"},
        {"method": "svg", "n_step": 3, "model_noise": "prior"},
        {"method": "mage", "critic_action": "replayed"},
    ],
)
def test_possible_combinations_are_let_through(changes):
    config = dataclasses.replace(Config(), **changes)
    methods.check(config)
    row = methods.resolve(config)
    for name, value in changes.items():
        if name != "method":
            assert getattr(row, name) == (None if value == "none" and name == "model" else value)
