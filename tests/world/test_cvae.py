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
    return model, *fit(model, bimodal(jax.random.key(0), 20_000), 4000, jax.random.key(1), learning_rate=2e-3)


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
    # Wider than for other models: a residual that depends on the latent leaves more between the modes.
    check_bimodal(draw(*fitted), weight=0.06, between=0.25, deviation=0.05)


def along_the_states(next_obs, reward, steps):
    """Samples `[10, 4000]` at ten states from -0.9 to 0.9, of a fit to these functions of states and keys."""
    keys = jax.random.split(jax.random.key(0), 3)
    obs, action = jax.random.uniform(keys[0], (2, 10_000, 1), minval=-1.0)
    data = Transition(obs, action, reward(obs[:, 0]), next_obs(obs, keys[1]), jnp.zeros(10_000))
    model = CVAE(1, 32, 2, 2)
    params, world = fit(model, data, steps, jax.random.key(1), learning_rate=2e-3)
    at, noise = jnp.linspace(-0.9, 0.9, 10)[:, None], jax.random.normal(keys[2], (4000, model.noise_size))
    sample = jax.vmap(jax.vmap(partial(model.sample, params, world), (None, None, 0)), (0, None, None))
    next_obs, reward = jax.tree.map(np.asarray, sample(at, jnp.zeros(1), noise))
    return at[:, 0], next_obs[..., 0], reward


def test_noise_depends_on_the_state():
    # From a deviation of 0.02 at s = -1 to 0.5 at s = 1.
    def deviation(obs):
        return 0.1 * jnp.exp(1.6 * obs)

    at, next_obs, reward = along_the_states(
        lambda obs, key: obs + deviation(obs) * jax.random.normal(key, obs.shape), lambda obs: jnp.sin(3.0 * obs), 2500
    )
    np.testing.assert_allclose(next_obs.std(axis=1), deviation(at), rtol=0.15)
    np.testing.assert_allclose(next_obs.mean(axis=1), at, atol=0.05)
    np.testing.assert_allclose(reward, np.broadcast_to(jnp.sin(3.0 * at)[:, None], reward.shape), atol=0.05)


def test_what_is_hard_to_fit_somewhere_is_no_noise_elsewhere():
    # Beyond s = 0.6 the next observation swings as no network follows, and the reward jumps. Nothing is random.
    _, next_obs, reward = along_the_states(
        lambda obs, _: obs + 0.3 * jnp.sin(60.0 * obs) * (obs > 0.6), lambda obs: jnp.float32(obs > 0.6), 500
    )
    assert next_obs[-2:].std(axis=1).min() > 0.1
    assert next_obs[:6].std(axis=1).max() < 0.005
    assert reward[:6].std(axis=1).max() < 0.01


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
