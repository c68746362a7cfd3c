"""Samples of the Sobolev return `(G, dG/da)`, or `(G, dG/ds, dG/da)`, and their Bellman targets, by autodiff."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jax import lax

from dstjax.types import Array, SobolevSamples

ModelFn = Callable[[Array, Array, Array], tuple[Array, Array]]
"""`(obs [S], action [A], noise) -> (next_obs [S], reward [])`, reparameterised: all randomness is in the noise."""
PolicyFn = Callable[[Array], Array]
"""`obs [S] -> action [A]`."""
ValueFn = Callable[[Array, Array, Array], Array]
"""`(obs [S], action [A], latent [K]) -> []`, or `[C]` for `C` critics at once."""


def sobolev_samples(
    value_fn: ValueFn, obs: Array, action: Array, latents: Array, *, complete: bool = False
) -> SobolevSamples:
    r"""Samples $(Z(s, a, \xi_i),\ \partial_a Z(s, a, \xi_i))$ of a generative critic's Sobolev return.

    Args:
      value_fn: the critic, one scalar.
      obs: `[S]`.
      action: `[A]`.
      latents: `[N, K]` critic noise.
      complete: whether to also take the gradient in the observation.

    Returns:
      Samples with `value [N]`, `daction [N, A]` and, if complete, `dobs [N, S]`; differentiable in what `value_fn`
      closes over.
    """
    argnums = (1, 0) if complete else (1,)
    sample = jax.value_and_grad(value_fn, argnums)
    value, gradients = jax.vmap(lambda latent: sample(obs, action, latent))(latents)
    return SobolevSamples(value, *gradients)


def sobolev_target(
    model_fn: ModelFn,
    policy_fn: PolicyFn,
    value_fn: ValueFn,
    obs: Array,
    action: Array,
    noise: Array,
    latents: Array,
    discount: Array | float,
    terminated: Array | float | Callable[[Array], Array],
    *,
    complete: bool = False,
) -> SobolevSamples:
    r"""Samples of the Sobolev Bellman target, by autodiff.

    With $(s', r) = g(s, a, \varepsilon_i)$, a sample is
    $y = r + \gamma (1 - d)\, Z(s', \pi(s'), \xi_i)$ together with its *total* derivative $\mathrm{d}y / \mathrm{d}a$:
    through the reward, the next observation, the policy and the critic. The termination `d` carries no gradient.

    Args:
      model_fn: the one-step model `g`.
      policy_fn: the target policy.
      value_fn: the target critic, or `C` critics that then share each model sample.
      obs: `[S]`.
      action: `[A]`.
      noise: the model's noise: an array or pytree with leading axis `N`.
      latents: `[N, K]` critic noise.
      discount: `gamma`; traced.
      terminated: `[]` or `[N]` indicator, or a function of the sampled next observation that gives it.
      complete: whether to also take the gradient in the observation.

    Returns:
      `N` samples, or `N * C` pooled ones, without any gradient of their own.
    """

    def target(obs: Array, action: Array, noise: Array, latent: Array, end: Array | None) -> Array:
        next_obs, reward = model_fn(obs, action, noise)
        done = terminated(next_obs) if callable(terminated) else end
        alive = 1.0 - lax.stop_gradient(jnp.asarray(done, next_obs.dtype))
        return reward + discount * alive * value_fn(next_obs, policy_fn(next_obs), latent)

    def sample(noise: Array, latent: Array, end: Array | None) -> tuple[Array, ...]:
        value, pullback = jax.vjp(lambda s, a: target(s, a, noise, latent, end), obs, action)
        # One pull-back for each critic; the forward pass is shared.
        basis = jnp.eye(value.size, dtype=value.dtype).reshape(-1, *value.shape)
        dobs, daction = jax.vmap(pullback)(basis)
        return value.reshape(-1), daction, dobs

    ends = None if callable(terminated) else jnp.broadcast_to(jnp.asarray(terminated), latents.shape[:1])
    value, daction, dobs = jax.vmap(sample)(noise, latents, ends)
    pooled = (value.reshape(-1), daction.reshape(-1, action.shape[-1]), dobs.reshape(-1, obs.shape[-1]))
    return lax.stop_gradient(SobolevSamples(*pooled[: 3 if complete else 2]))


def truncate(samples: SobolevSamples, drop: int) -> SobolevSamples:
    """Drop the largest pooled returns, each with its gradients (TQC; Kuznetsov et al., 2020).

    With one sample of each of two point critics and `drop=1` this is TD3's minimum of two.

    Args:
      samples: `N` samples.
      drop: how many to drop, static, below `N`.

    Returns:
      The `N - drop` samples of smallest return, in ascending order of it.
    """
    order = jnp.argsort(samples.value)[: samples.value.shape[0] - drop]
    return jax.tree.map(lambda leaf: leaf[order], samples)


def concat(samples: SobolevSamples, gradient_weight: Array | float) -> Array:
    """The feature vectors that the distances compare: return, then weighted action and observation gradients.

    Args:
      samples: `N` samples.
      gradient_weight: factor of the gradient coordinates; traced, 1 is plain concatenation.

    Returns:
      `[N, 1 + A]`, or `[N, 1 + A + S]` for complete samples.
    """
    gradients = [samples.daction] if samples.dobs is None else [samples.daction, samples.dobs]
    return jnp.concatenate([samples.value[:, None], *(gradient_weight * part for part in gradients)], axis=-1)
