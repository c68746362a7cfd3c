"""How far the Sobolev Bellman operator can stretch a distance between laws of the Sobolev return."""

from typing import Any

import jax.numpy as jnp

from dstjax.math.affine import jacobians, pull
from dstjax.math.sobolev import ModelFn, PolicyFn
from dstjax.types import Array


def contraction_factor(
    model_fn: ModelFn,
    policy_fn: PolicyFn,
    obs: Array,
    action: Array,
    noise: Any,
    discount: Array | float,
    terminated: Array | float = 0.0,
) -> Array:
    r"""Lipschitz constant $\gamma \kappa$ of the affine map from next to present complete Sobolev return.

    The spectral norm of the matrix of `dstjax.math.affine.sobolev_affine`, which is
    $\gamma (1 - d) \max(1, \|[\partial_a s'\ \ \partial_s s']^\top [\partial_s \pi^\top\ \ I]\|)$. Where it stays below
    a constant `c < 1` for all transitions, one application of the operator multiplies by at most `c` the Wasserstein
    distances and the squared max-sliced MMD of the energy and multiquadric kernels. The MMD itself may grow all the
    same: a map that shrinks the coordinates unequally can uncover a difference that wide coordinates hid. The bound is
    sufficient, not necessary: several steps may contract although one need not.

    Costs `S + A` tangents of the model, `S` of the policy and the eigenvalues of one symmetric `[S, S]` matrix. To log
    it, `vmap` over a part of a batch once a chunk: 32 transitions tell on which side of the bound a run is.

    Example:
      >>> float(contraction_factor(
      ...     lambda s, a, eps: (3 * s, s.sum()), lambda s: 0 * s, jnp.ones(1), jnp.ones(1), jnp.zeros(1), 0.5))
      1.5

    Args:
      model_fn: the one-step model.
      policy_fn: the target policy.
      obs: `[S]`.
      action: `[A]`.
      noise: one draw of the model's noise.
      discount: `gamma`; traced.
      terminated: `[]` indicator.

    Returns:
      `[]`.

    Raises:
      UserError: on a wrong rank.
    """
    _, by_input, by_next = jacobians(model_fn, policy_fn, obs, action, noise)
    # Their product P J has rank S. With P'P = LL' its singular values are those of L'J; P'P is at least the identity.
    stretch = jnp.linalg.cholesky(by_next.T @ by_next).T @ by_input
    square = jnp.linalg.eigvalsh(stretch @ stretch.T)[-1]
    return pull(discount, terminated, obs) * jnp.sqrt(jnp.maximum(1.0, square))
