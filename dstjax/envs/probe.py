"""Small problems whose joint law of return and gradient is known: what a critic is audited against.

Each is a reparameterised one-step model with a policy and a discount. Its truth is sampled by `sobolev_returns`, to any
precision, and where the law has closed-form moments `moments` gives them.
"""

import dataclasses
from typing import ClassVar, Protocol

import jax
import jax.numpy as jnp
import numpy as np

from dstjax.math.returns import sobolev_returns
from dstjax.types import Array, Key, SobolevSamples


class Probe(Protocol):
    """A problem of known Sobolev return; unbatched pure functions."""

    name: ClassVar[str]
    obs_size: ClassVar[int]
    action_size: ClassVar[int]
    noise_size: ClassVar[int]
    """Dimension of the standard normal noise of a step."""
    horizon: ClassVar[int]
    """Steps after which the rest of the return is negligible."""
    discount: ClassVar[float]

    def step(self, obs: Array, action: Array, noise: Array) -> tuple[Array, Array]:
        """`obs [S]`, `action [A]`, `noise [noise_size]` to `(next_obs [S], reward [])`."""

    def policy(self, obs: Array) -> Array:
        """The policy that is evaluated, `[S] -> [A]`."""


@dataclasses.dataclass(frozen=True)
class LinearAdditive:
    """Linear motion with additive noise: `s' = 0.8 s + 0.5 a + 0.4 e` under `a = -0.5 s`, `r = s' - s'^2 / 2`.

    The return is a quadratic form of Gaussian noise and its gradient is Gaussian; they are dependent.
    """

    name: ClassVar[str] = "linear_additive"
    obs_size: ClassVar[int] = 1
    action_size: ClassVar[int] = 1
    noise_size: ClassVar[int] = 1
    horizon: ClassVar[int] = 60
    discount: ClassVar[float] = 0.8
    drift: ClassVar[float] = 0.8
    drive: ClassVar[float] = 0.5
    feedback: ClassVar[float] = -0.5
    std: ClassVar[float] = 0.4

    def step(self, obs: Array, action: Array, noise: Array) -> tuple[Array, Array]:
        """See the class."""
        next_obs = self.drift * obs + self.drive * action + self.std * noise
        return next_obs, (next_obs - 0.5 * next_obs**2).sum()

    def policy(self, obs: Array) -> Array:
        """See the class."""
        return self.feedback * obs

    def moments(self, obs: float, action: float) -> dict[str, float]:
        """Exact `value_mean`, `daction_mean` and `daction_var`, by summing the series of the states' moments.

        Args:
          obs: the observation.
          action: the first action.

        Returns:
          The moments by name.
        """
        closed = self.drift + self.drive * self.feedback
        mean, variance, value = self.drift * obs + self.drive * action, self.std**2, 0.0
        slope, slope_mean = self.drive, 0.0
        for k in range(self.horizon):
            value += self.discount**k * (mean - 0.5 * (mean**2 + variance))
            slope_mean += self.discount**k * slope * (1.0 - mean)
            mean, variance, slope = closed * mean, closed**2 * variance + self.std**2, closed * slope
        # The noise e_j moves state k >= j by std closed^(k-j), and with it the slope of the reward there.
        weights = [self.discount**k * self.drive * closed**k for k in range(self.horizon)]
        pulls = [
            self.std * sum(weights[k] * closed ** (k - j) for k in range(j, self.horizon)) for j in range(self.horizon)
        ]
        return {"value_mean": value, "daction_mean": slope_mean, "daction_var": float(np.sum(np.square(pulls)))}


@dataclasses.dataclass(frozen=True)
class LinearMultiplicative:
    """Linear motion with multiplicative noise: `s' = (1 + 0.4 e)(0.7 s + 0.6 a)` under `a = -0.5 s`, `r = s'`.

    The return is `(0.7 s + 0.6 a) X` and its gradient `0.6 X`, with the random series
    `X = (1 + 0.4 e)(1 + 0.4 gamma X')`: return and gradient lie on one line, whatever the state.
    """

    name: ClassVar[str] = "linear_multiplicative"
    obs_size: ClassVar[int] = 1
    action_size: ClassVar[int] = 1
    noise_size: ClassVar[int] = 1
    horizon: ClassVar[int] = 40
    discount: ClassVar[float] = 0.9
    drift: ClassVar[float] = 0.7
    drive: ClassVar[float] = 0.6
    feedback: ClassVar[float] = -0.5
    std: ClassVar[float] = 0.4

    def step(self, obs: Array, action: Array, noise: Array) -> tuple[Array, Array]:
        """See the class."""
        next_obs = (1.0 + self.std * noise) * (self.drift * obs + self.drive * action)
        return next_obs, next_obs.sum()

    def policy(self, obs: Array) -> Array:
        """See the class."""
        return self.feedback * obs

    def moments(self, obs: float, action: float) -> dict[str, float]:
        """Exact means and variances of return and gradient, from the fixed point of the series.

        Args:
          obs: the observation.
          action: the first action.

        Returns:
          The moments by name.
        """
        rate = self.discount * (self.drift + self.drive * self.feedback)
        second = 1.0 + self.std**2
        mean = 1.0 / (1.0 - rate)
        square = second * (1.0 + 2.0 * rate * mean) / (1.0 - second * rate**2)
        lever, variance = self.drift * obs + self.drive * action, square - mean**2
        return {
            "value_mean": lever * mean,
            "value_var": lever**2 * variance,
            "daction_mean": self.drive * mean,
            "daction_var": self.drive**2 * variance,
        }


