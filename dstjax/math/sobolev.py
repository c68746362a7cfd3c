"""Samples of the Sobolev return `(G, dG/da)`, or `(G, dG/da, dG/ds)`, and their Bellman targets, by autodiff."""

from collections.abc import Callable, Sequence
from functools import partial, reduce
from operator import add, itemgetter
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

from dstjax.math.checks import check_count, check_float, check_rank
from dstjax.math.functions import Factored, ModelFn, PolicyFn, Terminated, ValueFn
from dstjax.types import Array, SobolevSamples

__all__ = [
    "ModelFn",
    "PolicyFn",
    "Terminated",
    "ValueFn",
    "concat",
    "sobolev_samples",
    "sobolev_target",
]


def sobolev_samples(
    value_fn: ValueFn, obs: Array, action: Array, latents: Array, *, complete: bool = False
) -> SobolevSamples:
    r"""Samples $(Z(s, a, \xi_i),\ \partial_a Z(s, a, \xi_i))$ of a generative critic's Sobolev return.

    Example:
      >>> samples = sobolev_samples(lambda s, a, xi: s @ a + xi[0], jnp.ones(2), 3 * jnp.ones(2), jnp.zeros((5, 1)))
      >>> samples.value[0].item(), samples.daction[0].tolist()
      (6.0, [1.0, 1.0])

    Of a `Factored` critic, the Jacobian of the features is formed once for all samples, where that is cheaper than a
    pull-back for each: with fewer input coordinates than samples.

    Args:
      value_fn: the critic, one scalar.
      obs: `[S]`.
      action: `[A]`.
      latents: `[N, K]` critic noise.
      complete: whether to also take the gradient in the observation.

    Returns:
      Samples with `value [N]`, `daction [N, A]` and, if complete, `dobs [N, S]`; differentiable in what `value_fn`
      closes over.

    Raises:
      UserError: on a wrong rank or an integer type.
    """
    _check_point(obs, action, latents)
    if isinstance(value_fn, Factored) and action.size + complete * obs.size < len(latents):
        features, by_input = _jacobian(value_fn.features, obs, action, complete)
        value, slopes = jax.vmap(jax.value_and_grad(value_fn.head), (None, 0))(features, latents)
        gradients = [slopes @ jacobian for jacobian in by_input]
    else:
        sample = jax.value_and_grad(value_fn, (1, 0) if complete else (1,))
        value, gradients = jax.vmap(sample, in_axes=(None, None, 0))(obs, action, latents)
    return SobolevSamples(value, gradients[0], gradients[1] if complete else None)


def _jacobian(
    features_fn: Callable[[Array, Array], Array], obs: Array, action: Array, complete: bool
) -> tuple[Array, list[Array]]:
    """Features `[F]`, and their Jacobians `[F, A]` and, if complete, `[F, S]`, by one tangent per coordinate."""
    inputs = (action, obs) if complete else (action,)
    features, push = jax.linearize(lambda a, s=obs: features_fn(s, a), *inputs)
    basis = jnp.eye(sum(x.size for x in inputs), dtype=action.dtype)
    tangents = jax.vmap(lambda row: push(*jnp.split(row, [action.size])[: len(inputs)]))(basis)
    return features, [part.T for part in jnp.split(tangents, [action.size])[: len(inputs)]]


