"""Bridges to Gymnasium: our tasks behind its interface, and its C tasks under our noise."""

import warnings

import gymnasium
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env

from dstjax.config import NoiseParams
from dstjax.envs import make
from dstjax.envs.bridges.gymnasium_env import GymnasiumEnv
from dstjax.envs.bridges.gymnasium_peer import GymnasiumPeer, evaluate_in_gymnasium
from dstjax.errors import UserError

STRONG = {
    "latency": 1.0, "action_std": 0.3, "gain_scale": 0.5, "dynamics_std": 0.5, "position_std": 0.02, "reward_std": 0.4,
    "obs_scale": 0.2, "drift_std": 0.1, "obs_std": 0.3,
}  # fmt: skip


def test_gymnasiums_checker_passes():
    env = GymnasiumEnv("inverted_pendulum", NoiseParams(obs_scale=0.1, dynamics_std=0.05))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.filterwarnings("ignore", message=".*(infinity|spec).*")
        check_env(env, skip_render_check=True)
    with pytest.raises(UserError, match=r"action: float32 of shape \(2,\) is not allowed; allowed: 1 floats"):
        env.step(np.zeros(2, np.float32))
    with pytest.raises(UserError, match="action: int32 of shape"):
        env.step(np.zeros(1, np.int32))


def test_the_wrapper_ends_episodes_as_the_task_does():
    env = GymnasiumEnv("inverted_pendulum")
    with pytest.raises(gymnasium.error.ResetNeeded):
        env.step(np.zeros(1, np.float32))
    first, _ = env.reset(seed=3)
    rewards, ended = [], False
    while not ended:
        obs, reward, ended, truncated, info = env.step(np.ones(1, np.float32))
        rewards.append(reward)
        assert info == {"reward_survive": reward}
    assert not truncated
    assert abs(obs[1]) > 0.2
    assert rewards == [1.0] * (len(rewards) - 1) + [0.0]
    np.testing.assert_array_equal(env.reset(seed=3)[0], first)
    assert not np.array_equal(env.reset()[0], first)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"noise": NoiseParams(friction_scale=0.5)}, "noise.friction_scale: 0.5 is not allowed"),
        ({"noise": NoiseParams(obs_std=-1.0)}, "noise.obs_std: -1.0 is not allowed"),
        ({"render_mode": "human"}, "render_mode: 'human' is not allowed; allowed: rgb_array"),
    ],
)
def test_the_wrapper_refuses_bad_options(options, message):
    with pytest.raises(UserError, match=message):
        GymnasiumEnv("inverted_pendulum", **options)


@pytest.mark.parametrize(
    ("name", "more"),
    [
        ("inverted_double_pendulum", {"gravity_scale": 0.5}),
        ("hopper", {"gravity_scale": 0.5, "friction_scale": 0.9}),
    ],
)
def test_one_noisy_step_is_the_same_in_c_mujoco(name, more):
    """From the same state, the same key makes the same noisy step of MJX and of Gymnasium's, all noises at once."""
    noise, env = NoiseParams(**STRONG, **more), make(name, max_latency=1)
    with jax.enable_x64(True):
        peer = GymnasiumPeer(env, noise)
        peer.task.model.opt.tolerance = 1e-15
        reset = jax.jit(lambda key: env.reset(key, noise))
        step = jax.jit(lambda state, key: env.step(state, 0.7 * jnp.ones(env.action_size), key, noise))
        contacts = 0
        for index in range(3):
            state = reset(jax.random.key(index))
            for key in jax.random.split(jax.random.key(index), 40):
                peer.task.reset(seed=0)
                peer.task.set_state(np.asarray(state.physics.qpos), np.asarray(state.physics.qvel))
                peer.noise_state = state.noise_state
                peer.randomize(state.noise_state)
                obs, reward, terminated = peer.step(0.7 * np.ones(env.action_size), key)
                state = step(state, key)
                np.testing.assert_allclose(obs, state.obs, atol=1e-6)
                np.testing.assert_allclose(reward, state.reward, atol=1e-6)
                assert terminated == state.terminated
                contacts += peer.task.data.ncon > 0
        assert contacts > 10 or "friction_scale" not in more


def test_a_policy_earns_in_c_mujoco_what_it_earns_here():
    """A controller that balances: the full 1,000 without noise, and an early fall where the sensors lie."""

    def balance(obs):
        return np.clip(obs @ np.array([0.35, 6.0, 0.45, 1.1]), -1, 1)[None]

    clean = evaluate_in_gymnasium("inverted_pendulum", balance, episodes=2)
    assert clean.returns.tolist() == [1000.0, 1000.0]
    assert clean.lengths.tolist() == [1000, 1000]
    assert not clean.terminated.any()
    noisy = evaluate_in_gymnasium("inverted_pendulum", balance, noise=NoiseParams(drift_std=0.1), episodes=3)
    assert noisy.terminated.all()
    assert len(set(noisy.lengths.tolist())) > 1
    np.testing.assert_array_equal(noisy.returns, noisy.lengths - 1)


def test_only_mujoco_tasks_have_a_peer():
    with pytest.raises(UserError, match="'pointmass' is not a task of Gymnasium"):
        evaluate_in_gymnasium("pointmass", lambda obs: obs)
