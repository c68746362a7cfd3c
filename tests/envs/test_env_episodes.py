"""Whole episodes of random actions end in the same step as in Gymnasium's own tasks, in double precision."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from dstjax.config import NoiseParams
from dstjax.envs import make
from dstjax.envs.bridges.parity import gymnasium_task
from dstjax.envs.mujoco.physics import Physics

EPISODES, STEPS = 20, 200
OFF = NoiseParams()


def gymnasiums(env, shift_seed=None):
    """First states, actions and lengths of episodes; the length is `STEPS` where none ended before.

    With a seed, the first positions are shifted by about 1e-14, some units of rounding.
    """
    task, rng = gymnasium_task(env), np.random.default_rng(3)
    low, high = env.control_range.T
    actions, starts, lengths = rng.uniform(-1, 1, (EPISODES, STEPS, env.action_size)), [], []
    for episode in range(EPISODES):
        task.reset(seed=episode)
        if shift_seed is not None:
            shift = 1e-14 * np.random.default_rng([shift_seed, episode]).standard_normal(task.model.nq)
            task.set_state(task.data.qpos + shift, task.data.qvel.copy())
        starts.append((task.data.qpos.copy(), task.data.qvel.copy(), task.data.qacc_warmstart.copy()))
        ends = (task.step(low + (action + 1) / 2 * (high - low))[2] for action in actions[episode])
        lengths.append(next((step for step, end in enumerate(ends, start=1) if end), STEPS))
    return [np.stack(part) for part in zip(*starts, strict=True)], actions, np.array(lengths)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["hopper", "walker2d", "ant"])
def test_episodes_end_in_the_same_step(name):
    """Where C MuJoCo agrees with itself: after 150 steps, two Ants a rounding apart may have parted in C as well."""
    env = make(name)
    starts, actions, lengths = gymnasiums(env)
    assert (lengths < STEPS).mean() > 0.1
    certain = np.all([gymnasiums(env, seed)[2] == lengths for seed in range(4)], axis=0)
    assert certain.sum() >= (17 if name == "ant" else EPISODES)
    with jax.enable_x64(True):

        def episode(start, actions):
            physics = Physics(*start)
            state = env.reset(jax.random.key(0), OFF)
            state = state.replace(physics=env.remember(physics, env.initial_readings(physics)))

            def step(state, action):
                state = env.step(state, action, jax.random.key(0), OFF)
                return state, state.terminated

            ends = jax.lax.scan(step, state, actions)[1]
            return jnp.where(ends.any(), jnp.argmax(ends) + 1, STEPS)

        ours = jax.jit(jax.vmap(episode))(starts, actions)
    np.testing.assert_array_equal(np.asarray(ours)[certain], lengths[certain])
