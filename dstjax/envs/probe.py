"""Small problems whose joint law of return and gradient is known: what a critic is audited against.

Each is a reparameterised one-step model with a policy and a discount. Its truth is sampled by `sobolev_returns`, to any
precision; `moments` gives the exact means and variances.
"""

import dataclasses
from typing import Any, ClassVar, Protocol

import jax
import jax.numpy as jnp
import numpy as np

from dstjax.math.returns import sobolev_returns
from dstjax.types import Array, Key, SobolevSamples


class Probe(Protocol):
    """A problem of known Sobolev return; unbatched pure functions."""

    @property
    def name(self) -> str:
        """Its key in `PROBES`."""

    @property
    def obs_size(self) -> int:
        """S."""

    @property
    def action_size(self) -> int:
        """A."""

    @property
    def noise_size(self) -> int:
        """Dimension of the standard normal noise of a step."""

    @property
    def horizon(self) -> int:
        """Steps after which the rest of the return is negligible."""

    @property
    def discount(self) -> float:
        """Gamma."""

    def step(self, obs: Array, action: Array, noise: Array) -> tuple[Array, Array]:
        """`obs [S]`, `action [A]`, `noise [noise_size]` to `(next_obs [S], reward [])`."""

    def policy(self, obs: Array) -> Array:
        """The policy that is evaluated, `[S] -> [A]`."""

    def moments(self, obs: float, action: float) -> dict[str, float]:
        """Exact `value_mean`, `value_var`, `daction_mean` and `daction_var`, by which the samples are tested."""


@dataclasses.dataclass(frozen=True)
class Linear:
    """Linear motion `s' = (1 + m e_0)(f s + b a) + c e_1` under `a = k s`, with reward `r = s' - q s'^2 / 2`.

    With additive noise and a quadratic reward the return is a quadratic form of Gaussian noise and its gradient is
    Gaussian; they are dependent. With multiplicative noise and a linear reward the return is `(f s + b a) X` and its
    gradient `b X`, with one random series `X`: they lie on one line, whatever the state.
    """

    name: str
    drift: float
    drive: float
    feedback: float
    discount: float
    horizon: int
    multiplicative: float = 0.0
    additive: float = 0.0
    curvature: float = 0.0

    obs_size: ClassVar[int] = 1
    action_size: ClassVar[int] = 1
    noise_size: ClassVar[int] = 2

    def step(self, obs: Array, action: Array, noise: Array) -> tuple[Array, Array]:
        """See `Probe`."""
        next_obs = self._next(self.drift * obs + self.drive * action, noise[0], noise[1])
        return next_obs, (next_obs - 0.5 * self.curvature * next_obs**2).sum()

    def _next(self, push: Any, first: Any, second: Any) -> Any:
        return (1.0 + self.multiplicative * first) * push + self.additive * second

    def policy(self, obs: Array) -> Array:
        """See `Probe`."""
        return self.feedback * obs

    def moments(self, obs: float, action: float) -> dict[str, float]:
        """See `Probe`. Exact: all that is integrated is polynomial.

        Given the push `u = f s + b a`, the first two moments of the return and of its derivative in `u` are polynomials
        in `u` of degree 4 at most: known at five places, they are known. Each step backwards is a Gaussian quadrature.
        """
        nodes, weights = np.polynomial.hermite_e.hermegauss(5)
        weights = np.outer(weights, weights) / weights.sum() ** 2
        places = np.linspace(-1.0, 1.0, 5)
        growth = 1.0 + self.multiplicative * nodes[:, None]
        after = self._next(places[:, None, None], nodes[:, None], nodes)
        reward, slope = after - 0.5 * self.curvature * after**2, growth * (1.0 - self.curvature * after)
        closed, gamma = self.drift + self.drive * self.feedback, self.discount
        pull = gamma * closed * growth
        known = [np.zeros(5)] * 4
        for _ in range(self.horizon):
            value, square, rate, rate_square = (np.polyval(np.polyfit(places, k, 4), closed * after) for k in known)
            moments = (
                reward + gamma * value,
                reward**2 + 2 * gamma * reward * value + gamma**2 * square,
                slope + pull * rate,
                slope**2 + 2 * slope * pull * rate + pull**2 * rate_square,
            )
            known = [(weights * moment).sum((1, 2)) for moment in moments]
        push = self.drift * obs + self.drive * action
        at = [float(np.polyval(np.polyfit(places, k, 4), push)) for k in known]
        return {
            "value_mean": at[0],
            "value_var": at[1] - at[0] ** 2,
            "daction_mean": self.drive * at[2],
            "daction_var": self.drive**2 * (at[3] - at[2] ** 2),
        }


