"""Critics fitted to a problem of known Sobolev return end where their loss says they should."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from dstjax.envs.probe import PROBES
from dstjax.nets import bind
from experiments.critic_audit import Args, compare, kinds, train

ARGS = Args(updates=300, seeds=1)


@pytest.mark.slow
def test_the_joint_law_needs_the_sobolev_term():
    probe = PROBES["random_slope_bandit"]
    found = {name: compare(ARGS, probe, kinds(ARGS)[name])[0] for name in ("MMD", "MMD-Sobolev", "MSMMD-Sobolev")}
    for name in ("MMD-Sobolev", "MSMMD-Sobolev"):
        assert found[name]["joint_energy"] < 0.5 * found["MMD"]["joint_energy"]


@pytest.mark.slow
def test_squared_sobolev_regression_learns_the_means_of_return_and_gradient():
    """Huber losses do not: they pull a skewed return towards its median."""
    probe = PROBES["linear_additive"]
    kind = kinds(ARGS)["point, squared"]
    net = bind(kind.network, jax.jit(lambda seed: train(Args(updates=1500), probe, kind, seed))(0))
    sample = jax.jit(jax.value_and_grad(lambda a, s: net(s, a, jnp.zeros(0))))
    for obs, action in [(0.4, -0.7), (-0.9, 0.6), (0.0, 0.2)]:
        exact = probe.moments(obs, action)
        found, slope = sample(jnp.array([action]), jnp.array([obs]))
        np.testing.assert_allclose(found, exact["value_mean"], atol=0.1)
        np.testing.assert_allclose(slope[0], exact["daction_mean"], atol=0.1)
