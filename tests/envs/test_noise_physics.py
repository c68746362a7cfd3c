"""Noise inside the physics: its factors and kicks, as numbers of one program, and at the strongest."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from dstjax.config import NoiseParams
from dstjax.envs import ENVS, auto_reset, make
from dstjax.envs.mujoco.layout import layout
from dstjax.envs.mujoco.model import c_model, mjx_model
from dstjax.envs.mujoco.randomize import randomize, relocate
from dstjax.envs.mujoco.rows import fill

OFF = NoiseParams()
NAMES = [field.name for field in dataclasses.fields(NoiseParams)]
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
    # The swimmer's drag, quadratic and explicit in time, blows up at such kicks: C MuJoCo's in 156 of as many steps.
    assert int(states.nonfinite.sum()) < (200 if name == "swimmer" else 100)
    assert (np.asarray(states.elapsed) <= 100).all()


def all_finite(tree):
    return jnp.all(jnp.stack([jnp.isfinite(leaf).all() for leaf in jax.tree.leaves(tree)]))
