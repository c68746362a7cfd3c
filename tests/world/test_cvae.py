"""The conditional VAE: its bound against densities, its samples against data, its gradients."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from models import bimodal, check_bimodal, check_gradients, draw, fit, reproduce
from scipy import stats

from dstjax.nets import apply
from dstjax.types import Transition
from dstjax.world import CVAE
from dstjax.world.core import normalized, outcome_of
from dstjax.world.gaussian import kl_divergence, log_density


@pytest.fixture(scope="module")
def fitted():
    model = CVAE(1, 32, 2, 2)
    return model, *fit(model, bimodal(jax.random.key(0), 20_000), 2500, jax.random.key(1), learning_rate=2e-3)


def test_kl_against_quadrature():
    rng = np.random.default_rng(0)
    mean_q, log_q, mean_p, log_p = rng.normal(0, 0.5, (4, 3))
    grid = np.linspace(-12, 12, 200_001)
    expected = 0.0
    for i in range(3):
        q, p = stats.norm(mean_q[i], np.exp(log_q[i])), stats.norm(mean_p[i], np.exp(log_p[i]))
        expected += np.trapezoid(q.pdf(grid) * (q.logpdf(grid) - p.logpdf(grid)), grid)
    np.testing.assert_allclose(kl_divergence(mean_q, log_q, mean_p, log_p), expected, rtol=1e-5)


def test_bounds_tighten_with_particles_up_to_the_log_likelihood(fitted):
    # The density of each outcome by averaging the decoder's over very many draws of the prior.
    model, params, world = fitted
    batch = bimodal(jax.random.key(5), 24)

    @jax.jit
    def prior_average(key):
        x, y = normalized(world, batch)
        mean_p, log_p = apply(model._net, params, x, method="condition")
        latent = mean_p + jnp.exp(log_p) * jax.random.normal(key, (20_000, *mean_p.shape))
        decoded = apply(model._net, params, jnp.broadcast_to(x, (len(latent), *x.shape)), latent, method="decode")
        return (jax.nn.logsumexp(log_density(y, *decoded), axis=0) - jnp.log(len(latent))).mean()

    def bound(particles):
        loss = CVAE(1, 32, 2, 2, particles).loss
        losses = jax.jit(jax.vmap(lambda key: loss(params, world, batch, key, 1.0)[0]))
        return -losses(jax.random.split(jax.random.key(6), 50)).mean()

    keys = jax.random.split(jax.random.key(7), 24)
    reported = jax.jit(jax.vmap(lambda t, k: model.log_likelihood(params, world, t, k)))(batch, keys).mean()
    log_likelihood = prior_average(jax.random.key(2))
    assert bound(1) < bound(8) < log_likelihood + 0.02
    assert log_likelihood - bound(8) < 0.2
    assert abs(log_likelihood - reported) < 0.05


def test_learns_a_bimodal_transition(fitted):
    check_bimodal(draw(*fitted))


def test_noise_of_some_states_is_not_in_the_others():
    # Without noise for s < 0, of deviation 0.5 for s > 0.
    keys = jax.random.split(jax.random.key(0), 3)
    obs, action = jax.random.uniform(keys[0], (2, 10_000, 1), minval=-1.0)
    outcome = obs + 0.5 * (obs > 0) * jax.random.normal(keys[1], obs.shape)
    data = Transition(obs, action, jnp.sin(3.0 * obs[:, 0]), outcome, jnp.zeros(10_000))
    model = CVAE(1, 32, 2, 2)
    params, world = fit(model, data, 2500, jax.random.key(1), learning_rate=2e-3)
    noise = jax.random.normal(keys[2], (4000, model.noise_size))
    sample = jax.vmap(jax.vmap(partial(model.sample, params, world), (None, None, 0)), (0, None, None))
    next_obs, reward = sample(jnp.linspace(-0.9, 0.9, 10)[:, None], jnp.zeros(1), noise)
    std = next_obs[..., 0].std(axis=1)
    print(std, reward.std(axis=1))
    assert std[:4].max() < 0.03
    np.testing.assert_allclose(std[6:], 0.5, rtol=0.15)


def test_inferred_noise_reproduces_real_outcomes_and_is_standard_normal(fitted):
    data = bimodal(jax.random.key(3), 2000)
    outcome, noise = reproduce(*fitted, data, jax.random.key(4))
    np.testing.assert_allclose(outcome, outcome_of(data) + np.pad(data.obs, ((0, 0), (0, 1))), atol=1e-5)
    # Averaged over the data, the posterior of a right model is the prior. (The next observation has no residual.)
    latents_and_reward = np.asarray(noise)[:, [0, 1, 3]]
    np.testing.assert_allclose(latents_and_reward.mean(0), 0.0, atol=0.15)
    np.testing.assert_allclose(latents_and_reward.std(0), 1.0, atol=0.2)


def test_sample_gradients_by_finite_differences():
    check_gradients(CVAE(3, 8, 1, 2))
