"""Two tasks of mujoco_playground behind our protocol; skipped where the library is not installed."""

import importlib.util

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from dstjax.config import NoiseParams
from dstjax.envs import auto_reset, make
from dstjax.envs.draws import check_noise
from dstjax.errors import UserError

INSTALLED = importlib.util.find_spec("mujoco_playground") is not None
needs_playground = pytest.mark.skipif(not INSTALLED, reason="the extra `playground` is not installed")


@pytest.mark.skipif(INSTALLED, reason="the extra `playground` is installed")
def test_the_missing_library_is_named():
    with pytest.raises(UserError, match=r"pip install 'dstjax\[playground\]'"):
        make("playground:task=CheetahRun")


@needs_playground
def test_an_unknown_task_is_told_in_one_line():
    with pytest.raises(UserError, match="did you mean 'CheetahRun'"):
        make("playground:task=CheetaRun")


@needs_playground
@pytest.mark.slow
@pytest.mark.parametrize("task", ["CartpoleBalance", "CheetahRun"])
def test_episodes_follow_the_librarys_own(task):
    """Silent steps are the library's; episodes are cut and restarted here, and noise stays outside of the physics."""
    env = make(f"playground:task={task}", time_limit=4)
    check_noise(env, NoiseParams(obs_scale=0.2, latency=0.0, reward_std=1.0))
    with pytest.raises(UserError, match=r"noise\.dynamics_std: 0\.1 is not allowed"):
        check_noise(env, NoiseParams(dynamics_std=0.1))
    from mujoco_playground import registry

    theirs = registry.load(task, config_overrides={"impl": "jax"})
    wrapped = auto_reset(env)

    @jax.jit
    def run(key, noise):
        def step(state, key):
            expected = theirs.step(state.physics, jnp.full(env.action_size, 0.3))
            after = wrapped.step(state, jnp.full(env.action_size, 0.3), key, noise)
            return after, (after, expected.obs, expected.reward)

        reset_key, *keys = jax.random.split(key, 6)
        return jax.lax.scan(step, wrapped.reset(reset_key, noise), jnp.stack(keys))[1]

    states, obs, reward = run(jax.random.key(0), NoiseParams())
    np.testing.assert_allclose(states.final_obs, obs, atol=1e-4)
    np.testing.assert_allclose(states.reward, reward, atol=1e-4)
    assert np.asarray(states.truncated).tolist() == [False, False, False, True, False]
    assert not np.array_equal(states.obs[3], states.final_obs[3])
    assert np.asarray(states.nonfinite).tolist() == [0] * 5
