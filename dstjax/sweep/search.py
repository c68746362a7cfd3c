"""Seeded random search over numbers: Sobol points or independent draws, on a linear or a logarithmic scale."""

import dataclasses
import math

import numpy as np

SAMPLERS = ("sobol", "random")


@dataclasses.dataclass(frozen=True)
class Interval:
    """What a number is drawn from: uniform in the number, or in its logarithm.

    Attributes:
      low: lower end.
      high: upper end.
      log: whether the logarithm is uniform.
    """

    low: float
    high: float
    log: bool = False

    def at(self, shares: np.ndarray) -> tuple[float, ...]:
        """The numbers at shares of the way from `low` to `high`, to seven digits: float32's precision."""
        if self.log:
            values = np.exp(math.log(self.low) + shares * (math.log(self.high) - math.log(self.low)))
        else:
            values = self.low + shares * (self.high - self.low)
        return tuple(min(max(float(f"{value:.7g}"), self.low), self.high) for value in values)


def draw(over: dict[str, Interval], samples: int, sampler: str, seed: int) -> dict[str, tuple[float, ...]]:
    """Draw points of the search space.

    Args:
      over: intervals by name.
      samples: number of points; for Sobol a power of two, which is where its points are balanced.
      sampler: of `SAMPLERS`; `sobol` fills the space more evenly than independent draws.
      seed: of the scrambling or of the draws.

    Returns:
      A column of `samples` values per name; row i of all columns is point i.
    """
    generator = np.random.default_rng(seed)
    if sampler == "sobol":
        from scipy.stats import qmc

        points = qmc.Sobol(len(over), rng=generator).random(samples)
    else:
        points = generator.random((samples, len(over)))
    return {name: interval.at(points[:, i]) for i, (name, interval) in enumerate(over.items())}
