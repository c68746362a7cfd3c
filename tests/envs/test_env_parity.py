"""One control step, and its reset, against Gymnasium's own tasks in C MuJoCo."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from dstjax.config import NoiseParams
from dstjax.envs import ENVS, make
from dstjax.envs.bridges.parity import gymnasium_task, physics, readings, step_errors, transitions
from dstjax.envs.mujoco.base import MujocoEnv

OFF = NoiseParams()
TASKS = [name for name, task in ENVS.items() if issubclass(task, MujocoEnv)]
LARGE = {"ant", "humanoid", "humanoid_standup"}  # their programs take long to compile
SINGLE = {"hopper", "half_cheetah"}
# C MuJoCo's collider of capsule and cylinder iterates; at its tightest its normals are good to 1e-6, see test_cylinder.
BOUND = {"pusher": 1e-7}


def stepped(fast):
    return [pytest.param(name, marks=[] if name in fast else [pytest.mark.slow]) for name in TASKS]


@pytest.mark.parametrize("name", stepped(set(TASKS) - LARGE))
def test_one_step_equals_c_mujoco_in_float64(name):
    env = make(name)
    with jax.enable_x64(True):
        errors = step_errors(env, transitions(env))
    assert not errors["terminated"].any()
    bound = BOUND.get(name, 1e-9)
    assert {key: e.max() for key, e in errors.items() if not e.max() <= bound} == {}
    assert all(np.quantile(e, 0.8) <= 1e-9 for e in errors.values())


@pytest.mark.parametrize("name", stepped(SINGLE))
def test_one_step_is_close_to_c_mujoco_in_float32(name):
    env = make(name)
    errors = step_errors(env, transitions(env), relative=True)
    assert errors.pop("terminated").mean() <= 0.01
    for key, e in errors.items():
        assert np.median(e) <= 5e-6, key
        assert np.quantile(e, 0.98) <= 2e-4, key
        assert e.max() <= 2e-2, key


def test_reference_states_touch_what_they_should():
    """The parity above covers joint limits, contacts and both outcomes of termination."""
    for name in TASKS:
        ends = transitions(make(name)).terminated.mean()
        assert ends == 0 if make(name).terminates is None else 0.05 < ends < 0.99
    for name in ("hopper", "half_cheetah", "walker2d", "ant", "humanoid", "humanoid_standup"):
        assert (transitions(make(name)).contacts > 0).mean() > 0.2
    for name in ("pusher", "hopper", "humanoid", "humanoid_standup"):
        assert transitions(make(name)).self_contacts.sum() > 20
    assert np.abs(transitions(make("inverted_pendulum")).after.qpos[:, 0]).max() > 1.0
    assert np.abs(transitions(make("inverted_double_pendulum")).obs[:, -1]).max() == 10.0
    assert transitions(make("hopper")).after.qpos[:, 1].min() < 0.7


@pytest.mark.parametrize("name", TASKS)
def test_reset_draws_from_gymnasiums_law(name):
    env = make(name)
    task = gymnasium_task(env)
    theirs = np.stack([task.reset(seed=seed)[0] for seed in range(400)])
    ours = jax.jit(jax.vmap(lambda key: env.reset(key, OFF).obs))(jax.random.split(jax.random.key(1), 400))
    assert ours.shape == theirs.shape == (400, env.obs_size)
    for ours_i, theirs_i in zip(np.asarray(ours).T, theirs.T, strict=True):
        if np.ptp(theirs_i) < 1e-9:
            np.testing.assert_allclose(ours_i, theirs_i, atol=1e-6)
        else:
            assert stats.ks_2samp(ours_i, theirs_i).pvalue > 1e-5


SEEN = {"exclude_current_positions_from_observation": False}
FORWARD = {"forward_reward_weight": -2.0, "ctrl_cost_weight": 0.3}
LESS = {"include_cinert_in_observation": False, "include_qfrc_actuator_in_observation": False}
OPTIONS = (
    ("inverted_double_pendulum", {"healthy_reward": 3.0}),
    ("reacher", {"reward_dist_weight": 2.0, "reward_control_weight": 0.3}),
    ("pusher", {"reward_near_weight": 2.0, "reward_dist_weight": 3.0, "reward_control_weight": 0.3}),
    ("swimmer", SEEN | FORWARD),
    ("hopper", SEEN | FORWARD | {"healthy_reward": 2.5, "terminate_when_unhealthy": False}),
    ("hopper", {"healthy_angle_range": (-0.05, 0.5), "healthy_z_range": (1.0, 1.24)}),
    ("hopper", {"healthy_state_range": (-5.0, 3.0)}),
    ("half_cheetah", SEEN | FORWARD),
    ("walker2d", SEEN | FORWARD | {"healthy_reward": 2.5, "healthy_angle_range": (-0.1, 0.5)}),
    ("ant", FORWARD | {"contact_cost_weight": 0.01, "contact_force_range": (-0.5, 3.0), "main_body": "aux_1"}),
    ("ant", SEEN | {"include_cfrc_ext_in_observation": False, "healthy_z_range": (0.3, 0.6), "healthy_reward": 2.0}),
    ("humanoid", SEEN | FORWARD | LESS | {"contact_cost_weight": 1e-3, "contact_cost_range": (0.1, 5.0)}),
    ("humanoid", {"include_cvel_in_observation": False, "include_cfrc_ext_in_observation": False}),
    ("humanoid_standup", LESS | {"ctrl_cost_weight": 0.3, "impact_cost_weight": 1e-3, "impact_cost_range": (0.1, 5.0)}),
)


@pytest.mark.parametrize(("name", "options"), OPTIONS)
def test_options_change_outcomes_as_gymnasiums_do(name, options):
    env, truth = make(name, **options), transitions(make(name), 128, 1, tuple(options.items()))
    with jax.enable_x64(True):
        rows = physics(env, truth.before), physics(env, truth.after), readings(env, truth.after), truth.control

        def judge(before, after, seen, control):
            outcome = env.outcome(before, after, seen, control)
            return outcome.reward, outcome.terminated, env.observation(after, seen)

        reward, terminated, obs = jax.jit(jax.vmap(judge))(*rows)
    np.testing.assert_allclose(reward, truth.reward, atol=1e-9)
    np.testing.assert_array_equal(terminated, truth.terminated)
    np.testing.assert_allclose(obs, truth.obs, atol=1e-12)
    assert obs.shape == (128, env.obs_size)


@pytest.mark.parametrize("name", [name for name in TASKS if make(name).terminates is not None])
def test_known_termination_agrees_with_the_task(name):
    truth = transitions(make(name))
    with jax.enable_x64(True):
        known = np.asarray(jax.vmap(make(name).terminates)(jnp.asarray(truth.obs)))
    assert np.mean(known == truth.terminated) >= (0.99 if name == "inverted_double_pendulum" else 1.0)