@dataclasses.dataclass(frozen=True)
class RandomSlopeBandit:
    """One decision with a random slope: `r = w a - a^2 / 2 + s`, `w` near -1 or 2 with equal chance.

    The gradient is `w - a`: two modes, which the return shows only where `a` is not 0. The mean gradient is 0.5 - a.
    """

    name: ClassVar[str] = "random_slope_bandit"
    obs_size: ClassVar[int] = 1
    action_size: ClassVar[int] = 1
    noise_size: ClassVar[int] = 2
    horizon: ClassVar[int] = 1
    discount: ClassVar[float] = 0.0

    def step(self, obs: Array, action: Array, noise: Array) -> tuple[Array, Array]:
        """See the class."""
        slope = jnp.where(noise[0] > 0, 2.0, -1.0) + 0.2 * noise[1]
        return obs, (slope * action - 0.5 * action**2 + obs).sum()

    def policy(self, obs: Array) -> Array:
        """See the class."""
        return jnp.zeros_like(obs)

    def moments(self, obs: float, action: float) -> dict[str, float]:
        """Exact means and variances of return and gradient.

        Args:
          obs: the observation.
          action: the action.

        Returns:
          The moments by name.
        """
        variance = 1.5**2 + 0.2**2
        return {
            "value_mean": 0.5 * action - 0.5 * action**2 + obs,
            "value_var": action**2 * variance,
            "daction_mean": 0.5 - action,
            "daction_var": variance,
        }


@dataclasses.dataclass(frozen=True)
class SinusoidMixture:
    """A conditional mixture, the supervised problem: `r = h_i sin(2 a + s + p_i) + 0.05 e`, `i` one of three modes.

    Heights 0.5, 1, 1.5, phases 0, 2, 4, equal chances; value and gradient have three sharp modes that cross.
    """

    name: ClassVar[str] = "sinusoid_mixture"
    obs_size: ClassVar[int] = 1
    action_size: ClassVar[int] = 1
    noise_size: ClassVar[int] = 2
    horizon: ClassVar[int] = 1
    discount: ClassVar[float] = 0.0
    heights: ClassVar[tuple[float, ...]] = (0.5, 1.0, 1.5)
    phases: ClassVar[tuple[float, ...]] = (0.0, 2.0, 4.0)

    def step(self, obs: Array, action: Array, noise: Array) -> tuple[Array, Array]:
        """See the class."""
        mode = jnp.clip(3.0 * jax.scipy.stats.norm.cdf(noise[0]), 0, 2.99).astype(int)
        height, phase = jnp.array(self.heights)[mode], jnp.array(self.phases)[mode]
        return obs, (height * jnp.sin(2.0 * action + obs + phase)).sum() + 0.05 * noise[1]

    def policy(self, obs: Array) -> Array:
        """See the class."""
        return jnp.zeros_like(obs)

    def moments(self, obs: float, action: float) -> dict[str, float]:
        """Exact means and variances of return and gradient.

        Args:
          obs: the observation.
          action: the action.

        Returns:
          The moments by name.
        """
        heights, angles = np.array(self.heights), 2.0 * action + obs + np.array(self.phases)
        values, slopes = heights * np.sin(angles), 2.0 * heights * np.cos(angles)
        return {
            "value_mean": values.mean(),
            "value_var": values.var() + 0.05**2,
            "daction_mean": slopes.mean(),
            "daction_var": slopes.var(),
        }


PROBES: dict[str, Probe] = {
    probe.name: probe for probe in (LinearAdditive(), LinearMultiplicative(), RandomSlopeBandit(), SinusoidMixture())
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
