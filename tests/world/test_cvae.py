"""The conditional VAE: its bound against densities by quadrature, its samples against data, its gradients."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from scipy import stats

from dstjax.types import Transition
from dstjax.world.core import init_world_stats, outcome_of, update_world_stats
from dstjax.world.cvae import CVAE, _kl_divergence


def fit(model, data, steps, key, batch_size=256, learning_rate=3e-3):
    """Train on transitions; parameters and statistics."""
    world = update_world_stats(init_world_stats(data.obs.shape[1]), data)
    params, adam = model.init(key, data.action.shape[1]), optax.adam(learning_rate)

    def step(carry, key):
        params, state = carry
        pick_key, loss_key = jax.random.split(key)
        batch = jax.tree.map(lambda leaf: leaf[jax.random.randint(pick_key, (batch_size,), 0, len(data.reward))], data)
        grads, _ = jax.grad(model.loss, has_aux=True)(params, world, batch, loss_key, 1.0)
        updates, state = adam.update(grads, state)
        return (optax.apply_updates(params, updates), state), None

    run = jax.jit(lambda carry, keys: jax.lax.scan(step, carry, keys)[0])
    return run((params, adam.init(params)), jax.random.split(key, steps))[0], world


def bimodal(key, size):
    """`s' = s + a +- (0.5 + 0.2 s)`, plus with probability 0.7; reward `s a + 0.1 e`."""
    keys = jax.random.split(key, 4)
    obs = jax.random.uniform(keys[0], (size, 1), minval=-1.0)
    action = jax.random.uniform(keys[1], (size, 1), minval=-1.0)
    sign = jnp.where(jax.random.bernoulli(keys[2], 0.7, (size, 1)), 1.0, -1.0)
    reward = (obs * action)[:, 0] + 0.1 * jax.random.normal(keys[3], (size,))
    return Transition(obs, action, reward, obs + action + sign * (0.5 + 0.2 * obs), jnp.zeros(size))


def draw(model, params, world, obs, action, key, size=4000):
    noise = jax.random.normal(key, (size, model.noise_size))
    sample = jax.jit(jax.vmap(lambda eps: model.sample(params, world, jnp.asarray(obs), jnp.asarray(action), eps)))
    next_obs, reward = sample(noise)
    return np.asarray(next_obs), np.asarray(reward)


def test_kl_against_quadrature():
    rng = np.random.default_rng(0)
    mean_q, log_q, mean_p, log_p = rng.normal(0, 0.5, (4, 3))
    grid = np.linspace(-12, 12, 200_001)
    expected = 0.0
    for i in range(3):
        q, p = stats.norm(mean_q[i], np.exp(log_q[i])), stats.norm(mean_p[i], np.exp(log_p[i]))
        expected += np.trapezoid(q.pdf(grid) * (q.logpdf(grid) - p.logpdf(grid)), grid)
    np.testing.assert_allclose(_kl_divergence(mean_q, log_q, mean_p, log_p), expected, rtol=1e-5)


def test_loss_bounds_the_negative_log_likelihood():
    # Importance sampling from the prior estimates log p(y | x); the ELBO must lie below it.
    model, data = CVAE(1, 16, 2, 2), bimodal(jax.random.key(0), 512)
    params, world = fit(model, data, 300, jax.random.key(1))
    batch = jax.tree.map(lambda leaf: leaf[:64], data)
    elbo = -np.mean([model.loss(params, world, batch, jax.random.key(i), 1.0)[0] for i in range(20)])
    x = jnp.concatenate([world.obs.normalize(batch.obs), batch.action], -1)
    y = world.outcome.normalize(outcome_of(batch))
    net = model._net
    mean_p, log_p = net.apply(params, x, method="condition")
    latent = mean_p + jnp.exp(log_p) * jax.random.normal(jax.random.key(2), (20_000, *mean_p.shape))
    mean, log_std = jax.jit(lambda z: net.apply(params, jnp.broadcast_to(x, (*z.shape[:-1], 2)), z, method="decode"))(
        latent
    )
    log_density = stats.norm.logpdf(np.asarray(y), np.asarray(mean), np.exp(np.asarray(log_std))).sum(-1)
    log_likelihood = np.mean(np.logaddexp.reduce(log_density, axis=0) - np.log(len(log_density)))
    assert elbo <= log_likelihood + 0.02
    assert log_likelihood - elbo < 1.0, "after training the bound is not loose"


def test_learns_a_bimodal_transition():
    model, data = CVAE(1, 32, 2, 1), bimodal(jax.random.key(0), 20_000)
    params, world = fit(model, data, 4000, jax.random.key(1), learning_rate=1e-3)
    for obs, action in ((0.5, -0.3), (-0.8, 0.6)):
        next_obs, reward = draw(model, params, world, [obs], [action], jax.random.key(2))
        high, gap = obs + action + 0.5 + 0.2 * obs, 0.5 + 0.2 * obs
        upper = next_obs[:, 0] > obs + action
        assert abs(upper.mean() - 0.7) < 0.1
        assert abs(np.median(next_obs[upper, 0]) - high) < 0.1 * gap
        assert abs(np.median(next_obs[~upper, 0]) - (high - 2 * gap)) < 0.1 * gap
        # The conditional mean has no sample near it: a model that averages would put all of them there.
        assert np.mean(np.abs(next_obs[:, 0] - (obs + action + 0.4 * gap)) < 0.3 * gap) < 0.1
        assert abs(reward.mean() - obs * action) < 0.05
        assert 0.07 < reward.std() < 0.14


@pytest.mark.parametrize("wrt", ["obs", "action"])
def test_sample_gradients_by_finite_differences(wrt):
    with jax.enable_x64(True):
        model, rng = CVAE(3, 8, 2, 2), np.random.default_rng(0)
        params = jax.tree.map(lambda leaf: leaf.astype(jnp.float64), model.init(jax.random.key(0), 2))
        point = {"obs": jnp.asarray(rng.normal(size=3)), "action": jnp.asarray(rng.normal(size=2))}
        noise, step = jnp.asarray(rng.normal(size=model.noise_size)), 1e-6

        def sample(x):
            next_obs, reward = model.sample(params, init_world_stats(3), **(point | {wrt: x}), noise=noise)
            return jnp.concatenate([next_obs, reward[None]])

        jacobian = jax.jacrev(sample)(point[wrt])
        for i, shift in enumerate(step * np.eye(len(point[wrt]))):
            slope = (sample(point[wrt] + shift) - sample(point[wrt] - shift)) / (2 * step)
            np.testing.assert_allclose(jacobian[:, i], slope, atol=1e-7)
