"""The laws of the noises, their order, and that strength 0 and the choice of the others leave nothing else changed."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from dstjax.config import NoiseParams
from dstjax.envs import make
from dstjax.envs.draws import check_noise, draw
from dstjax.envs.noise import begin_noise, command, sense
from dstjax.errors import UserError

OFF = NoiseParams()
POINT = make("pointmass", time_limit=5000, max_latency=3)
NAMES = [field.name for field in dataclasses.fields(NoiseParams)]


@jax.jit
def point_run(noise, actions, key):
    """Steps of the point mass: positions, observations and rewards after each; `actions` `[T, 2]`."""

    def step(state, inputs):
        state = POINT.step(state, *inputs, noise)
        return state, (state.physics, state.obs, state.reward)

    start_key, keys = jax.random.key(0), jax.random.split(key, len(actions))
    start = POINT.reset(start_key, noise)
    outs = jax.lax.scan(step, start, (actions, keys))[1]
    return start, *outs


def run(noise, actions=None, seed=1):
    actions = np.zeros((3000, 2), np.float32) if actions is None else actions
    start, *outs = point_run(jax.tree.map(jnp.float32, noise), jnp.asarray(actions), jax.random.key(seed))
    return start, *map(np.asarray, outs)


def test_draws_are_standard_and_independent():
    draws = jax.jit(jax.vmap(lambda key: draw(POINT, key)))(jax.random.split(jax.random.key(7), 4000))
    assert set(draws) == set(NAMES) - {"latency"}
    for name, columns in draws.items():
        law = stats.norm.cdf if name.endswith("_std") else stats.uniform(-1, 2).cdf
        for column in np.asarray(columns).T:
            assert stats.kstest(column, law).pvalue > 1e-3, name
    everything = np.concatenate(list(draws.values()), axis=1)
    assert np.abs(np.corrcoef(everything.T) - np.eye(everything.shape[1])).max() < 0.08


def test_a_draw_depends_on_its_key_and_name_alone():
    """Other sizes after it, as of a task with more actuators, leave the earlier entries as they are."""
    key = jax.random.key(3)
    wide = make("inverted_double_pendulum", max_latency=1)
    np.testing.assert_array_equal(draw(POINT, key)["obs_scale"], draw(wide, key)["obs_scale"][:2])


def test_observation_noise_is_bounded_scaled_and_independent_in_time():
    _, position, seen, _ = run(NoiseParams(obs_scale=0.2, dynamics_std=0.5))
    factors = seen / position
    assert np.abs(factors - 1).max() <= 0.2 + 1e-5
    for series in factors.T:
        assert stats.kstest(series, stats.uniform(0.8, 0.4).cdf).pvalue > 1e-3
        assert abs(np.corrcoef(series[1:], series[:-1])[0, 1]) < 0.06
    _, position, seen, _ = run(NoiseParams(obs_std=0.3))
    for series in (seen - position).T:
        assert stats.kstest(series / 0.3, stats.norm.cdf).pvalue > 1e-3
        assert abs(np.corrcoef(series[1:], series[:-1])[0, 1]) < 0.06


@pytest.mark.parametrize(
    ("name", "strength", "per_move"),
    [("dynamics_std", 0.7, 0.1), ("position_std", 0.05, 1.0), ("action_std", 0.4, 0.1)],
)
def test_motion_noise_is_gaussian_and_independent_in_time(name, strength, per_move):
    start, position, seen, _ = run(NoiseParams(**{name: strength}))
    moves = np.diff(position, axis=0, prepend=np.asarray(start.physics)[None])
    for series in moves.T:
        assert stats.kstest(series / (strength * per_move), stats.norm.cdf).pvalue > 1e-3
        assert abs(np.corrcoef(series[1:], series[:-1])[0, 1]) < 0.06
    np.testing.assert_array_equal(seen, position)


def test_reward_noise_leaves_the_motion_alone():
    _, position, _, clean = run(OFF)
    _, same, _, noisy = run(NoiseParams(reward_std=0.5))
    np.testing.assert_array_equal(position, same)
    assert stats.kstest((noisy - clean) / 0.5, stats.norm.cdf).pvalue > 1e-3


def test_drift_is_a_random_walk_of_the_sensors_from_zero():
    start, position, seen, _ = run(NoiseParams(drift_std=0.1))
    np.testing.assert_array_equal(start.obs, start.physics)
    bias = seen - position
    steps = np.diff(bias, axis=0, prepend=0.0)
    for series in steps.T:
        assert stats.kstest(series / 0.1, stats.norm.cdf).pvalue > 1e-3
        assert abs(np.corrcoef(series[1:], series[:-1])[0, 1]) < 0.06


@pytest.mark.parametrize("latency", [0, 1, 2, 3, 0.5, 2.25])
def test_latency_delays_a_known_signal(latency):
    signal = np.sin(np.arange(40)[:, None] + np.array([0.0, 1.0])).astype(np.float32)
    start, position, _, _ = run(NoiseParams(latency=latency), signal)
    moves = np.diff(position, axis=0, prepend=np.asarray(start.physics)[None]) / 0.1
    padded = np.concatenate([np.zeros((4, 2)), signal])
    whole, part = int(latency), latency - int(latency)
    delayed = (1 - part) * padded[4 - whole : 44 - whole] + part * padded[3 - whole : 43 - whole]
    np.testing.assert_allclose(moves, delayed, atol=2e-6)


def test_gain_is_one_factor_per_episode():
    noise, keys = NoiseParams(gain_scale=0.4), jax.random.split(jax.random.key(5), 2000)
    gains = np.asarray(jax.jit(jax.vmap(lambda key: POINT.reset(key, noise).noise_state.gain))(keys))
    assert stats.kstest(gains, stats.uniform(0.6, 0.8).cdf).pvalue > 1e-3
    start, position, *_ = run(noise, np.ones((5, 2), np.float32))
    moves = np.diff(position, axis=0, prepend=np.asarray(start.physics)[None])
    np.testing.assert_allclose(moves, 0.1 * float(start.noise_state.gain), rtol=1e-4)


@jax.jit
def agents_side(signal, key):
    draws = draw(POINT, key)
    state = begin_noise(POINT, draws, OFF)
    return sense(signal, state, draws, OFF), command(state, signal, draws, OFF)[1]


@given(st.lists(st.floats(-(2.0**90), 2.0**90, width=32), min_size=2, max_size=2), st.integers(0, 2**31 - 1))
def test_zero_strength_is_exact(values, seed):
    signal = jnp.array(values, jnp.float32)
    for passed in agents_side(signal, jax.random.key(seed)):
        np.testing.assert_array_equal(passed, signal)


def test_no_noise_changes_the_draws_of_another():
    """The same key gives the same noise whatever the agent does and whichever other noises are on."""
    wander = np.random.default_rng(0).uniform(-1, 1, (3000, 2)).astype(np.float32)
    strengths = {"obs_std": 0.3, "dynamics_std": 0.2, "action_std": 0.1, "reward_std": 0.5, "latency": 2.0}
    _, still, alone, _ = run(NoiseParams(obs_std=0.3))
    _, moving, together, _ = run(NoiseParams(**strengths), wander)
    assert np.abs(still - moving).max() > 1
    np.testing.assert_allclose(alone - still, together - moving, atol=1e-5)


@pytest.mark.parametrize(
    ("task", "noise", "message"),
    [
        ("pointmass", {"friction_scale": 0.3}, r"noise.friction_scale: 0.3 is not allowed; allowed: 0: .* pointmass"),
        ("pointmass", {"gravity_scale": [0.0, 0.5]}, "noise.gravity_scale: 0.5 is not allowed"),
        ("inverted_pendulum", {"friction_scale": 0.1}, "no effect on inverted_pendulum"),
        ("hopper", {"latency": 2.0}, "noise.latency: 2 is not allowed; allowed: at most max_latency = 0"),
    ],
)
def test_noise_that_a_task_cannot_have_is_refused(task, noise, message):
    with pytest.raises(UserError, match=message) as error:
        check_noise(make(task), NoiseParams(**noise))
    assert "\n" not in str(error.value)


def test_noise_that_a_task_can_have_is_not_refused():
    check_noise(make("hopper", max_latency=2), NoiseParams(friction_scale=0.3, gravity_scale=0.2, latency=2.0))
    check_noise(make("inverted_pendulum"), NoiseParams(gravity_scale=0.2, obs_std=np.array([0.0, 1.0])))
