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
from dstjax.envs import ENVS, auto_reset, make
from dstjax.envs.mujoco.layout import layout
from dstjax.envs.mujoco.model import c_model, mjx_model
from dstjax.envs.mujoco.randomize import randomize, relocate
from dstjax.envs.mujoco.rows import fill
from dstjax.envs.noise import begin_noise, check_noise, command, draw, sense
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


PENDULUM = auto_reset(make("inverted_pendulum", max_latency=2))


def pendulum_run(noise):
    """Forty random actions: observation, true successor's, termination, positions, velocities."""

    def step(state, key):
        action_key, step_key = jax.random.split(key)
        state = PENDULUM.step(state, jax.random.uniform(action_key, (1,), minval=-1.0), step_key, noise)
        return state, (state.obs, state.final_obs, state.terminated, state.physics.qpos, state.physics.qvel)

    return jax.lax.scan(step, PENDULUM.reset(jax.random.key(0), noise), jax.random.split(jax.random.key(1), 40))[1]


def test_noise_levels_are_a_vmap_axis_of_one_program():
    """Strengths are traced, streams are paired: each lane differs from the silent one in what its noise touches."""
    traces = []

    def trace(noise):
        traces.append(noise)
        return pendulum_run(noise)

    on = ["obs_scale", "dynamics_std", "position_std", "latency", "action_std", "gain_scale", "gravity_scale"]
    levels = NoiseParams(**{
        name: np.where(np.arange(len(on) + 1) == on.index(name) + 1, 0.2, 0.0) if name in on else np.zeros(len(on) + 1)
        for name in NAMES
    })  # fmt: skip
    compiled = jax.jit(jax.vmap(trace))
    obs, final_obs, terminated, qpos, qvel = map(np.asarray, compiled(levels))
    compiled(jax.tree.map(lambda level: level + 0.1, levels))
    assert len(traces) == 1

    lanes = {name: lane for lane, name in enumerate(["silent", *on])}
    silent = lanes["silent"]
    for name in on:
        assert np.abs(obs[lanes[name]][:3] - obs[silent][:3]).max() > 1e-5, name
    running = ~terminated[silent]
    np.testing.assert_array_equal(obs[silent], np.concatenate([qpos, qvel], axis=-1)[silent])
    np.testing.assert_array_equal(obs[silent][running], final_obs[silent][running])
    # Observation noise leaves the motion alone, and scales each entry within its bounds.
    np.testing.assert_array_equal(qpos[lanes["obs_scale"]], qpos[silent])
    ratio = obs[lanes["obs_scale"]] / obs[silent]
    assert (np.abs(ratio - 1) <= 0.2 + 1e-5).all()
    # A kick moves the velocity at once and the position from the next step on; what the agent sees is consistent.
    kicked = lanes["dynamics_std"]
    np.testing.assert_array_equal(qpos[kicked][0], qpos[silent][0])
    assert np.abs(qvel[kicked][0] - qvel[silent][0]).min() > 1e-3
    for name in ("dynamics_std", "position_std"):
        np.testing.assert_array_equal(obs[lanes[name]], np.concatenate([qpos, qvel], axis=-1)[lanes[name]])


def test_factors_reach_the_physics():
    """From rest, the first velocities are those of the force: proportional to gravity on a tilted pole, and to gain."""
    env = make("inverted_pendulum", frame_skip=1)
    state = env.reset(jax.random.key(0), OFF)

    def first_velocity(angle, control, gravity, gain):
        physics = state.physics.replace(qpos=jnp.array([0.0, angle]), qvel=jnp.zeros(2))
        episode = state.noise_state.replace(gravity=gravity, gain=gain)
        return env.simulate(physics, control[None], episode)[0].qvel

    cases = np.array([[0.1, 0, 1, 1], [0.1, 0, 1.7, 1], [0, 1, 1, 1], [0, 1, 1, 0.4], [0, 1, 0.5, 1]], np.float32)
    plain, heavy, pushed, weak, light = np.asarray(jax.jit(jax.vmap(first_velocity))(*cases.T))
    np.testing.assert_allclose(heavy, 1.7 * plain, rtol=1e-2)
    np.testing.assert_allclose(weak, 0.4 * pushed, rtol=1e-2)
    np.testing.assert_allclose(light, pushed, rtol=1e-2)


