"""Running mean and variance of a vector, and the maps to and from unit scale."""

import flax.struct
import jax.numpy as jnp

from dstjax.types import Array


@flax.struct.dataclass
class RunningStats:
    """Count, mean and sum of squared deviations of the vectors seen so far."""

    count: Array
    """`[]`"""
    mean: Array
    """`[D]`"""
    m2: Array
    """`[D]`"""

    @property
    def std(self) -> Array:
        """`[D]` standard deviation; 1 before two vectors were seen, and never under 1e-3 (constant entries)."""
        std = jnp.sqrt(self.m2 / jnp.maximum(self.count, 1.0))
        return jnp.where(self.count > 1.0, jnp.maximum(std, 1e-3), 1.0)

    def normalize(self, x: Array) -> Array:
        """`(x - mean) / std`, bounded to 10 standard deviations."""
        return jnp.clip((x - self.mean) / self.std, -10.0, 10.0)

    def denormalize(self, x: Array) -> Array:
        """`x * std + mean`."""
        return x * self.std + self.mean


def init_stats(size: int) -> RunningStats:
    """Statistics of no data: mean 0, standard deviation 1.

    Args:
      size: entries per vector, `D`.

    Returns:
      The statistics.
    """
    return RunningStats(count=jnp.zeros(()), mean=jnp.zeros(size), m2=jnp.zeros(size))


def update_stats(stats: RunningStats, batch: Array) -> RunningStats:
    """Merge a batch into the statistics by the parallel rule of Chan et al. (1983).

    Args:
      stats: statistics of vectors of length `D`.
      batch: `[B, D]` new vectors.

    Returns:
      Statistics of the old vectors and the new ones.
    """
    size = batch.shape[0]
    count = stats.count + size
    batch_mean = batch.mean(axis=0)
    delta = batch_mean - stats.mean
    m2 = stats.m2 + ((batch - batch_mean) ** 2).sum(axis=0) + delta**2 * stats.count * size / count
    return RunningStats(count=count, mean=stats.mean + delta * size / count, m2=m2)
