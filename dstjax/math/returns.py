"""Monte-Carlo Sobolev returns through a differentiable simulator, and how far a critic's samples are from them."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

from dstjax.math.checks import check_rank, check_samples
from dstjax.math.kernels import energy
from dstjax.math.line import normalized
from dstjax.math.mmd import mmd2
from dstjax.math.sobolev import PolicyFn, concat
from dstjax.types import Array, SobolevSamples

StepFn = Callable[[Any, Array, Any], tuple[Any, Array, Array, Array]]
"""`(state, action [A], noise) -> (state, obs [S], reward [], terminated [])`, reparameterised."""


def sobolev_returns(
    step_fn: StepFn, policy_fn: PolicyFn, state: Any, action: Array, noise: Any, discount: Array | float
) -> SobolevSamples:
    r"""Samples of the Sobolev return by rolling a simulator out under a policy, from one state and first action.

    $G = \sum_{k<T} \gamma^k r_k \prod_{j<k} (1 - d_j)$ and its total derivative in the first action, by one tangent for
    each action coordinate: the memory does not grow with the horizon.

    Example:
      >>> step = lambda s, a, eps: (s + a, s + a, (s + a).sum(), 0.0)
      >>> truth = sobolev_returns(step, lambda s: 0 * s, jnp.zeros(1), jnp.ones(1), jnp.zeros((3, 2)), 0.5)
      >>> truth.value.tolist(), truth.daction.tolist()
      ([1.5, 1.5, 1.5], [[1.5], [1.5], [1.5]])

    Args:
      step_fn: one step of the simulator; a key is a possible noise.
      policy_fn: acts from the second step on, on the step's observation.
      state: the simulator's state, any pytree.
      action: `[A]`, the first action.
      noise: noise of each step, an array or pytree with leading axes `[N, T]`.
      discount: `gamma`; traced. What lies beyond the horizon `T` is left out: at most `gamma^T max|r| / (1 - gamma)`.

    Returns:
      `N` samples.

    Raises:
      UserError: on a wrong rank.
    """
    check_rank("action", action, "A")

    def rollout(action: Array, noise: Any) -> Array:
        def step(carry: tuple[Any, Array, Array], eps: Any) -> tuple[tuple[Any, Array, Array], Array]:
            state, action, factor = carry
            state, obs, reward, terminated = step_fn(state, action, eps)
            alive = 1.0 - lax.stop_gradient(jnp.asarray(terminated, action.dtype))
            return (state, policy_fn(obs), discount * alive * factor), factor * reward

        first = (state, action, jnp.ones((), action.dtype))
        return lax.scan(step, first, noise)[1].sum()

    def sample(noise: Any) -> tuple[Array, Array]:
        value, push = jax.linearize(lambda a: rollout(a, noise), action)
        return value, jax.vmap(push)(jnp.eye(action.size, dtype=action.dtype))

    return SobolevSamples(*jax.vmap(sample)(noise))


def audit(samples: SobolevSamples, truth: SobolevSamples) -> dict[str, Array]:
    r"""How far a critic's samples at one state and action are from samples of the true Sobolev return.

    Gradients are weighted by $\sigma(G) / \sqrt{\mathbb{E}|\partial_a G|^2}$ of the truth, so that neither part of the
    joint distance drowns the other; distances are relative to the scale of the true return.

    Example:
      >>> truth = SobolevSamples(jnp.array([0.0, 2.0]), jnp.ones((2, 1)))
      >>> found = audit(SobolevSamples(jnp.array([1.0]), 2 * jnp.ones((1, 1))), truth)
      >>> float(found["gradient_error"]), float(found["gradient_cosine"])
      (1.0, 1.0)

    Args:
      samples: `N` samples of the critic, which may be weighted; 1 for a point critic.
      truth: `M` samples of the true return.

    Returns:
      `joint_energy` and `return_energy`, energy distances (squared MMD, not its root) over the standard deviation of
      the true return; `gradient_error`, the relative error of the mean action gradient, and its `gradient_cosine`;
      `calibration`, the largest gap between the distribution functions of the return (Kolmogorov-Smirnov), in `[0, 1]`.

    Raises:
      UserError: on a wrong shape.
    """
    check_samples("samples.daction", samples.daction, truth.daction.shape[1])
    tiny = jnp.finfo(truth.value.dtype).tiny
    scale = jnp.maximum(truth.value.std(), tiny)
    size = jnp.sqrt(jnp.maximum(jnp.square(truth.daction).sum(-1).mean(), tiny))
    x, y = (concat(SobolevSamples(s.value, s.daction), scale / size) for s in (samples, truth))
    weights = normalized(samples.weight, samples.value)
    mean, true_mean = weights @ samples.daction, truth.daction.mean(0)
    norm, true_norm = (jnp.maximum(jnp.linalg.norm(m), tiny) for m in (mean, true_mean))
    grid = jnp.concatenate([samples.value, truth.value])
    share = jnp.where(samples.value <= grid[:, None], weights, 0.0).sum(1)
    true_share = jnp.searchsorted(jnp.sort(truth.value), grid, side="right") / truth.value.size
    return {
        "joint_energy": mmd2(x, y, energy(), x_weights=weights) / scale,
        "return_energy": mmd2(x[:, :1], y[:, :1], energy(), x_weights=weights) / scale,
        "gradient_error": jnp.linalg.norm(mean - true_mean) / true_norm,
        "gradient_cosine": (mean @ true_mean) / (norm * true_norm),
        "calibration": jnp.abs(share - true_share).max(),
    }
