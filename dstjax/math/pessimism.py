"""Rules against over-estimation, on the target samples pooled over several critics."""

import jax
import jax.numpy as jnp

from dstjax.math.checks import check_count
from dstjax.types import SobolevSamples


def truncate(samples: SobolevSamples, drop: int) -> SobolevSamples:
    """Drop the largest pooled returns, each with its gradients (TQC; Kuznetsov et al., 2020).

    With one sample of each of two point critics and `drop=1` this is TD3's minimum of two.

    Example:
      >>> truncate(SobolevSamples(jnp.array([3.0, 1.0, 2.0]), jnp.zeros((3, 2))), 1).value.tolist()
      [1.0, 2.0]

    Args:
      samples: `N` samples.
      drop: how many to drop, static, below `N`.

    Returns:
      The `N - drop` samples of smallest return, in ascending order of it.

    Raises:
      UserError: if no sample would be left.
    """
    check_count("drop", drop, 0, samples.value.shape[0] - 1)
    order = jnp.argsort(samples.value)[: samples.value.shape[0] - drop]
    return jax.tree.map(lambda leaf: leaf[order], samples)


def least_mean(pooled: SobolevSamples, critics: int) -> SobolevSamples:
    """Keep the samples of the critic whose mean return is smallest: TD3's minimum of two, of whole laws.

    Where the return is random, truncation lowers its mean by a share of its standard deviation at every backup; this
    rule by far less: the smaller of two means of `N` samples is low by at most `0.56 / sqrt(N)` deviations.

    Example:
      >>> pooled = SobolevSamples(jnp.array([3.0, 1.0, 5.0, 2.0]), jnp.zeros((4, 2)))  # of two critics, in turn
      >>> least_mean(pooled, 2).value.tolist()
      [1.0, 2.0]

    Args:
      pooled: `N * C` samples as `sobolev_target` pools them: of each of the critics in turn.
      critics: `C`, static.

    Returns:
      The `N` samples of one critic.
    """
    values = pooled.value.reshape(-1, critics)
    least = jnp.argmin(values.mean(axis=0))
    return jax.tree.map(lambda leaf: leaf.reshape(*values.shape, *leaf.shape[1:])[:, least], pooled)
