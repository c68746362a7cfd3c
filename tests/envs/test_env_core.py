"""Episodes: time limit, auto-reset with the true successor kept, statistics; and the table of tasks."""

import importlib.metadata
import subprocess
import sys

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from dstjax.config import NoiseParams
from dstjax.envs import ENVS, auto_reset, make
from dstjax.envs.draws import draw
from dstjax.envs.mujoco import model
from dstjax.envs.noise import begin_noise
from dstjax.envs.state import advance, begin
from dstjax.errors import UserError

OFF = NoiseParams()


def rollout(env, key, steps, policy, noise=OFF):
    """`steps` steps from a reset, the state after each stacked in front of the reset's."""
    reset_key, *step_keys = jax.random.split(key, steps + 1)

    def step(state, step_key):
        state = env.step(state, policy(state.obs), step_key, noise)
        return state, state

    first = env.reset(reset_key, noise)
    return first, jax.jit(lambda s, k: jax.lax.scan(step, s, k)[1])(first, jnp.stack(step_keys))


def balance(obs):
    """Keeps the inverted pendulum up: state feedback on position, angle and velocities."""
    return jnp.clip(obs @ jnp.array([0.35, 6.0, 0.45, 1.1]), -1, 1)[None]


def test_a_thousand_steps_truncate_with_the_true_successor():
    env = make("inverted_pendulum")
    first, states = rollout(auto_reset(env), jax.random.key(3), 1003, balance)
    end = jax.tree.map(lambda x: x[999], states)
    assert np.asarray(states.truncated).nonzero()[0].tolist() == [999]
    assert not np.asarray(states.terminated).any()
    assert (int(end.last_length), float(end.last_return)) == (1000, 1000.0)
    assert (int(end.elapsed), float(end.episode_return)) == (0, 0.0)
    before = jax.tree.map(lambda x: x[998], states)
    unwrapped = jax.jit(env.step)(before, balance(before.obs), jax.random.key(0), OFF)
    np.testing.assert_allclose(end.final_obs, unwrapped.obs, atol=1e-6)
    assert np.abs(end.obs - end.final_obs).max() > 1e-4
    assert not np.array_equal(end.obs, first.obs)
    assert np.asarray(states.elapsed)[1000:].tolist() == [1, 2, 3]
    assert np.asarray(states.last_return)[998:].tolist() == [0, 1000, 1000, 1000, 1000]


def test_each_episode_starts_from_a_fresh_draw():
    env = auto_reset(make("pointmass", time_limit=3))
    first, states = rollout(env, jax.random.key(0), 12, lambda obs: jnp.ones(2))
    starts = np.concatenate([first.obs[None], states.obs[2::3]])
    assert len(np.unique(starts, axis=0)) == 5
    assert np.abs(starts).max() <= 0.3
    np.testing.assert_array_equal(states.obs[0::3], states.final_obs[0::3])
    np.testing.assert_allclose(states.final_obs[2::3], starts[:-1] + 3 * 0.1, rtol=1e-5)
    np.testing.assert_array_equal(states.elapsed, np.tile([1, 2, 0], 4))
    np.testing.assert_allclose(states.last_return[2::3], np.asarray(states.reward).reshape(4, 3).sum(axis=1), rtol=1e-5)


def test_a_fall_at_the_limit_is_both_ends():
    env = make("pointmass")
    noise_state = begin_noise(env, draw(env, jax.random.key(0)), OFF)
    start = begin(None, noise_state, jnp.zeros(2))
    end = advance(start, None, noise_state, jnp.ones(2), jnp.array(-3.0), jnp.array(True), time_limit=1)
    assert (bool(end.terminated), bool(end.truncated), bool(end.done)) == (True, True, True)
    assert (float(end.last_return), int(end.last_length)) == (-3.0, 1)


def test_a_state_that_is_not_finite_terminates():
    env = make("inverted_pendulum")
    obs = jnp.array([0.0, 0.1, jnp.nan, 0.0])
    assert bool(env.terminates(obs))
    assert not bool(env.terminates(jnp.zeros(4)))


@pytest.mark.parametrize("name", ENVS)
def test_sizes_dtypes_and_identity(name):
    env = auto_reset(make(name))
    assert env == auto_reset(make(name))
    assert hash(env) == hash(auto_reset(make(name)))
    assert env != auto_reset(make(name, time_limit=7))
    state = env.reset(jax.random.key(0), OFF)
    assert state.obs.shape == (env.obs_size,)
    shapes = jax.eval_shape(env.step, state, jnp.zeros(env.action_size), jax.random.key(0), OFF)
    same = jax.tree.map(lambda a, b: (a.shape, a.dtype) == (b.shape, b.dtype), state, shapes)
    assert all(jax.tree.leaves(same)), same


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("hoper", {}, "did you mean 'hopper'"),
        ("hopper", {"healthy_rewards": 1.0}, "did you mean 'healthy_reward'"),
        ("pointmass", {"goals": 0}, "goals: 0 is not allowed"),
        ("hopper", {"solver": "fats"}, "did you mean 'fast'"),
        ("hopper", {"time_limit": 0}, "time_limit: 0 is not allowed"),
        ("pointmass", {"time_limit": -1}, "time_limit: -1 is not allowed"),
        ("inverted_pendulum", {"frame_skip": 0}, "frame_skip: 0 is not allowed"),
    ],
)
def test_bad_names_and_options_are_told_in_one_line(name, options, message):
    with pytest.raises(UserError, match=message) as error:
        make(name, **options)
    assert "\n" not in str(error.value)


def test_mismatched_physics_packages_are_refused(monkeypatch):
    monkeypatch.setattr(importlib.metadata, "version", {"mujoco": "4.0.0", "mujoco-mjx": "3.17.0"}.__getitem__)
    with pytest.raises(UserError, match=r"mujoco: 4\.0\.0 does not match mujoco-mjx 3\.17\.0"):
        model.check_versions()
    monkeypatch.setattr(importlib.metadata, "version", {"mujoco": "3.17.2", "mujoco-mjx": "3.17.0"}.__getitem__)
    model.check_versions()


def test_importing_is_quiet_and_loads_no_gymnasium():
    code = "import sys, dstjax.envs; assert 'gymnasium' not in sys.modules"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, ""), done.stderr
