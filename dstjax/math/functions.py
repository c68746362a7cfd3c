"""What the Sobolev operators take: models, policies and critics as functions."""

import dataclasses
from collections.abc import Callable
from typing import Any

from dstjax.types import Array

ModelFn = Callable[[Array, Array, Any], tuple[Array, Array]]
"""`(obs [S], action [A], noise) -> (next_obs [S], reward [])`, reparameterised: all randomness is in the noise."""
PolicyFn = Callable[[Array], Array]
"""`obs [S] -> action [A]`."""
ValueFn = Callable[[Array, Array, Array], Array]
"""`(obs [S], action [A], latent [K]) -> []`."""
Terminated = Array | float | Callable[[Array], Array]
"""The indicator of termination, or a function of the sampled next observation that gives it."""


@dataclasses.dataclass(frozen=True)
class Factored:
    r"""A critic whose noise comes late: $Z(s, a, \xi) = h(f(s, a), \xi)$, a `ValueFn`.

    All samples of one transition share the features, and `dstjax.math.sobolev.sobolev_samples` their Jacobian.

    Example:
      >>> critic = Factored(features=lambda s, a: s * a, head=lambda f, xi: (f * xi).sum())
      >>> float(critic(jnp.array([2.0]), jnp.array([3.0]), jnp.array([0.5])))
      3.0

    Attributes:
      features: `f`, `(obs [S], action [A]) -> [F]`.
      head: `h`, `(features [F], latent [K]) -> []`.
    """

    features: Callable[[Array, Array], Array]
    head: Callable[[Array, Array], Array]

    def __call__(self, obs: Array, action: Array, latent: Array) -> Array:
        """The whole critic."""
        return self.head(self.features(obs, action), latent)
