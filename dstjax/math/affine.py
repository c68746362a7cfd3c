"""The Sobolev Bellman target as what it is: an affine map of the next Sobolev return.

`dstjax.math.sobolev` computes the same by differentiating the whole target; here the Jacobians of model and policy are
formed one by one. They also tell how far the operator can stretch a distance: `dstjax.math.contraction`.
"""

from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

from dstjax.math.checks import check_rank
from dstjax.math.sobolev import ModelFn, PolicyFn
from dstjax.types import Array


def sobolev_affine(
    model_fn: ModelFn,
    policy_fn: PolicyFn,
    obs: Array,
    action: Array,
    noise: Any,
    discount: Array | float,
    terminated: Array | float,
) -> tuple[Array, Array]:
    r"""Offset and matrix of the map from next to present Sobolev return, `z = offset + matrix @ z'`.

    With $(s', r) = g(s, a, \varepsilon)$, $\Pi = \partial_s \pi(s')$ and $\alpha = \gamma (1 - d)$:
    $G = r + \alpha G'$ and
    $\partial_a G = \partial_a r + \alpha (\partial_a s')^\top (\partial_s G' + \Pi^\top \partial_a G')$, likewise with
    $\partial_s$ for the observation. Coordinates in the order of `dstjax.math.sobolev.concat`.

    Example:
      >>> model = lambda s, a, eps: (2 * s + 3 * a, s @ a)
      >>> args = jnp.ones(1), 5 * jnp.ones(1), jnp.zeros(1), 0.5, 0.0
      >>> offset, matrix = jax.jit(partial(sobolev_affine, model, jnp.negative))(*args)
      >>> offset.tolist(), matrix.tolist()
      ([5.0, 1.0, 5.0], [[0.5, 0.0, 0.0], [0.0, -1.5, 1.5], [0.0, -1.0, 1.0]])

    Args:
      model_fn: the one-step model `g`.
      policy_fn: the target policy.
      obs: `[S]`.
      action: `[A]`.
      noise: one draw of the model's noise.
      discount: `gamma`; traced.
      terminated: `[]` indicator.

    Returns:
      `offset [D]` and `matrix [D, D]` with `D = 1 + A + S`; the first `1 + A` rows are the action-only target.

    Raises:
      UserError: on a wrong rank.
    """
    offset, by_input, by_next = jacobians(model_fn, policy_fn, obs, action, noise)
    matrix = jax.scipy.linalg.block_diag(jnp.ones((1, 1), obs.dtype), (by_next @ by_input).T)
    return offset, pull(discount, terminated, obs) * matrix


def jacobians(
    model_fn: ModelFn, policy_fn: PolicyFn, obs: Array, action: Array, noise: Any
) -> tuple[Array, Array, Array]:
    r"""What the affine map is made of: derivatives of model and policy at one transition.

    Example:
      >>> model = lambda s, a, eps: (2 * s + 3 * a, s @ a)
      >>> parts = jax.jit(partial(jacobians, model, jnp.negative))(jnp.ones(1), 5 * jnp.ones(1), jnp.zeros(1))
      >>> [part.tolist() for part in parts]
      [[5.0, 1.0, 5.0], [[3.0, 2.0]], [[-1.0], [1.0]]]

    Args:
      model_fn: the one-step model.
      policy_fn: the target policy.
      obs: `[S]`.
      action: `[A]`.
      noise: one draw of the model's noise.

    Returns:
      Reward and its gradients in action and observation, `[1 + A + S]`; the Jacobian of the next observation in action
      and observation, `[S, A + S]`; that of next action and next observation in the next observation, `[A + S, S]`.

    Raises:
      UserError: on a wrong rank.
    """
    check_rank("obs", obs, "S")
    check_rank("action", action, "A")
    next_obs, reward = model_fn(obs, action, noise)
    by_input, reward_gradients = jax.jacfwd(lambda s, a: model_fn(s, a, noise), (0, 1))(obs, action)
    rewards = jnp.concatenate([reward[None], *reward_gradients[::-1]])
    # A change of s' moves the next return through the next action and directly.
    by_next = jnp.concatenate([jax.jacfwd(policy_fn)(next_obs), jnp.eye(next_obs.size, dtype=obs.dtype)])
    return rewards, jnp.concatenate(by_input[::-1], axis=1), by_next


def pull(discount: Array | float, terminated: Array | float, obs: Array) -> Array:
    """Factor of the next return, `gamma (1 - d)`; the termination `d` carries no gradient.

    Example:
      >>> float(pull(0.5, 0.0, jnp.zeros(2)))
      0.5

    Args:
      discount: `gamma`.
      terminated: `[]` indicator.
      obs: gives the type.

    Returns:
      `[]`.
    """
    return discount * (1.0 - lax.stop_gradient(jnp.asarray(terminated, obs.dtype)))
