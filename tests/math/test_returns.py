"""Monte-Carlo Sobolev returns and the audit: closed-form moments, finite differences, laws that are known to differ."""

import jax
import jax.numpy as jnp
import math_oracles as oracle
import numpy as np
import pytest
from scipy import stats

from dstjax.envs import PointMass
from dstjax.envs.probe import PROBES, truth
from dstjax.fields import NoiseParams
from dstjax.math import audit, sobolev_returns, sobolev_target
from dstjax.types import SobolevSamples


@pytest.mark.parametrize("name", PROBES)
def test_true_samples_have_the_exact_moments(name):
    probe, num = PROBES[name], 40_000
    sample = jax.jit(lambda s, a, key: truth(probe, s, a, key, num_samples=num))
    for seed, (obs, action) in enumerate([(0.4, -0.7), (-0.9, 0.6)]):
        found = sample(jnp.array([obs]), jnp.array([action]), jax.random.key(seed))
        for moment, exact in probe.moments(obs, action).items():
            part, kind = moment.split("_")
            draws = np.asarray(getattr(found, part), float).ravel()
            if kind == "mean":
                assert abs(draws.mean() - exact) < 4.5 * draws.std() / np.sqrt(num) + 1e-5, moment
            else:
                np.testing.assert_allclose(draws.var(), exact, rtol=0.06, err_msg=moment)


def test_returns_are_the_many_step_target_without_a_critic():
    probe, key = PROBES["linear_additive"], jax.random.key(0)
    obs, action = jnp.array([0.4]), jnp.array([-0.7])
    noise, ends = jax.random.normal(key, (3, 4, probe.noise_size)), jnp.array([0.0, 0.0, 1.0, 0.0])

    def step(carry, action, eps):
        place, count = carry
        place, reward = probe.step(place, action, eps)
        return (place, count + 1), place, reward, ends[count]

    found = sobolev_returns(step, probe.policy, (obs, 0), action, noise, 0.8)
    expected = sobolev_target(
        probe.step, probe.policy, lambda s, a, xi: jnp.zeros(()), obs, action, noise, jnp.zeros((3, 1)), 0.8, ends,
        num_steps=4,
    )  # fmt: skip
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6), found, expected)


def test_returns_through_an_environment_by_finite_differences():
    env, noise = PointMass(), NoiseParams(obs_scale=0.0, dynamics_std=0.3)
    with jax.enable_x64(True):
        state = env.reset(jax.random.key(0), noise)
        keys = jax.random.split(jax.random.key(1), (2, 6))

        def step(state, action, key):
            state = env.step(state, action, key, noise)
            return state, state.final_obs, state.reward, state.terminated

        run = jax.jit(lambda a: sobolev_returns(step, lambda s: jnp.tanh(-2 * s), state, a, keys, 0.9))
        found = run(np.array([0.5, -0.2]))
        for i in range(2):
            slope = oracle.slope(lambda a, i=i: run(a).value[i], np.array([0.5, -0.2]))
            np.testing.assert_allclose(found.daction[i], slope, atol=1e-7)


def law(seed, n, shift=0.0, tilt=1.0):
    rng = np.random.default_rng(seed)
    value = rng.normal(size=n)
    return SobolevSamples(jnp.float32(value + shift), jnp.float32(tilt * value[:, None] + [3.0, -1.0]))


def test_audit_is_small_on_the_law_itself_and_names_what_is_wrong():
    run = jax.jit(audit)
    same, moved, turned = (
        run(law(1, 2000, **changes), law(2, 2000)) for changes in ({}, {"shift": 1.0}, {"tilt": -1.0})
    )
    assert same["joint_energy"] < 5e-3 > same["return_energy"]
    assert same["gradient_error"] < 0.05
    assert same["calibration"] < 0.05
    assert moved["return_energy"] > 0.3 < moved["calibration"]
    # A wrong dependence of gradient on return is seen by the joint distance only.
    assert turned["joint_energy"] > 5 * same["joint_energy"]
    assert turned["return_energy"] < 5e-3
    assert turned["gradient_error"] < 0.05


def test_audit_matches_scipy():
    samples, true = law(3, 60, shift=0.4), law(4, 90)
    found = jax.jit(audit)(samples, true)
    values = [np.asarray(s.value, float) for s in (samples, true)]
    np.testing.assert_allclose(found["calibration"], stats.ks_2samp(*values).statistic, atol=1e-6)
    energy = stats.energy_distance(*values) ** 2 / values[1].std()
    np.testing.assert_allclose(found["return_energy"], energy, rtol=1e-3)
    mean, true_mean = (np.asarray(s.daction, float).mean(0) for s in (samples, true))
    np.testing.assert_allclose(
        found["gradient_error"], np.linalg.norm(mean - true_mean) / np.linalg.norm(true_mean), rtol=1e-4
    )
    cosine = mean @ true_mean / np.linalg.norm(mean) / np.linalg.norm(true_mean)
    np.testing.assert_allclose(found["gradient_cosine"], cosine, rtol=1e-5)


def test_weights_count_like_copies():
    samples, true = law(3, 6), law(4, 50)
    counts = np.array([1, 3, 0, 2, 5, 1])
    copies = SobolevSamples(*(jnp.repeat(part, counts, axis=0) for part in (samples.value, samples.daction)))
    weighted = jax.jit(audit)(samples.replace(weight=jnp.asarray(counts / counts.sum(), jnp.float32)), true)
    for name, value in jax.jit(audit)(copies, true).items():
        np.testing.assert_allclose(weighted[name], value, rtol=1e-4, atol=1e-6, err_msg=name)
