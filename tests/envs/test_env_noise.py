"""The laws of the noises, their order, and that strength 0 and the choice of key leave nothing else changed."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from dstjax.config import NoiseParams
from dstjax.envs import auto_reset, make
from dstjax.envs.noise import kick, observe

KEYS = jax.random.split(jax.random.key(7), 4000)


def test_observation_noise_is_uniform_per_entry_and_draw():
    obs = jnp.array([2.0, -3.0, 0.0, 0.5])
    seen = np.asarray(jax.vmap(lambda key: observe(obs, key, NoiseParams(obs_scale=0.2)))(KEYS))
    assert (seen[:, 2] == 0).all()
    factors = seen[:, [0, 1, 3]] / np.asarray(obs)[[0, 1, 3]]
    assert factors.min() >= 0.8
    assert factors.max() <= 1.2
    for column in factors.T:
        assert stats.kstest(column, stats.uniform(0.8, 0.4).cdf).pvalue > 1e-3
    assert np.abs(np.corrcoef(factors.T) - np.eye(3)).max() < 0.06


def test_dynamics_noise_is_gaussian_per_velocity_and_draw():
    velocity = jnp.array([1.0, -2.0])
    kicks = np.asarray(jax.vmap(lambda key: kick(velocity, key, NoiseParams(dynamics_std=0.3)))(KEYS) - velocity)
    for column in kicks.T:
        assert stats.kstest(column / 0.3, stats.norm.cdf).pvalue > 1e-3
    assert abs(np.corrcoef(kicks.T)[0, 1]) < 0.06


@given(st.lists(st.floats(-(2.0**90), 2.0**90, width=32), min_size=1, max_size=5), st.integers(0, 2**31 - 1))
def test_zero_strength_is_bit_equal(values, seed):
    signal, key = jnp.array(values, jnp.float32), jax.random.key(seed)
    np.testing.assert_array_equal(observe(signal, key, NoiseParams()), signal)
    np.testing.assert_array_equal(kick(signal, key, NoiseParams()), signal)


def test_successive_draws_of_an_episode_are_independent():
    env, noise = make("pointmass", time_limit=5000), NoiseParams(obs_scale=0.5, dynamics_std=0.7)

    def step(state, key):
        after = env.step(state, jnp.zeros(2), key, noise)
        return after, ((after.physics - state.physics) / 0.1, after.obs / after.physics)

    state = env.reset(jax.random.key(0), noise)
    moves, factors = jax.lax.scan(step, state, jax.random.split(jax.random.key(1), 3000))[1]
    assert np.std(moves, axis=0) == pytest.approx(0.7, rel=0.06)
    for series in (*np.asarray(moves).T, *np.asarray(factors).T):
        assert abs(np.corrcoef(series[1:], series[:-1])[0, 1]) < 0.07


def pendulum_run(noise, physics_of=lambda state: (state.physics.qpos, state.physics.qvel)):
    env = auto_reset(make("inverted_pendulum"))

    def step(state, key):
        action_key, step_key = jax.random.split(key)
        state = env.step(state, jax.random.uniform(action_key, (1,), minval=-1.0), step_key, noise)
        return state, (state.obs, state.final_obs, state.reward, state.terminated, *physics_of(state))

    return jax.lax.scan(step, env.reset(jax.random.key(0), noise), jax.random.split(jax.random.key(1), 40))[1]


def test_noise_levels_are_a_vmap_axis_of_one_program():
    """A member of the vmapped levels equals a run of its own; strengths are traced, and streams are paired."""
    traces = []

    def run(noise):
        traces.append(noise)
        return pendulum_run(noise)

    compiled = jax.jit(jax.vmap(run))
    levels = NoiseParams(obs_scale=jnp.array([0.0, 0.2, 0.0]), dynamics_std=jnp.array([0.0, 0.0, 0.4]))
    obs, final_obs, _, terminated, qpos, qvel = map(np.asarray, compiled(levels))
    compiled(jax.tree.map(lambda level: level + 0.1, levels))
    assert len(traces) == 1

    silent, observed, kicked = 0, 1, 2
    running = ~terminated[silent]
    np.testing.assert_array_equal(obs[silent], np.concatenate([qpos, qvel], axis=-1)[silent])
    np.testing.assert_array_equal(obs[silent][running], final_obs[silent][running])
    # Observation noise leaves the motion alone, and scales each entry within its bounds.
    np.testing.assert_array_equal(qpos[observed], qpos[silent])
    ratio = obs[observed] / obs[silent]
    assert (np.abs(ratio - 1) <= 0.2 + 1e-5).all()
    assert np.std(ratio) > 0.08
    # A kick moves the velocity at once and the position from the next step on; what the agent sees is consistent.
    np.testing.assert_array_equal(qpos[kicked][0], qpos[silent][0])
    assert np.abs(qvel[kicked][0] - qvel[silent][0]).min() > 1e-3
    np.testing.assert_array_equal(obs[kicked], np.concatenate([qpos, qvel], axis=-1)[kicked])


def test_the_outcome_is_that_of_the_kicked_state():
    """The double pendulum's penalty on velocities sees the kick that the step ends with, and so does the agent."""
    env, noise = make("inverted_double_pendulum"), NoiseParams(dynamics_std=2.0)
    states = jax.vmap(lambda key: env.reset(key, noise))(KEYS[:256])
    ends = jax.jit(jax.vmap(env.step, in_axes=(0, 0, 0, None)))(states, jnp.zeros((256, 1)), KEYS[256:512], noise)
    velocity = np.asarray(ends.physics.qvel)
    assert np.std(velocity[:, 1]) > 1.5
    np.testing.assert_allclose(ends.info["velocity_penalty"], -(velocity[:, 1:] ** 2 @ [1e-3, 5e-3]), rtol=1e-5)
    np.testing.assert_array_equal(ends.obs[:, 5:8], np.clip(velocity, -10, 10))