def test_the_outcome_is_that_of_the_kicked_state():
    """Penalties and termination of the double pendulum see the kicks that the step ends with, and so does the agent."""
    env, noise = make("inverted_double_pendulum"), NoiseParams(dynamics_std=2.0, position_std=0.2)
    keys = jax.random.split(jax.random.key(7), 512)
    states = jax.vmap(lambda key: env.reset(key, noise))(keys[:256])
    ends = jax.jit(jax.vmap(env.step, in_axes=(0, 0, 0, None)))(states, jnp.zeros((256, 1)), keys[256:], noise)
    position, velocity = np.asarray(ends.physics.qpos), np.asarray(ends.physics.qvel)
    assert np.std(velocity[:, 1]) > 1.5
    np.testing.assert_allclose(ends.info["velocity_penalty"], -(velocity[:, 1:] ** 2 @ [1e-3, 5e-3]), rtol=1e-5)
    np.testing.assert_array_equal(ends.obs[:, 5:8], np.clip(velocity, -10, 10))
    angles = np.cumsum(position[:, 1:], axis=1)
    x, y = position[:, 0] + 0.6 * np.sin(angles).sum(axis=1), 0.6 * np.cos(angles).sum(axis=1)
    np.testing.assert_allclose(ends.info["distance_penalty"], -(0.01 * x**2 + (y - 2) ** 2), rtol=1e-4)


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


def test_friction_scales_in_every_contact_of_the_solver():
    """Read off the rows that the solver gets: half the distance of two opposing edges of a contact's pyramid."""
    env = make("half_cheetah")  # all of its contacts have friction
    model, empty = mjx_model(env.xml_file, env.solver)
    plan, start = layout(c_model(env.xml_file)), env.reset(jax.random.key(0), OFF)

    def frictions(factor):
        changed = randomize(model, start.noise_state.replace(friction=factor))
        edges = fill(plan, changed, relocate(changed, empty, start.physics)).direction.reshape(-1, 4, 3)
        return 0.5 * jnp.linalg.norm(edges[:, 0::2] - edges[:, 1::2], axis=-1)

    nominal, low, high = np.asarray(jax.jit(jax.vmap(frictions))(jnp.array([1.0, 0.1, 1.9])))
    geom = c_model(env.xml_file).geom_friction
    np.testing.assert_allclose(nominal, geom[:, 0].max(), rtol=1e-5)
    assert len(nominal) >= 8
    np.testing.assert_allclose(low, 0.1 * nominal, rtol=1e-5)
    np.testing.assert_allclose(high, 1.9 * nominal, rtol=1e-5)


STRONGEST = {
    "latency": 3.0, "action_std": 1.0, "gain_scale": 1.0, "gravity_scale": 1.0, "friction_scale": 0.99,
    "dynamics_std": 5.0, "position_std": 0.1, "reward_std": 5.0, "obs_scale": 1.0, "drift_std": 1.0, "obs_std": 5.0,
}  # fmt: skip
FAST = ("inverted_pendulum", "hopper")


@pytest.mark.parametrize(
    "name", [name if name in FAST else pytest.param(name, marks=pytest.mark.slow) for name in ENVS]
)
def test_ten_thousand_steps_at_the_strongest_noise_stay_finite(name):
    env = auto_reset(make(name, max_latency=3))
    noise = NoiseParams(**{key: jnp.float32(STRONGEST[key] * (key in env.noises)) for key in NAMES})

    def tick(states, key):
        action_key, step_key = jax.random.split(key)
        actions = jax.random.uniform(action_key, (100, env.action_size), minval=-1.0)
        states = jax.vmap(env.step, in_axes=(0, 0, 0, None))(states, actions, jax.random.split(step_key, 100), noise)
        return states, all_finite((states.physics, states.obs, states.final_obs, states.reward, states.info))

    @jax.jit
    def everything(key):
        reset_key, *keys = jax.random.split(key, 101)
        states = jax.vmap(env.reset, in_axes=(0, None))(jax.random.split(reset_key, 100), noise)
        return jax.lax.scan(tick, states, jnp.stack(keys))

    states, finite = everything(jax.random.key(0))
    assert np.asarray(finite).all()
    assert int(states.nonfinite.sum()) < 100, "the guard had to act in one step of a hundred"
    assert (np.asarray(states.elapsed) <= 100).all()


def all_finite(tree):
    return jnp.all(jnp.stack([jnp.isfinite(leaf).all() for leaf in jax.tree.leaves(tree)]))
