"""Optimizer steps against optax, the order of updates, and that every number acts without a new program."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from agents import init_learner, numbers, random_batch, small_agent

from dstjax import methods
from dstjax.agent import init, train_chunk
from dstjax.agent.core import ADAM, Networks, apply_gradients, polyak
from dstjax.agent.update import update_cycle
from dstjax.config import Hyper, NoiseParams
from dstjax.population import flatten


def test_step_equals_optax_clip_and_adam():
    params = {"w": jnp.arange(6.0).reshape(2, 3), "b": jnp.ones(3)}
    oracle = optax.chain(optax.clip(0.5), optax.clip_by_global_norm(0.7), optax.adam(1e-2))
    ours, state, theirs, oracle_state = params, ADAM.init(params), params, oracle.init(params)
    for i in range(5):
        grads = jax.tree.map(lambda leaf, i=i: jnp.sin(leaf + i), params)
        ours, state, norm = apply_gradients(ours, state, grads, *jnp.float32([1e-2, 0.5, 0.7]))
        updates, oracle_state = oracle.update(grads, oracle_state)
        theirs = optax.apply_updates(theirs, updates)
        np.testing.assert_allclose(norm, optax.tree.norm(grads), rtol=1e-6)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-6), ours, theirs)


def test_polyak_moves_a_share_of_the_way():
    np.testing.assert_allclose(polyak(jnp.array([0.0, 10.0]), jnp.array([1.0, 0.0]), 0.25), [0.25, 7.5])


def test_a_cycle_does_one_actor_and_model_step_for_policy_delay_critic_steps():
    agent = small_agent(policy_delay=3)
    learner = init_learner(agent, jax.random.key(0))
    replay = random_batch(agent, jax.random.key(1), 16)
    after, _ = jax.jit(
        lambda l, r, k: update_cycle(agent, l, r, jnp.int32(16), numbers(), k, groups=4)  # noqa: E741
    )(learner, replay, jax.random.key(2))
    counts = {f.name: int(getattr(after.optimizer, f.name).count) for f in dataclasses.fields(after.optimizer)}
    assert counts == {"actor": 4, "critic": 12, "model": 4}


def test_warm_up_acts_uniformly_and_learns_nothing():
    agent = small_agent(method="td3", num_envs=4)
    state = jax.jit(lambda key: init(agent, key, numbers()))(jax.random.key(0))
    before = state.learner.params
    chunk = jax.jit(lambda state, step: train_chunk(agent, state, numbers(), step))
    after, metrics = chunk(state, jnp.int32(0))
    jax.tree.map(np.testing.assert_array_equal, before, after.learner.params)
    assert np.isnan(metrics["critic/loss"])
    actions = np.asarray(after.replay.action[:40])
    assert np.abs(actions).max() <= 1.0
    assert 0.4 < np.abs(actions).mean() < 0.6
    assert after.learner.stats.obs.count == 40
    again, metrics = chunk(after, jnp.int32(40))
    assert np.isfinite(metrics["critic/loss"])
    assert np.abs(np.asarray(again.replay.action[40:80])).mean() < 0.3, "a fresh policy acts near zero"


def test_during_warm_up_the_world_model_alone_learns():
    agent = small_agent(method="td3", model="deterministic", ensemble_size=2)
    state = jax.jit(lambda key: init(agent, key, numbers()))(jax.random.key(0))
    after, metrics = jax.jit(lambda state: train_chunk(agent, state, numbers(), jnp.int32(0)))(state)
    counts = {f.name: int(getattr(after.learner.optimizer, f.name).count) for f in dataclasses.fields(Networks)}
    assert counts == {"actor": 0, "critic": 0, "model": 40 * agent.config.utd // agent.config.policy_delay}
    before = state.learner.params
    jax.tree.map(
        np.testing.assert_array_equal,
        (before.actor, before.critic),
        (after.learner.params.actor, after.learner.params.critic),
    )
    assert np.isfinite(metrics["model/loss"])
    assert np.isnan(metrics["critic/loss"])
    assert np.isnan(metrics["actor/loss"])


@pytest.mark.parametrize("method", ["dst", "td3", pytest.param("mage", marks=pytest.mark.slow)])
def test_every_number_changes_the_result_without_a_new_program(method):
    agent = small_agent(method=method, max_latency=1)
    unused = methods.idle_numbers(agent.config)
    traces = []

    @jax.jit
    def run(hyper: Hyper):
        traces.append(1)
        state = init(agent, jax.random.key(0), hyper)
        for step in (0, 40):
            state, _ = train_chunk(agent, state, hyper, jnp.int32(step))
        return state.learner.params

    without_effect = {field.name for field in dataclasses.fields(NoiseParams)} - agent.env.noises
    base = numbers(smoothing_clip=0.1, max_grad_value=0.01, max_grad_norm=0.02)
    reference = jax.tree.leaves(run(base))
    for index, name in enumerate(flatten(base)):
        leaves, structure = jax.tree.flatten(base)
        leaves[index] = leaves[index] * 0.7 + 0.01
        changed = jax.tree.leaves(run(jax.tree.unflatten(structure, leaves)))
        same = all(np.array_equal(a, b) for a, b in zip(reference, changed, strict=True))
        acts = name not in unused and name.removeprefix("noise.") not in without_effect
        assert same != acts, name
    assert len(traces) == 1
