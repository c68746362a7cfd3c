"""The simulator as a model: its state from an observation, its Jacobians, what it refuses; and the hybrid."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from models import fit, reproduce

from dstjax import envs, world
from dstjax.config import Config, NoiseParams
from dstjax.errors import UserError
from dstjax.types import Transition
from dstjax.world.physics import TASKS, Hybrid, Physics, simulator_state

OFF = NoiseParams()


@partial(jax.jit, static_argnums=(0, 2))
def visited(env, key, steps=24, episodes=12):
    """Every sixth state and observation on the way of random actions, and an action at each."""

    def episode(key):
        reset_key, key = jax.random.split(key)

        def step(state, key):
            action = jax.random.uniform(key, (env.action_size,), minval=-1.0)
            return env.step(state, action, key, OFF), (state.physics, state.obs, action)

        path = jax.lax.scan(step, env.reset(reset_key, OFF), jax.random.split(key, steps))[1]
        return jax.tree.map(lambda leaf: leaf[3::6], path)

    path = jax.vmap(episode)(jax.random.split(key, episodes))
    return jax.tree.map(lambda leaf: leaf.reshape(-1, leaf.shape[-1]), path)


def check_jacobian(env):
    """Of sample in observation and action, against central differences of the task's own step; under float64."""
    model, step = Physics(env), 1e-7
    physics, obs, action = visited(env, jax.random.key(0))
    # Fallen poles turn faster than the 10 rad/s that their observation shows: from there the model starts elsewhere.
    shown = (np.abs(getattr(physics, "qvel", obs)) < 10).all(1)
    assert shown.mean() > 0.5

    @jax.jit
    @jax.vmap
    def through_model(point):
        def sample(point):
            next_obs, reward = model.sample({}, None, point[: env.obs_size], point[env.obs_size :], jnp.zeros(0))
            return (jnp.append(next_obs, reward),) * 2

        jacobian, outcome = jax.jacrev(sample, has_aux=True)(point)
        return outcome, jacobian

    @jax.jit
    @jax.vmap
    def through_task(physics, obs, action):
        state = env.reset(jax.random.key(0), OFF).replace(physics=physics, obs=obs)
        after = env.step(state, action, jax.random.key(1), OFF)
        return jnp.append(after.final_obs, after.reward)

    point = jnp.concatenate([obs, action], axis=1)
    outcome, jacobian = through_model(point)
    np.testing.assert_allclose(outcome[shown], through_task(physics, obs, action)[shown], atol=1e-8)
    for i, shift in enumerate(step * np.eye(env.action_size)):
        slope = (through_task(physics, obs, action + shift) - through_task(physics, obs, action - shift)) / (2 * step)
        assert np.abs(slope).max() > 1e-2
        np.testing.assert_allclose(jacobian[shown, :, env.obs_size + i], slope[shown], rtol=1e-6, atol=1e-6)
    # In the observation the model's own differences, because its entries may depend on each other.
    for i, shift in enumerate(step * np.eye(env.obs_size, point.shape[1])):
        slope = (through_model(point + shift)[0] - through_model(point - shift)[0]) / (2 * step)
        np.testing.assert_allclose(jacobian[shown, :, i], slope[shown], rtol=1e-6, atol=1e-6)


def test_jacobians_of_the_point_mass():
    with jax.enable_x64(True):
        check_jacobian(envs.make("pointmass"))


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in TASKS if name != "pointmass"])
def test_jacobians_of_mujoco_tasks(name):
    with jax.enable_x64(True):
        check_jacobian(envs.make(name))


@pytest.mark.parametrize("name", ["inverted_pendulum", "inverted_double_pendulum", "hopper"])
def test_an_observation_gives_its_state_back(name):
    env, rng = envs.make(name), np.random.default_rng(0)
    shapes = jax.eval_shape(lambda: env.reset(jax.random.key(0), OFF).physics)
    rest = jax.tree.map(lambda leaf: jnp.zeros(leaf.shape, leaf.dtype), shapes)
    state = rest.replace(
        qpos=jnp.asarray(rng.uniform(-2, 2, rest.qpos.shape), jnp.float32),
        qvel=jnp.asarray(rng.uniform(-9, 9, rest.qvel.shape), jnp.float32),
    )
    found = simulator_state(env, rest, env.observation(state, env.initial_readings(state)))
    np.testing.assert_allclose(found.qvel, state.qvel, atol=1e-6)
    hidden = int(name == "hopper")
    np.testing.assert_allclose(found.qpos[hidden:], state.qpos[hidden:], atol=1e-6)


def test_what_physics_cannot_model_is_refused_with_the_reason():
    with pytest.raises(UserError, match="random rewards"):
        world.make("physics", Config(), envs.make("pointmass", bimodal=True))
    with pytest.raises(UserError, match="cvae"):
        world.make("cvea", Config(), envs.make("pointmass"))

    class Juggler:
        name = "juggler"

    with pytest.raises(UserError, match=r"physics is not allowed for juggler.*allowed: a learned model, or pointmass"):
        world.make("hybrid", Config(), Juggler())


def test_hybrid_learns_the_noise_around_the_simulator():
    env, std = envs.make("pointmass"), 1.0
    config = Config(model_width=16, model_depth=1, model_latent=2, model_particles=2)
    model = world.make("hybrid", config, env)
    assert isinstance(model, Hybrid)
    keys = jax.random.split(jax.random.key(0), 3)
    obs = jax.random.uniform(keys[0], (4000, 2), minval=-1.0)
    action = jax.random.uniform(keys[1], (4000, 2), minval=-1.0)

    @jax.jit
    @jax.vmap
    def real(obs, action, key):
        state = env.reset(key, OFF).replace(physics=obs, obs=obs)
        after = env.step(state, action, key, NoiseParams(dynamics_std=std))
        return Transition(obs, action, after.reward, after.obs, jnp.zeros(()))

    data = real(obs, action, jax.random.split(keys[2], 4000))
    params, stats = fit(model, data, 500, jax.random.key(1), learning_rate=3e-3)

    @jax.jit
    @partial(jax.vmap, in_axes=(None, None, 0))
    def jacobian(obs, action, noise):
        def sample(action):
            next_obs, _ = model.sample(params, stats, obs, action, noise)
            return next_obs, next_obs

        return jax.jacrev(sample, has_aux=True)(action)

    here, there = jnp.array([0.3, -0.5]), jnp.array([0.2, 0.9])
    slope, next_obs = jacobian(here, there, jax.random.normal(jax.random.key(2), (4000, model.noise_size)))
    np.testing.assert_allclose(next_obs.mean(0), here + 0.1 * there, atol=0.02)
    np.testing.assert_allclose(next_obs.std(0), 0.1 * std, rtol=0.15)
    np.testing.assert_allclose(slope.mean(0), 0.1 * np.eye(2), atol=0.03)
    few = jax.tree.map(lambda leaf: leaf[:20], data)
    outcome, _ = reproduce(model, params, stats, few, jax.random.key(3))
    np.testing.assert_allclose(outcome, jnp.column_stack([few.next_obs, few.reward]), atol=1e-5)
