"""The report on models of known law: the truth is calibrated, and each way of being wrong shows in its own number."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from dstjax.types import Transition
from dstjax.world.core import init_world_stats
from dstjax.world.report import against_truth, held_out, law_of

SIZE = 4000


@dataclasses.dataclass(frozen=True)
class Law:
    """`s' = s + [tilt a + bias + spread e, fog e']`, reward 1: an entry with noise, one without, a constant one."""

    spread: float = 0.5
    bias: float = 0.0
    tilt: float = 1.0
    fog: float = 0.0
    noise_size: int = 2
    has_density: bool = False

    def sample(self, params, stats, obs, action, noise):
        moved = self.tilt * action[0] + self.bias + self.spread * noise[0]
        return obs + jnp.array([moved, self.fog * noise[1]]), jnp.ones(())


@pytest.fixture(scope="module")
def batch():
    keys = jax.random.split(jax.random.key(0), 3)
    obs = jax.random.normal(keys[0], (SIZE, 2))
    action = jax.random.uniform(keys[1], (SIZE, 1), minval=-1.0)
    truth = jax.vmap(lambda o, a, e: Law().sample(None, None, o, a, e))
    next_obs, reward = truth(obs, action, jax.random.normal(keys[2], (SIZE, 2)))
    return Transition(obs, action, reward, next_obs, jnp.zeros(SIZE))


@pytest.fixture(scope="module")
def report(batch):
    @jax.jit
    def metrics(spread, bias, tilt):
        return held_out(Law(spread, bias, tilt), {}, init_world_stats(2), batch, jax.random.key(1))

    return lambda spread=0.5, bias=0.0, tilt=1.0: {k: float(v) for k, v in metrics(spread, bias, tilt).items()}


def test_the_true_law_is_calibrated(report):
    found = report()
    np.testing.assert_allclose(found["one_step_rmse"], 0.5 / np.sqrt(3), rtol=0.05)  # one of three entries has noise
    np.testing.assert_allclose(found["spread_skill"], 1.0, atol=0.05)
    np.testing.assert_allclose(found["coverage_90"], 0.9, atol=0.02)
    assert found["pit_error"] < 0.02
    # Of a Gaussian, sigma / sqrt(pi); the deterministic entries add nothing.
    np.testing.assert_allclose(found["energy_score"], 0.5 / np.sqrt(np.pi), rtol=0.05)
    assert "log_likelihood" not in found


@pytest.mark.parametrize("wrong", [{"spread": 0.25}, {"spread": 1.0}, {"bias": 0.5}, {"tilt": 0.0}])
def test_a_wrong_law_scores_worse(report, wrong):
    right, found = report(), report(**wrong)
    assert found["energy_score"] > right["energy_score"] + 0.01
    assert found["pit_error"] > right["pit_error"] + 0.02
    if "spread" in wrong:
        np.testing.assert_allclose(found["spread_skill"], wrong["spread"] / 0.5, rtol=0.1)
        assert (found["coverage_90"] - 0.9) * (wrong["spread"] - 0.5) > 0
    else:
        assert found["one_step_rmse"] > right["one_step_rmse"] + 0.05


def test_against_truth(batch):
    obs, action, stats = batch.obs[:50], batch.action[:50], init_world_stats(2)

    @jax.jit
    def compare(spread, bias, tilt, fog=0.0):
        truth = lambda obs, action, key: Law().sample(None, None, obs, action, jax.random.normal(key, (2,)))  # noqa: E731
        real = law_of(truth, stats, obs, action, jax.random.split(jax.random.key(3), (50, 256)))
        return against_truth(Law(spread, bias, tilt, fog), {}, stats, real, obs, action, jax.random.key(2))

    right = compare(0.5, 0.0, 1.0)
    assert abs(right["energy_distance"]) < 0.01
    np.testing.assert_allclose(right["spread_ratio"], 1.0, atol=0.05)
    np.testing.assert_allclose(right["gradient_error"], 0.0, atol=1e-6)
    assert right["spurious_spread"] < 1e-6
    foggy = compare(0.5, 0.0, 1.0, 0.3)
    np.testing.assert_allclose(foggy["spread_ratio"], 1.0, atol=0.05)
    np.testing.assert_allclose(foggy["spurious_spread"], 0.3 / np.sqrt(2), rtol=0.05)  # one of two certain entries
    assert compare(0.5, 1.0, 1.0)["energy_distance"] > 0.3
    np.testing.assert_allclose(compare(0.5, 1.0, 1.0)["mean_error"], 1 / np.sqrt(3), atol=0.05)
    np.testing.assert_allclose(compare(1.5, 0.0, 1.0)["spread_ratio"], 3.0, rtol=0.05)
    np.testing.assert_allclose(compare(0.5, 0.0, 0.6)["gradient_error"], 0.4, atol=1e-5)
