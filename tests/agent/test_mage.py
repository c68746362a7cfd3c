"""MAGE: its loss by hand, and what its gradient term is for."""

import jax
import jax.numpy as jnp
import numpy as np
from agents import numbers
from fits import fit

from dstjax import nets
from dstjax.agent.critics import Backup, Point
from dstjax.envs.probe import PROBES


class ByHand:
    """A critic of two swish units on one observation and one action, its derivatives written out."""

    def __init__(self, params):
        layers = params["params"]["MLP_0"]
        (self.w, self.b), (self.v, self.c) = (
            (np.asarray(layers[name]["kernel"], float), np.asarray(layers[name]["bias"], float))
            for name in ("Dense_0", "Dense_1")
        )

    def __call__(self, s, a):
        z = s * self.w[0] + a * self.w[1] + self.b
        sigmoid = 1.0 / (1.0 + np.exp(-z))
        slope = self.v[:, 0] * sigmoid * (1.0 + z * (1.0 - sigmoid))
        return z * sigmoid @ self.v[:, 0] + self.c[0], slope @ self.w[0], slope @ self.w[1]


def test_the_loss_is_the_hand_computed_one_on_two_units():
    kind = Point(width=2, depth=1, drop=1, gradient="action")
    inputs = jnp.zeros(1), jnp.zeros(1), jnp.zeros(0)
    params = [kind.network.init(jax.random.key(seed), *inputs) for seed in range(3)]
    bound = [nets.bind(kind.network, p) for p in params]
    s, a, gamma, hyper = 0.7, -0.4, 0.9, numbers(gradient_weight=0.5, huber_threshold=1.0)
    model_fn = lambda s, a, noise: (s + 0.5 * a, (3.0 * a**2 + s).sum())  # noqa: E731
    policy_fn = lambda s: -2.0 * s  # noqa: E731
    backup = Backup(
        model_fn=model_fn, policy_fn=policy_fn, obs=jnp.array([s]), action=jnp.array([a]), noise=jnp.zeros((1, 0)),
        terminated=0.0, discount=gamma,
    )  # fmt: skip
    target = kind.target(bound[1:], backup, jnp.zeros((1, 0)), hyper)
    loss, _ = kind.loss(bound[0], jnp.array([s]), jnp.array([a]), target, hyper, jax.random.key(9))

    def huber(x):
        return 0.5 * x**2 if abs(x) < 1 else abs(x) - 0.5

    online, *targets = map(ByHand, params)
    after = s + 0.5 * a
    value, d_obs, d_action = min(critic(after, -2.0 * after) for critic in targets)
    y, dy = 3.0 * a**2 + s + gamma * value, 6.0 * a + gamma * 0.5 * (d_obs - 2.0 * d_action)
    q, _, dq = online(s, a)
    np.testing.assert_allclose(loss, huber(y - q) + 0.5 * 5.0 * huber(dy - dq), rtol=1e-5)


def test_its_gradient_is_nearer_to_the_true_mean_gradient_than_td3s():
    probe, size = PROBES["linear_additive"], {"width": 32, "depth": 2}

    def draw(key):
        obs_key, action_key, noise_key = jax.random.split(key, 3)
        obs, action = (jax.random.uniform(k, (1,), minval=-1.5, maxval=1.5) for k in (obs_key, action_key))
        return obs, action, jax.random.normal(noise_key, (1, probe.noise_size))

    def mean_model(obs, action, noise):
        return probe.step(obs, action, jnp.zeros_like(noise))

    places = [(s, a) for s in (-0.8, 0.0, 0.8) for a in (-0.8, 0.0, 0.8)]
    true = np.array([probe.moments(s, a)["daction_mean"] for s, a in places])
    errors = {}
    for name, gradient, model_fn in (("td3", "none", probe.step), ("mage", "action", mean_model)):
        kind = Point(**size, gradient=gradient)
        net = fit(kind, numbers(), model_fn, draw, policy_fn=probe.policy, discount=probe.discount)
        slope = jax.jit(jax.vmap(jax.grad(lambda s, a, net=net: net(s, a, jnp.zeros(0)), argnums=1)))
        found = slope(*(jnp.asarray(column)[:, None] for column in zip(*places, strict=True)))[:, 0]
        errors[name] = np.sqrt(np.mean((found - true) ** 2) / np.mean(true**2))
    assert errors["mage"] < 0.15, errors
    assert errors["mage"] < 0.5 * errors["td3"], errors