class _Bandit:
    """What problems of one decision have in common."""

    obs_size: ClassVar[int] = 1
    action_size: ClassVar[int] = 1
    noise_size: ClassVar[int] = 2
    horizon: ClassVar[int] = 1
    discount: ClassVar[float] = 0.0

    def policy(self, obs: Array) -> Array:
        """See `Probe`."""
        return jnp.zeros_like(obs)


@dataclasses.dataclass(frozen=True)
class RandomSlopeBandit(_Bandit):
    """One decision with a random slope: `r = w a - a^2 / 2 + s`, `w` near -1 or 2 with equal chance.

    The gradient is `w - a`: two modes, which the return shows only where `a` is not 0. The mean gradient is 0.5 - a.
    """

    name: ClassVar[str] = "random_slope_bandit"

    def step(self, obs: Array, action: Array, noise: Array) -> tuple[Array, Array]:
        """See `Probe`."""
        slope = jnp.where(noise[0] > 0, 2.0, -1.0) + 0.2 * noise[1]
        return obs, (slope * action - 0.5 * action**2 + obs).sum()

    def moments(self, obs: float, action: float) -> dict[str, float]:
        """See `Probe`."""
        variance = 1.5**2 + 0.2**2
        return {
            "value_mean": 0.5 * action - 0.5 * action**2 + obs,
            "value_var": action**2 * variance,
            "daction_mean": 0.5 - action,
            "daction_var": variance,
        }


@dataclasses.dataclass(frozen=True)
class SinusoidMixture(_Bandit):
    """A conditional mixture, the supervised problem: `r = h_i sin(2 a + s + p_i) + 0.05 e`, `i` one of three modes.

    Heights 0.5, 1, 1.5, phases 0, 2, 4, equal chances; value and gradient have three sharp modes that cross.
    """

    name: ClassVar[str] = "sinusoid_mixture"
    heights: ClassVar[tuple[float, ...]] = (0.5, 1.0, 1.5)
    phases: ClassVar[tuple[float, ...]] = (0.0, 2.0, 4.0)

    def step(self, obs: Array, action: Array, noise: Array) -> tuple[Array, Array]:
        """See `Probe`."""
        mode = jnp.clip(3.0 * jax.scipy.stats.norm.cdf(noise[0]), 0, 2.99).astype(int)
        height, phase = jnp.array(self.heights)[mode], jnp.array(self.phases)[mode]
        return obs, (height * jnp.sin(2.0 * action + obs + phase)).sum() + 0.05 * noise[1]

    def moments(self, obs: float, action: float) -> dict[str, float]:
        """See `Probe`."""
        heights, angles = np.array(self.heights), 2.0 * action + obs + np.array(self.phases)
        values, slopes = heights * np.sin(angles), 2.0 * heights * np.cos(angles)
        return {
            "value_mean": values.mean(),
            "value_var": values.var() + 0.05**2,
            "daction_mean": slopes.mean(),
            "daction_var": slopes.var(),
        }


PROBES: dict[str, Probe] = {
    probe.name: probe
    for probe in (
        Linear("linear_additive", 0.8, 0.5, -0.5, discount=0.8, horizon=60, additive=0.4, curvature=1.0),
        Linear("linear_multiplicative", 0.7, 0.6, -0.5, discount=0.9, horizon=40, multiplicative=0.4),
        RandomSlopeBandit(),
        SinusoidMixture(),
    )
}
"""Every problem by name."""


def truth(probe: Probe, obs: Array, action: Array, key: Key, *, num_samples: int) -> SobolevSamples:
    """Samples of the true Sobolev return of a problem under its policy.

    Args:
      probe: the problem.
      obs: `[S]`.
      action: `[A]`, the first action.
      key: consumed.
      num_samples: how many.

    Returns:
      `num_samples` samples.
    """

    def step(obs: Array, action: Array, noise: Array) -> tuple[Array, Array, Array, Array]:
        next_obs, reward = probe.step(obs, action, noise)
        return next_obs, next_obs, reward, jnp.zeros(())

    noise = jax.random.normal(key, (num_samples, probe.horizon, probe.noise_size))
    return sobolev_returns(step, probe.policy, obs, action, noise, probe.discount)
