"""Evaluation with and without the member's noise, and what collection reports of lost physics."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from agents import SMALL, init_learner, numbers, small_agent

from dstjax.agent import Agent, evaluate
from dstjax.agent.rollout import collect
from dstjax.config import Hyper, NoiseParams
from dstjax.envs.core import auto_reset
from dstjax.envs.pointmass import PointMass
from dstjax.errors import UserError
from dstjax.population import Population, grid


def test_clean_evaluation_is_that_of_the_silent_task():
    agent = small_agent(eval_clean=True)
    learner = init_learner(agent, jax.random.key(0))
    noise = NoiseParams(dynamics_std=1.0, obs_scale=0.5)

    @jax.jit
    def run(noise):
        return evaluate(agent, learner.params.actor, learner.stats.obs, noise, jax.random.key(1), episodes=4)

    noisy, silent = run(jax.tree.map(jnp.float32, noise)), run(jax.tree.map(jnp.float32, NoiseParams()))
    assert {"return", "return_std", "length"} | {"return_clean", "return_std_clean", "length_clean"} == set(noisy)
    assert noisy["return_clean"] == silent["return"] == silent["return_clean"]
    assert abs(noisy["return"] - noisy["return_clean"]) > 1e-3
    assert set(jax.eval_shape(lambda n: _plain(n, learner), noise)) == {"return", "return_std", "length"}


def _plain(noise, learner):
    agent = small_agent()
    return evaluate(agent, learner.params.actor, learner.stats.obs, noise, jax.random.key(1), episodes=2)


@dataclasses.dataclass(frozen=True)
class Fragile(PointMass):
    """Its physics blows up where the mass is pushed to the right."""

    def move(self, physics, command, episode, kick, key):
        position, obs, outcome = super().move(physics, command, episode, kick, key)
        return jnp.where(command[0] > 0, jnp.nan, position), obs, outcome


def test_lost_physics_is_counted_and_never_reaches_the_replay():
    agent = Agent(dataclasses.replace(SMALL, num_envs=64), Fragile())
    learner = init_learner(agent, jax.random.key(0))
    hyper = numbers()
    reset = jax.vmap(auto_reset(agent.env).reset, in_axes=(0, None))
    states = jax.jit(reset)(jax.random.split(jax.random.key(1), 64), hyper.noise)
    tick = jax.jit(lambda s, key: collect(agent, learner, s, jnp.array(True), hyper, key))
    after, batch, ended = tick(states, jax.random.key(2))
    lost = np.asarray(batch.action)[:, 0] > 0
    assert 0 < lost.sum() < 64
    assert int(ended["nonfinite"]) == lost.sum()
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves((after, batch)))
    np.testing.assert_array_equal(after.truncated, lost)
    assert not np.asarray(batch.terminated).any()
    np.testing.assert_array_equal(np.asarray(batch.next_obs)[lost], np.asarray(batch.obs)[lost])


def test_a_population_refuses_noise_that_its_task_cannot_have():
    with pytest.raises(UserError, match=r"noise\.friction_scale: 0\.3 is not allowed"):
        Population(SMALL, grid(Hyper(), [0], {"noise.friction_scale": (0.0, 0.3)}))
    with pytest.raises(UserError, match=r"noise\.latency: 2 is not allowed; allowed: at most max_latency = 1"):
        Population(dataclasses.replace(SMALL, max_latency=1), grid(Hyper(), [0], {"noise.latency": (2.0,)}))
