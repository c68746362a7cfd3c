"""Losses of whole agents against NumPy loops in float64 over the networks' outputs."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from agents import actor_loss, critic_loss, init_learner, numbers, random_batch, small_agent, targets

B = 8


def mlp(params, x):
    """The network in NumPy: swish layers, linear output."""
    layers = params["params"]["MLP_0"]
    for i in range(len(layers)):
        layer = layers[f"Dense_{i}"]
        x = x @ np.asarray(layer["kernel"], np.float64) + np.asarray(layer["bias"], np.float64)
        x = x / (1.0 + np.exp(-x)) if i < len(layers) - 1 else x
    return x


def pick(tree, index):
    return jax.tree.map(lambda leaf: np.asarray(leaf)[index], tree)


def test_td3_loss_is_the_huber_loss_to_the_minimum_of_two():
    agent = small_agent(method="td3")
    learner = init_learner(agent, jax.random.key(0))
    batch, hyper = random_batch(agent, jax.random.key(1), B), numbers(smoothing_std=0.0)
    target = targets(agent, learner, batch, hyper, jax.random.key(2))
    loss = critic_loss(agent, learner, learner.params.critic, batch, target, hyper, jax.random.key(3))

    expected, critics = 0.0, [pick(learner.params.critic, i) for i in range(2)]
    for i in range(B):
        next_action = np.tanh(mlp(learner.target_actor, np.asarray(batch.next_obs[i])))
        q = min(mlp(c, np.concatenate([batch.next_obs[i], next_action]))[0] for c in critics)
        y = batch.reward[i] + 0.99 * (1 - batch.terminated[i]) * q
        np.testing.assert_allclose(target.value[i], [y], rtol=1e-4, atol=1e-5)
        for c in critics:
            error = abs(mlp(c, np.concatenate([batch.obs[i], batch.action[i]]))[0] - y)
            expected += (0.5 * error**2 if error < 1 else error - 0.5) / B
    np.testing.assert_allclose(loss, expected, rtol=1e-4)


def test_smoothing_noise_is_clipped_and_moves_only_the_target_action():
    agent = small_agent(method="td3")
    learner, batch = init_learner(agent, jax.random.key(0)), random_batch(agent, jax.random.key(1), B)
    plain = targets(agent, learner, batch, numbers(smoothing_std=0.0), jax.random.key(2)).value
    clipped = targets(agent, learner, batch, numbers(smoothing_clip=0.0), jax.random.key(2)).value
    noisy = targets(agent, learner, batch, numbers(), jax.random.key(2)).value
    np.testing.assert_array_equal(plain, clipped)
    alive = np.asarray(batch.terminated) == 0
    assert (plain != noisy)[alive].all()
    np.testing.assert_array_equal(plain[~alive], noisy[~alive])


def test_target_gradients_are_the_values_derivatives_by_finite_differences():
    with jax.enable_x64(True):
        agent = small_agent(method="dst", drop_share=0.4)
        learner, batch = init_learner(agent, jax.random.key(0)), random_batch(agent, jax.random.key(1), B)
        hyper = jax.tree.map(lambda x: jnp.asarray(x, jnp.float64), numbers())
        kept, step = targets(agent, learner, batch, hyper, jax.random.key(2)), 1e-5
        assert kept.value.shape == (B, 2 * 4 - 3)
        assert (np.diff(kept.value, axis=1) >= 0).all()
        for a in range(agent.env.action_size):
            shift = step * jnp.eye(agent.env.action_size)[a]
            moved = [batch.replace(action=batch.action + sign * shift) for sign in (1, -1)]
            up, down = (targets(agent, learner, b, hyper, jax.random.key(2)) for b in moved)
            np.testing.assert_allclose(kept.daction[..., a], (up.value - down.value) / (2 * step), atol=1e-6)


@pytest.mark.parametrize("method", ["dst", "td3", "mage"])
def test_actor_ascends_the_first_critics_mean_or_the_minimum(method):
    agent = small_agent(method=method)
    learner = init_learner(agent, jax.random.key(0))
    batch, key = random_batch(agent, jax.random.key(1), B), jax.random.key(2)
    loss = actor_loss(agent, learner, learner.params.actor, batch, numbers(), key)
    latents = np.asarray(agent.critic.latents(key, (B,)))
    actions = [np.tanh(mlp(learner.params.actor, np.asarray(obs))) for obs in batch.obs]

    def mean(index, i):
        critic = pick(learner.params.critic, index)
        return np.mean([mlp(critic, np.concatenate([batch.obs[i], actions[i], latent])) for latent in latents[i]])

    values = [min(mean(k, i) for k in range(2 if method == "mage" else 1)) for i in range(B)]
    np.testing.assert_allclose(loss, -np.mean(values), rtol=1e-4)


def test_gradient_weight_zero_leaves_only_the_returns():
    agent, values_only = small_agent(method="dst-mmd"), small_agent(method="mmd")
    learner, batch = init_learner(agent, jax.random.key(0)), random_batch(agent, jax.random.key(1), B)
    target = targets(agent, learner, batch, numbers(), jax.random.key(2))
    returns, rest = target.replace(daction=target.daction[..., :0]), (numbers(gradient_weight=0.0), jax.random.key(3))
    with_zero = critic_loss(agent, learner, learner.params.critic, batch, target, *rest)
    without = critic_loss(values_only, learner, learner.params.critic, batch, returns, *rest)
    np.testing.assert_allclose(with_zero, without, rtol=1e-5)


@pytest.mark.parametrize(
    ("weight", "own", "other"), [("gradient_weight", "daction", "dobs"), ("dobs_weight", "dobs", "daction")]
)
def test_each_gradient_has_a_weight_of_its_own(weight, own, other):
    agent = small_agent(method="dst-complete")
    learner, batch = init_learner(agent, jax.random.key(0)), random_batch(agent, jax.random.key(1), B)
    target = targets(agent, learner, batch, numbers(), jax.random.key(2))

    def loss(*moved):
        changed = target.replace(**{name: getattr(target, name) + 1.0 for name in moved})
        args = (changed, numbers(**{weight: 0.0}), jax.random.key(3))
        return critic_loss(agent, learner, learner.params.critic, batch, *args)

    assert loss(own) == loss()
    assert loss(other) != loss()
