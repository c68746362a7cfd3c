"""Critics as functions: features and head make the whole, and batches of every kind agree with one at a time."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from dstjax import nets
from dstjax.math import Factored

S, A, K = 3, 2, 4
OBS, ACTION = np.random.default_rng(0).normal(size=(2, 5, S)), np.random.default_rng(1).normal(size=(2, 5, A))
NETWORKS = {
    "early": nets.Critic(16, 2),
    "late": nets.LateCritic(16, 2),
    "one layer": nets.LateCritic(16, 1),
    "quantile": nets.QuantileCritic(16, 2),
    "implicit": nets.ImplicitCritic(16, 2, 8),
}


def parameters(network, latents):
    """Of two members."""
    inputs = (jnp.zeros(S), jnp.zeros(A), latents[0])
    return jax.vmap(lambda key: network.init(key, *inputs))(jax.random.split(jax.random.key(0), 2))


@pytest.mark.parametrize("name", NETWORKS)
def test_members_batch_and_samples_are_axes(name):
    network = NETWORKS[name]
    latents = {"quantile": np.eye(6), "implicit": np.linspace(0.1, 0.9, 6)[:, None]}.get(
        name, np.random.default_rng(2).normal(size=(6, K))
    ).astype(np.float32)
    params = parameters(network, latents)

    def samples(params, obs, action):
        critic = nets.bind(network, params, lambda obs: 2 * obs)
        return jax.vmap(lambda latent: critic(obs, action, latent))(jnp.asarray(latents))

    found = jax.jit(jax.vmap(jax.vmap(samples, (None, 0, 0))))(params, np.float32(OBS), np.float32(ACTION))
    one = jax.jit(network.apply)
    for member, point, sample in np.ndindex(2, 5, 6):
        alone = jax.tree.map(lambda leaf, member=member: leaf[member], params)
        inputs = (2 * OBS[member, point], ACTION[member, point], latents[sample])
        expected = one(alone, *map(np.float32, inputs))
        np.testing.assert_allclose(found[member, point, sample], expected, rtol=2e-4, atol=2e-5)


def test_every_quantile_is_picked_many_times_for_many_points_of_one_member():
    """XLA's CPU compiler gives the first quantile throughout where the pick is written as a sum of products."""
    network, latents = NETWORKS["quantile"], np.tile(np.eye(10, dtype=np.float32), (50, 1))
    params = jax.tree.map(lambda leaf: leaf[:1], parameters(network, latents))
    obs = np.random.default_rng(3).normal(size=(24, S)).astype(np.float32)

    def samples(params, obs, latents):
        return jax.vmap(lambda latent: network.apply(params, obs, jnp.zeros(A), latent))(latents)

    over = jax.vmap(jax.vmap(lambda params, obs: samples(params, obs, jnp.asarray(latents)), (None, 0)), (0, None))
    found = np.asarray(jax.jit(over)(params, obs))
    np.testing.assert_array_equal(found, np.tile(found[..., :10], 50))
    assert np.all(np.std(found[..., :10], axis=-1) > 0)


def test_only_late_noise_is_factored_and_its_features_do_not_see_it():
    latents = jnp.ones((1, K))
    for name in ("early", "late"):
        network = NETWORKS[name]
        params = jax.tree.map(lambda leaf: leaf[0], parameters(network, latents))
        critic = nets.bind(network, params)
        assert isinstance(critic, Factored) == (name == "late")
    features = critic.features(jnp.ones(S), jnp.ones(A))
    assert features.shape == (16,)
    values = [critic.head(features, scale * latents[0]) for scale in (0.0, 1.0)]
    assert values[0] != values[1]
    np.testing.assert_allclose(values[1], critic(jnp.ones(S), jnp.ones(A), latents[0]), rtol=1e-6)
