"""Several-step transitions from the ring buffer, against a walk through the episodes in NumPy."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from dstjax.agent.replay import init_replay, insert, sample_steps
from dstjax.types import Transition

ENVS, DISCOUNT, STEPS = 2, 0.8, 3


def history(ticks):
    """`[ticks, ENVS]` ends of episodes: terminations, time limits, and ticks of neither."""
    rng = np.random.default_rng(0)
    terminated = rng.random((ticks, ENVS)) < 0.25
    return terminated, ~terminated & (rng.random((ticks, ENVS)) < 0.25)


def filled(ticks, capacity):
    """A buffer in which observation and reward carry the number of their tick and environment."""
    replay, (terminated, truncated) = init_replay(capacity, 1, 1, boundaries=True), history(ticks)
    for tick in range(ticks):
        number = tick + 0.5 * jnp.arange(ENVS)
        batch = Transition(
            obs=number[:, None], action=-number[:, None], reward=number + 1.0, next_obs=number[:, None] + 1.0,
            terminated=jnp.asarray(terminated[tick], jnp.float32), truncated=jnp.asarray(truncated[tick], jnp.float32),
        )  # fmt: skip
        replay = jax.jit(insert)(replay, batch, jnp.int32(tick))
    return replay


@pytest.mark.parametrize(("ticks", "capacity"), [(1, 12), (5, 12), (6, 12), (17, 12), (40, 12)])
def test_sums_stop_at_terminations_time_limits_and_the_newest_transition(ticks, capacity):
    terminated, truncated = history(ticks)
    drawn = jax.jit(
        lambda replay, key: sample_steps(
            replay, jnp.int32(ENVS * ticks), key, jnp.float32(DISCOUNT), batch_size=400, num_steps=STEPS, num_envs=ENVS
        )
    )(filled(ticks, capacity), jax.random.key(0))
    first_kept, seen = max(0, ticks - capacity // ENVS), set()
    for i in range(400):
        env = int(drawn.obs[i, 0] % 1 > 0.25)
        start = round(float(drawn.obs[i, 0]) - 0.5 * env)
        seen.add((start, env))
        total, tick, steps = 0.0, start, 0
        while True:
            total += DISCOUNT**steps * (tick + 0.5 * env + 1.0)
            steps += 1
            if steps == STEPS or tick == ticks - 1 or terminated[tick, env] or truncated[tick, env]:
                break
            tick += 1
        np.testing.assert_allclose(drawn.reward[i], total, rtol=1e-6)
        assert drawn.next_obs[i, 0] == tick + 0.5 * env + 1.0
        assert drawn.action[i, 0] == -drawn.obs[i, 0]
        assert (drawn.steps[i], drawn.terminated[i]) == (steps, terminated[tick, env])
    assert seen == {(tick, env) for tick in range(first_kept, ticks) for env in range(ENVS)}
