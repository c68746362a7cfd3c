"""Policy evaluation of one kind of critic on a problem given as functions."""

from collections.abc import Callable
from functools import partial

import jax
import jax.numpy as jnp
import optax

from dstjax import nets
from dstjax.agent.critics import Backup, Critic, Net
from dstjax.config import Hyper
from dstjax.types import Array, Key


def fit(
    kind: Critic,
    hyper: Hyper,
    model_fn: Callable,
    draw: Callable[[Key], tuple[Array, Array, Array]],
    *,
    policy_fn: Callable[[Array], Array] = jnp.zeros_like,
    terminated: float = 0.0,
    discount: float = 0.9,
    updates: int = 300,
    batch: int = 32,
) -> Net:
    """The fitted network. `draw(key)` gives an observation, an action and the noise of each latent."""
    obs, action, _ = draw(jax.random.key(0))
    optimizer = optax.adam(optax.linear_schedule(1e-2, 1e-4, updates))

    def loss(params, target_params, key):
        draw_key, latent_key, loss_key = jax.random.split(key, 3)
        obs, action, noise = draw(draw_key)
        backup = Backup(
            model_fn=model_fn, policy_fn=policy_fn, obs=obs, action=action, noise=noise, terminated=terminated,
            discount=discount,
        )  # fmt: skip
        target = kind.target([nets.bind(kind.network, target_params)], backup, kind.latents(latent_key), hyper)
        return kind.loss(nets.bind(kind.network, params), obs, action, target, hyper, loss_key)[0]

    def update(carry, key):
        params, target, state = carry
        over_batch = jax.vmap(loss, in_axes=(None, None, 0))
        grads = jax.grad(lambda p: over_batch(p, target, jax.random.split(key, batch)).mean())(params)
        change, state = optimizer.update(grads, state)
        params = optax.apply_updates(params, change)
        return (params, optax.incremental_update(params, target, 0.05), state), None

    @jax.jit
    def run(key):
        init_key, train_key = jax.random.split(key)
        params = kind.network.init(init_key, obs, action, kind.latents(init_key)[0])
        start = (params, params, optimizer.init(params))
        return jax.lax.scan(update, start, jax.random.split(train_key, updates))[0][0]

    return partial(nets.bind, kind.network)(run(jax.random.key(1)))
