"""The networks: one multilayer perceptron, and the actor and critics made of it.

All take unbatched inputs and are `vmap`ped at the call site; a batch axis in front works as well. The Sobolev loss
differentiates a critic's input gradient, so hidden activations are smooth (swish; Ramachandran et al., 2017).
"""

from collections.abc import Callable
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp

from dstjax.math.functions import Factored, ValueFn
from dstjax.types import Array, Key, Params


class MLP(nn.Module):
    """`depth` swish layers of `width` units and a linear output layer.

    Attributes:
      width: hidden units per layer.
      depth: number of hidden layers.
      out: number of outputs.
      out_scale: variance scale of the output layer's initial weights.
    """

    width: int
    depth: int
    out: int
    out_scale: float = 1.0

    @nn.compact
    def __call__(self, x: Array) -> Array:
        """`[..., D]` to `[..., out]`."""
        for _ in range(self.depth):
            x = nn.swish(nn.Dense(self.width)(x))
        init = nn.initializers.variance_scaling(self.out_scale, "fan_in", "truncated_normal")
        return nn.Dense(self.out, kernel_init=init)(x)


class Actor(nn.Module):
    """Deterministic policy: normalised observation `[S]` to action `[A]` in `(-1, 1)`.

    The output layer starts near zero, so that the first actions are far from the flat ends of tanh.
    """

    action_size: int
    width: int
    depth: int

    @nn.compact
    def __call__(self, obs: Array) -> Array:
        """`[..., S]` to `[..., A]`."""
        return jnp.tanh(MLP(self.width, self.depth, self.action_size, out_scale=1e-2)(obs))


class Critic(nn.Module):
    """Generative critic `Z(s, a, xi)`: one sample of the return for each draw of `xi ~ N(0, I_K)`.

    With `K = 0` it is a point critic `Q(s, a)`.
    """

    width: int
    depth: int

    @nn.compact
    def __call__(self, obs: Array, action: Array, latent: Array) -> Array:
        """`[..., S]`, `[..., A]`, `[..., K]` to `[...]`."""
        return MLP(self.width, self.depth, 1)(jnp.concatenate([obs, action, latent], axis=-1))[..., 0]


class LateCritic(nn.Module):
    """Generative critic whose noise enters its last hidden layer: what comes before runs once for all samples.

    With the features `f(s, a)` of that layer's input, a sample is linear in `swish(f (1 + U xi) + V xi)`: the noise
    shifts and scales each unit, as features are modulated in FiLM (Perez et al., 2018).
    """

    width: int
    depth: int

    def setup(self) -> None:
        """Name the layers: `features` and `head` share them with `__call__`."""
        self.trunk = MLP(self.width, self.depth - 1, self.width)
        self.modulation = nn.Dense(2 * self.width, use_bias=False)
        self.out = nn.Dense(1)

    def features(self, obs: Array, action: Array) -> Array:
        """`[..., S]`, `[..., A]` to `[..., width]`, the same for all noise."""
        return self.trunk(jnp.concatenate([obs, action], axis=-1))

    def head(self, features: Array, latent: Array) -> Array:
        """`[..., width]`, `[..., K]` to `[...]`."""
        scale, shift = jnp.split(self.modulation(latent), 2, axis=-1)
        return self.out(nn.swish(features * (1.0 + scale) + shift))[..., 0]

    def __call__(self, obs: Array, action: Array, latent: Array) -> Array:
        """`[..., S]`, `[..., A]`, `[..., K]` to `[...]`."""
        return self.head(self.features(obs, action), latent)


class QuantileCritic(nn.Module):
    """Quantiles of the return at fixed levels: one output per level, of which a one-hot latent picks one."""

    width: int
    depth: int

    @nn.compact
    def __call__(self, obs: Array, action: Array, latent: Array) -> Array:
        """`[..., S]`, `[..., A]`, `[..., N]` to `[...]`."""
        quantiles = MLP(self.width, self.depth, latent.shape[-1])(jnp.concatenate([obs, action], axis=-1))
        # As a dot: XLA's CPU compiler gets the sum of products with a constant one-hot wrong under several vmaps.
        return jnp.vecdot(quantiles, latent)


class ImplicitCritic(nn.Module):
    """The return's quantile at any level (IQN; Dabney et al., 2018).

    The first layer's output is multiplied by an embedding of the level, made of its cosines, so that this layer runs
    once for all levels.
    """

    width: int
    depth: int
    features: int

    @nn.compact
    def __call__(self, obs: Array, action: Array, latent: Array) -> Array:
        """`[..., S]`, `[..., A]` and a level `[..., 1]` in `(0, 1)` to `[...]`."""
        cosines = jnp.cos(jnp.pi * jnp.arange(self.features) * latent)
        trunk = nn.swish(nn.Dense(self.width)(jnp.concatenate([obs, action], axis=-1)))
        mixed = trunk * nn.swish(nn.Dense(self.width)(cosines))
        return MLP(self.width, self.depth - 1, 1)(mixed)[..., 0]


class CategoricalCritic(nn.Module):
    """Logits of a categorical law of the return over fixed atoms (C51; Bellemare et al., 2017)."""

    width: int
    depth: int
    atoms: int

    @nn.compact
    def __call__(self, obs: Array, action: Array, latent: Array) -> Array:
        """`[..., S]`, `[..., A]` to `[..., atoms]`; takes no latent."""
        del latent
        return MLP(self.width, self.depth, self.atoms)(jnp.concatenate([obs, action], axis=-1))


def apply(module: nn.Module, params: Params, *inputs: Array, method: str | None = None) -> Any:
    """`module.apply`, for networks without mutable state.

    Args:
      module: the network.
      params: its parameters.
      *inputs: its inputs.
      method: another method of it than `__call__`.

    Returns:
      Its outputs.
    """
    return module.apply(params, *inputs, method=method)


def bind(module: nn.Module, params: Params, normalize: Callable[[Array], Array] = lambda obs: obs) -> ValueFn:
    """A critic as a function, its parameters bound.

    Args:
      module: the network.
      params: its parameters.
      normalize: takes an observation in task units to the network's input.

    Returns:
      `(obs [S], action [A], latent [K])` to its output; a `Factored` one where its noise comes late.
    """
    if isinstance(module, LateCritic):
        return Factored(
            features=lambda obs, action: apply(module, params, normalize(obs), action, method="features"),
            head=lambda features, latent: apply(module, params, features, latent, method="head"),
        )
    return lambda obs, action, latent: apply(module, params, normalize(obs), action, latent)


def init_ensemble(module: nn.Module, size: int, key: Key, *inputs: Array) -> Params:
    """Initialise `size` members of a network with independent weights.

    Args:
      module: the network.
      size: number of members.
      key: consumed.
      *inputs: example inputs.

    Returns:
      Parameters with a leading axis of length `size` on every leaf.
    """
    return jax.vmap(lambda k: module.init(k, *inputs))(jax.random.split(key, size))
