"""What every kind of critic offers, and what those share whose network gives one return per latent."""

import dataclasses
from collections.abc import Callable, Sequence
from typing import Literal, Protocol

import flax.linen as nn
import jax

from dstjax.config import Hyper
from dstjax.math.pessimism import least_mean, truncate
from dstjax.math.sobolev import ModelFn, PolicyFn, Terminated, sobolev_samples, sobolev_target
from dstjax.types import Array, Key, SobolevSamples

Net = Callable[[Array, Array, Array], Array]
"""A critic's network with its parameters bound: `obs [S]`, `action [A]`, `latent [K]` to its output."""

Gradient = Literal["none", "action", "complete"]
"""Which gradients a sample carries beside the return."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Backup:
    """What the Bellman target of one transition is made of, beside the critics and their latents.

    Attributes:
      model_fn: makes the outcome `(next_obs, reward)` of each row of `noise`.
      policy_fn: the target policy.
      obs: `[S]`.
      action: `[A]`.
      noise: `[N, ...]`, the model's, a row per latent.
      terminated: the indicator of termination, or a function of the next observation that gives it.
      discount: of the bootstrap.
    """

    model_fn: ModelFn
    policy_fn: PolicyFn
    obs: Array
    action: Array
    noise: Array
    terminated: Terminated
    discount: Array | float


class Critic(Protocol):
    """A kind of critic. Everything takes one transition; `vmap` at the call site."""

    @property
    def network(self) -> nn.Module:
        """Definition of the network, `(obs, action, latent)` to its output."""

    @property
    def num_latents(self) -> int:
        """Latents per transition, `N`; each also takes one sample of the next state."""

    def latents(self, key: Key, shape: tuple[int, ...] = ()) -> Array:
        """`[*shape, N, K]` what samples are drawn from; consumes `key`."""

    def samples(self, net: Net, obs: Array, action: Array, latents: Array, hyper: Hyper) -> SobolevSamples:
        """Samples of the return at `obs [S]`, `action [A]`, with the gradients that the loss uses."""

    def mean(self, net: Net, obs: Array, action: Array, latents: Array, hyper: Hyper) -> Array:
        """`[]` the mean return, differentiable in everything: what an actor ascends."""

    def target(self, critics: Sequence[Net], backup: Backup, latents: Array, hyper: Hyper) -> SobolevSamples:
        """Samples of the Bellman target from the target critics, without gradient of their own.

        The kind's rule against over-estimation is applied.
        """

    def loss(
        self, net: Net, obs: Array, action: Array, target: SobolevSamples, hyper: Hyper, key: Key
    ) -> tuple[Array, SobolevSamples]:
        """The loss `[]` to the target's samples, and the critic's own that went into it; consumes `key`."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Sampled:
    """What critics have in common whose network gives one return per latent.

    Attributes:
      width: hidden units per layer.
      depth: hidden layers.
      num_samples: samples of the return per transition, `N`.
      drop: largest of the critics' pooled target samples that are dropped (TQC; Kuznetsov et al., 2020); None keeps the
        samples of the critic of smaller mean instead, with one sample each TD3's minimum.
      gradient: which gradients samples carry.
    """

    width: int
    depth: int
    num_samples: int = 1
    drop: int | None = None
    gradient: Gradient = "none"

    @property
    def num_latents(self) -> int:
        """`N`, one per sample."""
        return self.num_samples

    def samples(self, net: Net, obs: Array, action: Array, latents: Array, hyper: Hyper) -> SobolevSamples:
        """One sample for each of the latents `[N, K]`."""
        del hyper
        drawn = sobolev_samples(net, obs, action, latents, complete=self.gradient == "complete")
        return self._kept(drawn)

    def mean(self, net: Net, obs: Array, action: Array, latents: Array, hyper: Hyper) -> Array:
        """`[]` the samples' mean return."""
        del hyper
        return jax.vmap(lambda latent: net(obs, action, latent))(latents).mean()

    def target(self, critics: Sequence[Net], backup: Backup, latents: Array, hyper: Hyper) -> SobolevSamples:
        """The critics' pooled samples that the rule against over-estimation leaves."""
        del hyper
        pooled = sobolev_target(
            backup.model_fn, backup.policy_fn, critics, backup.obs, backup.action, backup.noise, latents,
            backup.discount, backup.terminated, complete=self.gradient == "complete",
        )  # fmt: skip
        return self._kept(least_mean(pooled, len(critics)) if self.drop is None else truncate(pooled, self.drop))

    def _kept(self, samples: SobolevSamples) -> SobolevSamples:
        """Without the gradients that are not used: to the compiler they are dead code, and cost nothing."""
        return samples.replace(daction=samples.daction[:, :0]) if self.gradient == "none" else samples
