"""One control step, and its reset, against Gymnasium's own tasks in C MuJoCo."""

import gymnasium_states as ref
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from dstjax.config import NoiseParams
from dstjax.envs import make
from dstjax.envs.mujoco.physics import Physics

OFF = NoiseParams()


def step_errors(name, dtype):
    """Worst absolute error per state of one step from the reference's states."""
    truth, env = ref.reference(name), make(name)

    def cast(x):
        return jnp.asarray(x, dtype)

    keys = jax.random.split(jax.random.key(0), len(truth.reward))
    start = jax.vmap(lambda key, physics: env.reset(key, OFF).replace(physics=physics))(
        keys, Physics(*map(cast, truth.before))
    )
    end = jax.jit(jax.vmap(env.step, in_axes=(0, 0, 0, None)))(start, cast(truth.action), keys, OFF)
    assert end.reward.dtype == dtype
    pairs = {
        "qpos": (end.physics.qpos, truth.after[0]),
        "qvel": (end.physics.qvel, truth.after[1]),
        "obs": (end.obs, truth.obs),
        "reward": (end.reward, truth.reward),
        **{term: (end.info[term], truth.info[term]) for term in env.reward_terms},
    }
    errors = {key: np.abs(np.asarray(ours, float) - theirs) for key, (ours, theirs) in pairs.items()}
    return {key: e.reshape(len(e), -1).max(axis=1) for key, e in errors.items()}, np.asarray(end.terminated)


@pytest.mark.parametrize("name", ref.TASKS)
def test_one_step_equals_c_mujoco_in_float64(name):
    with jax.enable_x64(True):
        errors, terminated = step_errors(name, jnp.float64)
    assert {key: e.max() for key, e in errors.items() if not e.max() <= 1e-9} == {}
    np.testing.assert_array_equal(terminated, ref.reference(name).terminated)


@pytest.mark.parametrize("name", ref.TASKS)
def test_one_step_is_close_to_c_mujoco_in_float32(name):
    errors, terminated = step_errors(name, jnp.float32)
    for key, e in errors.items():
        assert np.median(e) <= 5e-6, key
        assert np.quantile(e, 0.98) <= 2e-4, key
        assert e.max() <= 2e-2, key
    assert np.mean(terminated == ref.reference(name).terminated) >= 0.99


def test_reference_states_touch_what_they_should():
    """The parity above covers joint limits, contacts and both outcomes of termination."""
    for name in ref.TASKS:
        ends = ref.reference(name).terminated.mean()
        assert ends == 0 if make(name).terminates is None else 0.05 < ends < 0.99
    for name in ("hopper", "half_cheetah", "walker2d"):
        assert (ref.reference(name).contacts > 0).mean() > 0.2
    assert ref.reference("hopper").self_contacts.sum() > 20
    assert np.abs(ref.reference("inverted_pendulum").after[0][:, 0]).max() > 1.0
    assert np.abs(ref.reference("inverted_double_pendulum").obs[:, -1]).max() == 10.0
    assert ref.reference("hopper").after[0][:, 1].min() < 0.7


@pytest.mark.parametrize("name", ref.TASKS)
def test_reset_draws_from_gymnasiums_law(name):
    env, task = make(name), ref.make_reference(name)
    theirs = np.stack([task.reset(seed=seed)[0] for seed in range(400)])
    ours = jax.vmap(lambda key: env.reset(key, OFF).obs)(jax.random.split(jax.random.key(1), 400))
    assert ours.shape == theirs.shape == (400, env.obs_size)
    for ours_i, theirs_i in zip(np.asarray(ours).T, theirs.T, strict=True):
        if np.ptp(theirs_i) == 0:
            np.testing.assert_array_equal(ours_i, theirs_i)
        else:
            assert stats.ks_2samp(ours_i, theirs_i).pvalue > 1e-4


SEEN = {"exclude_current_positions_from_observation": False}
FORWARD = {"forward_reward_weight": -2.0, "ctrl_cost_weight": 0.3}
OPTIONS = (
    ("inverted_double_pendulum", {"healthy_reward": 3.0}),
    ("swimmer", SEEN | FORWARD),
    ("hopper", SEEN | FORWARD | {"healthy_reward": 2.5, "terminate_when_unhealthy": False}),
    ("hopper", {"healthy_angle_range": (-0.05, 0.5), "healthy_z_range": (1.0, 1.24)}),
    ("hopper", {"healthy_state_range": (-5.0, 3.0)}),
    ("half_cheetah", SEEN | FORWARD),
    ("walker2d", SEEN | FORWARD | {"healthy_reward": 2.5, "healthy_angle_range": (-0.1, 0.5)}),
)


@pytest.mark.parametrize(("name", "options"), OPTIONS)
def test_options_change_outcomes_as_gymnasiums_do(name, options):
    env, truth = make(name, **options), ref.reference(name, 128, 1, tuple(options.items()))
    with jax.enable_x64(True):
        before, after = Physics(*truth.before), Physics(*truth.after, truth.before[2])
        readings = {}
        if name == "inverted_double_pendulum":
            readings = {"tip": truth.sites[:, 0], "force": truth.obs[:, -1:]}
        rows = jax.tree.map(jnp.asarray, (before, after, readings, truth.control))
        reward, terminated = jax.vmap(lambda *row: outcome(env, *row))(*rows)
        obs = jax.vmap(env.observation)(rows[1], rows[2])
    np.testing.assert_allclose(reward, truth.reward, atol=1e-9)
    np.testing.assert_array_equal(terminated, truth.terminated)
    np.testing.assert_allclose(obs, truth.obs, atol=1e-12)


def outcome(env, *row):
    result = env.outcome(*row)
    return result.reward, result.terminated


@pytest.mark.parametrize("name", [name for name in ref.TASKS if make(name).terminates is not None])
def test_known_termination_agrees_with_the_task(name):
    truth = ref.reference(name)
    with jax.enable_x64(True):
        known = np.asarray(jax.vmap(make(name).terminates)(jnp.asarray(truth.obs)))
    assert np.mean(known == truth.terminated) >= (0.99 if name == "inverted_double_pendulum" else 1.0)
