"""The point mass against its formulas in NumPy, and its derivatives against finite differences."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dstjax.config import NoiseParams
from dstjax.envs import make
from dstjax.errors import UserError

OFF = NoiseParams()


@pytest.mark.parametrize("goals", [1, 2, 4, 8, 16])
def test_goals_are_apart_and_pay_their_heights(goals):
    env = make("pointmass", goals=goals)
    places = env.goal_positions
    assert places.shape == (goals, 2)
    gaps = np.linalg.norm(places[:, None] - places[None], axis=-1)[~np.eye(goals, dtype=bool)]
    assert (gaps >= 2.5 * 0.35 - 1e-9).all()
    assert np.linalg.norm(places, axis=1).max() < 0.8 * 0.1 * env.time_limit
    heights = np.arange(1, goals + 1) / goals
    loop = [
        sum(h * np.exp(-((p - g) ** 2).sum() / 2 / 0.35**2) for h, g in zip(heights, places, strict=True))
        for p in places
    ]
    np.testing.assert_allclose(jax.vmap(env.mean_reward)(jnp.asarray(places)), loop, rtol=1e-5)
    assert (np.asarray(loop) >= heights - 1e-9).all()


def test_first_positions_fill_the_square_that_is_asked_for():
    for goals, spread in ((4, 0.3), (16, 1.0)):
        env = make(f"pointmass:goals={goals},spread={spread}")
        states = jax.vmap(env.reset, (0, None))(jax.random.split(jax.random.key(0), 2000), OFF)
        half = spread * np.linalg.norm(env.goal_positions[0])
        np.testing.assert_allclose([states.obs.min(), states.obs.max()], [-half, half], rtol=0.01)
    with pytest.raises(UserError, match=r"spread: -1.0 is not allowed; allowed: a number in \[0, inf\)"):
        make("pointmass:spread=-1")


def test_a_step_moves_by_the_action_and_pays_for_the_new_place():
    env = make("pointmass")
    state = env.reset(jax.random.key(0), OFF)
    after = env.step(state, jnp.array([1.0, -0.5]), jax.random.key(1), OFF)
    np.testing.assert_allclose(after.obs, state.obs + np.array([0.1, -0.05]), atol=1e-6)
    np.testing.assert_allclose(after.reward, env.mean_reward(after.obs), rtol=1e-6)
    assert not bool(after.terminated)


@given(st.integers(0, 1000), st.booleans(), st.floats(0.0, 1.0), st.floats(0.0, 0.5))
def test_two_steps_differentiate_through_every_noise(seed, bimodal, std, scale):
    with jax.enable_x64(True):
        env, noise = make("pointmass", bimodal=bimodal), NoiseParams(obs_scale=scale, dynamics_std=std)
        keys = jax.random.split(jax.random.key(seed), 4)
        state = env.reset(keys[0], noise)

        def total(action):
            middle = env.step(state, action, keys[1], noise)
            end = env.step(middle, jnp.sin(3 * middle.obs), keys[2], noise)
            return middle.reward + 0.9 * end.reward + end.obs.sum()

        action = jax.random.uniform(keys[3], (2,), minval=-1.0)
        ours, h = np.asarray(jax.grad(total)(action)), 1e-6
        theirs = [(total(action + h * e) - total(action - h * e)) / (2 * h) for e in np.eye(2)]
    np.testing.assert_allclose(ours, theirs, rtol=1e-6, atol=1e-8)


def test_bimodal_rewards_keep_the_mean_and_have_two_modes():
    plain, bimodal = make("pointmass"), make("pointmass", bimodal=True)
    state = plain.reset(jax.random.key(0), OFF)
    keys = jax.random.split(jax.random.key(2), 4000)
    base = plain.step(state, jnp.ones(2), keys[0], OFF).reward
    factors = np.asarray(jax.vmap(lambda key: bimodal.step(state, jnp.ones(2), key, OFF).reward)(keys) / base)
    assert factors.mean() == pytest.approx(1.0, abs=0.03)
    low, high = factors[factors < 1], factors[factors >= 1]
    assert len(low) / len(factors) == pytest.approx(0.5, abs=0.03)
    for part, center in ((low, 0.5), (high, 1.5)):
        assert part.mean() == pytest.approx(center, abs=0.01)
        assert part.std() == pytest.approx(0.1, rel=0.05)
