"""Critics fitted to a problem of known Sobolev return end where their loss says they should."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from dstjax.envs.probe import PROBES
from dstjax.nets import bind
from experiments.critic_audit import Args, compare, fit, kinds

ARGS = Args(updates=1000, seeds=1)


@pytest.mark.slow
def test_the_joint_law_needs_the_sobolev_term():
    """Of three sharp modes: values alone tell little of the slopes."""
    probe, critics = PROBES["sinusoid_mixture"], kinds(ARGS)
    found = {
        name: compare(ARGS, probe, critics[name])[0]["joint_energy"][0]
        for name in ("MMD", "MMD-Sobolev", "MSMMD-Sobolev", "MSMMD-Sobolev, late")
    }
    for name in found.keys() - {"MMD"}:
        assert found[name] < 0.7 * found["MMD"], name


@pytest.mark.slow
def test_squared_sobolev_regression_learns_the_means_of_return_and_gradient():
    """Huber losses do not: they pull a skewed return towards its median."""
    args, probe = Args(updates=1500, seeds=1), PROBES["linear_additive"]
    kind = kinds(args)["point, squared"]
    critic = bind(kind.network, jax.tree.map(lambda leaf: leaf[0], fit(args, probe, kind)))
    sample = jax.jit(jax.value_and_grad(lambda a, s: critic(s, a, jnp.zeros(0))))
    for obs, action in [(0.4, -0.7), (-0.9, 0.6), (0.0, 0.2)]:
        exact = probe.moments(obs, action)
        found, slope = sample(jnp.array([action]), jnp.array([obs]))
        np.testing.assert_allclose(found, exact["value_mean"], atol=0.1)
        np.testing.assert_allclose(slope[0], exact["daction_mean"], atol=0.1)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["quantile", "implicit quantile", "categorical"])
def test_every_law_of_returns_is_found_without_gradients(name):
    """A bimodal return, of which a point critic is 0.6 away."""
    probe = PROBES["sinusoid_mixture"]
    found = compare(ARGS, probe, kinds(ARGS)[name])[0]
    assert found["return_energy"][0] < 0.2