def sobolev_target(
    model_fn: ModelFn,
    policy_fn: PolicyFn,
    value_fn: ValueFn | Sequence[ValueFn],
    obs: Array,
    action: Array,
    noise: Any,
    latents: Array,
    discount: Array | float,
    terminated: Terminated,
    *,
    complete: bool = False,
    num_steps: int = 1,
) -> SobolevSamples:
    r"""Samples of the Sobolev Bellman target, by autodiff.

    With $(s', r) = g(s, a, \varepsilon_i)$, a sample is $y = r + \gamma (1 - d)\, Z(s', \pi(s'), \xi_i)$ together with
    its *total* derivative $\mathrm{d}y / \mathrm{d}a$: through the reward, the next observation, the policy and the
    critic. The termination `d` carries no gradient. `dstjax.math.affine` has the same target in explicit form. For
    `n > 1` steps, the model runs on under the policy and the critic follows the last of `n` discounted rewards.

    Example:
      >>> target = sobolev_target(
      ...     model_fn=lambda s, a, eps: (s + a + eps, -(a @ a)),
      ...     policy_fn=lambda s: -s,
      ...     value_fn=lambda s, a, xi: s.sum() + 2 * a.sum(),
      ...     obs=jnp.zeros(1), action=jnp.ones(1), noise=jnp.zeros((1, 1)), latents=jnp.zeros((1, 0)),
      ...     discount=0.5, terminated=0.0)
      >>> target.value.tolist(), target.daction.tolist()
      ([-1.5], [[-2.5]])

    Args:
      model_fn: the one-step model `g`.
      policy_fn: the target policy; it acts from the second step on.
      value_fn: the target critic, or a sequence of `C` critics that then share each model sample.
      obs: `[S]`.
      action: `[A]`, the first action.
      noise: the model's noise: an array or pytree with leading axis `N`, or `[N, n]` for `n > 1`.
      latents: `[N, K]` critic noise.
      discount: `gamma`; traced.
      terminated: an indicator that broadcasts to `[N]`, or to `[N, n]` for `n > 1`; or a function that gives it for a
        sampled next observation.
      complete: whether to also take the gradient in the observation.
      num_steps: `n`.

    Returns:
      `N` samples, or `N * C` pooled ones, without any gradient of their own.

    Raises:
      UserError: on a wrong rank, an integer type or no step.
    """
    _check_point(obs, action, latents)
    check_count("num_steps", num_steps, 1)

    critics = value_fn if isinstance(value_fn, Sequence) else (value_fn,)
    inputs = (action, obs) if complete else (action,)

    def path(noise: Any, ends: Array, action: Array, obs: Array = obs) -> tuple[tuple[Array, Array, Array], Array]:
        """Discounted rewards, and where the critic takes over; beside them its factor, which has no gradient."""
        total, factor = jnp.zeros((), obs.dtype), jnp.ones((), obs.dtype)
        for k in range(num_steps):
            step_noise = noise if num_steps == 1 else jax.tree.map(itemgetter(k), noise)
            obs, reward = model_fn(obs, action, step_noise)
            total += factor * reward
            end = terminated(obs) if callable(terminated) else ends[k]
            factor *= discount * (1.0 - lax.stop_gradient(end))
            action = policy_fn(obs)
        return (total, obs, action), factor

    def sample(noise: Any, latent: Array, ends: Array) -> tuple[Array, tuple[Array, ...]]:
        (total, last_obs, last_action), pull, factor = _linearize(partial(path, noise, ends), inputs)
        heads = [jax.value_and_grad(critic, (0, 1))(last_obs, last_action, latent) for critic in critics]
        values, slopes = jax.tree.map(lambda *leaves: jnp.stack(leaves), *heads)
        # The chain rule at the seam: path and critics are differentiated apart, the path once for all critics.
        gradients = jax.vmap(lambda slope: pull((jnp.ones_like(total), *(factor * part for part in slope))))(slopes)
        return total + factor * values, gradients

    ends = jnp.zeros(()) if callable(terminated) else jnp.asarray(terminated)
    ends = ends[..., None] if num_steps == 1 else ends
    ends = jnp.broadcast_to(ends.astype(obs.dtype), (latents.shape[0], num_steps))
    value, gradients = jax.vmap(sample)(noise, latents, ends)
    pooled = (part.reshape(-1, part.shape[-1]) for part in gradients)
    return lax.stop_gradient(SobolevSamples(value.reshape(-1), *pooled))


def _linearize(path: Callable[..., Any], inputs: tuple[Array, ...]) -> tuple[Any, Callable[..., Any], Any]:
    """A path's outputs, its pull-back and its auxiliary output.

    Up to two input coordinates, one tangent each is cheaper than a pull-back for every critic; what does not depend on
    the noise, such as a model's prior, is then differentiated once for all samples of a transition.
    """
    if sum(x.size for x in inputs) > 2:
        return jax.vjp(path, *inputs, has_aux=True)
    outputs, push, aux = jax.linearize(path, *inputs, has_aux=True)
    tangents = [jnp.eye(x.size, dtype=x.dtype) for x in inputs]
    zeros = [jnp.zeros_like(t) for t in tangents]
    columns = [jax.vmap(push)(*zeros[:i], tangents[i], *zeros[i + 1 :]) for i in range(len(inputs))]

    def pull(cotangent: Any) -> tuple[Array, ...]:
        def row(jacobian: Any) -> Array:
            return reduce(add, (jnp.tensordot(j, c, c.ndim) for j, c in zip(jacobian, cotangent, strict=True)))

        return tuple(row(jacobian) for jacobian in columns)

    return outputs, pull, aux


def concat(samples: SobolevSamples, daction_weight: Array | float = 1.0, dobs_weight: Array | float = 1.0) -> Array:
    """The feature vectors that the distances compare: return, then weighted action and observation gradients.

    Example:
      >>> concat(SobolevSamples(jnp.array([3.0]), jnp.array([[1.0, 2.0]])), 0.5).tolist()
      [[3.0, 0.5, 1.0]]

    Args:
      samples: `N` samples.
      daction_weight: factor of the action gradients, `[]` or `[A]`; traced, 1 is plain concatenation.
      dobs_weight: factor of the observation gradients, `[]` or `[S]`; traced, without effect where there are none.

    Returns:
      `[N, 1 + A]`, or `[N, 1 + A + S]` for complete samples.
    """
    parts = [samples.value[:, None], daction_weight * samples.daction]
    if samples.dobs is not None:
        parts.append(dobs_weight * samples.dobs)
    return jnp.concatenate(parts, axis=-1)


def _check_point(obs: Array, action: Array, latents: Array) -> None:
    for name, array, axes in (("obs", obs, "S"), ("action", action, "A"), ("latents", latents, "NK")):
        check_rank(name, array, axes)
        check_float(name, array)
