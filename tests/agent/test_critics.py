"""Kinds of critic on their own: each recovers a law it can be told, and makes its targets as a NumPy loop does."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from agents import numbers
from fits import fit

from dstjax.agent.critics import Backup, Categorical, Generative, Implicit, Point, Quantile
from dstjax.math import cramer2

SIZES = {"width": 32, "depth": 2}
LOW, HIGH, SHARE = -1.0, 2.0, 0.7
"""The return is `HIGH` with probability `SHARE`, else `LOW`, plus the action."""
KINDS = {
    "point": Point(**SIZES),
    "generative": Generative(**SIZES, num_samples=8, noise_dim=2, distance="mmd", unbiased=True),
    "sliced": Generative(**SIZES, num_samples=8, noise_dim=2, distance="sliced", gradient="action"),
    "quantile": Quantile(**SIZES, num_samples=8),
    "implicit": Implicit(**SIZES, num_samples=8, features=16),
    "categorical": Categorical(**SIZES, atoms=31, num_draws=8),
}


def model_fn(obs, action, noise):
    """A coin in the reward; the next observation does not matter."""
    return obs, jnp.where(noise < SHARE, HIGH, LOW) + action[0]


def draw(kind, key):
    """No observation, an action and a coin for each latent."""
    action_key, noise_key = jax.random.split(key)
    action = jax.random.uniform(action_key, (1,), minval=-1.0)
    return jnp.zeros(1), action, jax.random.uniform(noise_key, (kind.num_latents,))


@pytest.mark.parametrize("name", KINDS)
def test_each_kind_recovers_a_law_of_two_points(name):
    kind, hyper = KINDS[name], numbers(huber_threshold=0.1, support_low=-3.0, support_size=6.0)
    net, action = fit(kind, hyper, model_fn, partial(draw, kind), terminated=1.0), jnp.array([0.5])
    latents = kind.latents(jax.random.key(3), (50,))
    ask = lambda part: jax.jit(jax.vmap(lambda latent: part(net, jnp.zeros(1), action, latent, hyper)))(latents)  # noqa: E731
    mean = ask(kind.mean).mean()
    true = SHARE * HIGH + (1 - SHARE) * LOW + 0.5
    if name == "point":  # a Huber loss of small threshold finds the median, one of the points
        assert abs(mean - (HIGH + 0.5)) < 0.2
        return
    assert abs(mean - true) < 0.2
    drawn = ask(kind.samples)
    coins = jnp.repeat(jnp.array([LOW, HIGH]), jnp.array([300, 700]), total_repeat_length=1000) + 0.5
    weight = None if drawn.weight is None else drawn.weight.ravel() / drawn.weight.sum()
    # A point mass at the mean is 0.63 away; eight fixed quantiles can come to 0.01.
    assert cramer2(drawn.value.ravel(), coins, u_weights=weight) < 0.06


def test_categorical_target_is_the_shifted_law_of_smaller_mean():
    kind, hyper = Categorical(width=4, depth=1, atoms=5), numbers(support_low=-1.0, support_size=4.0)
    atoms = np.linspace(-1.0, 3.0, 5)
    nets = [lambda s, a, xi: jnp.log(jnp.array([0.1, 0.2, 0.3, 0.3, 0.1])), lambda s, a, xi: s[0] * jnp.arange(5.0)]
    for scale in (-1.0, 1.0):  # the second law leans to the low or to the high atoms
        step = lambda s, a, noise, scale=scale: (scale * jnp.ones(1), a[0])  # noqa: E731
        backup = Backup(
            model_fn=step, policy_fn=jnp.zeros_like, obs=jnp.zeros(1), action=jnp.array([0.5]), noise=jnp.zeros((1, 0)),
            terminated=0.0, discount=0.5,
        )  # fmt: skip
        target = kind.target(nets, backup, kind.latents(jax.random.key(0)), hyper)
        second = np.exp(scale * np.arange(5)) / np.exp(scale * np.arange(5)).sum()
        expected = second if scale < 0 else [0.1, 0.2, 0.3, 0.3, 0.1]
        np.testing.assert_allclose(target.value, 0.5 + 0.5 * atoms, rtol=1e-6)
        np.testing.assert_allclose(target.weight, expected, rtol=1e-5)


def test_quantile_target_pools_and_truncates_both_critics():
    kind = Quantile(width=4, depth=1, num_samples=3, drop=2)
    nets = [lambda s, a, pick, shift=shift: jnp.array([1.0, 2.0, 4.0]) @ pick + shift for shift in (0.0, 2.5)]
    backup = Backup(
        model_fn=lambda s, a, noise: (s, 10.0), policy_fn=jnp.zeros_like, obs=jnp.zeros(1), action=jnp.zeros(1),
        noise=jnp.zeros((3, 0)), terminated=0.0, discount=0.5,
    )  # fmt: skip
    target = kind.target(nets, backup, kind.latents(jax.random.key(0)), numbers())
    np.testing.assert_allclose(target.value, [10.5, 11.0, 11.75, 12.0])
