"""Quantile regression: the loss of critics that predict quantiles of the return at fixed or at sampled levels."""

import jax.numpy as jnp

from dstjax.math.checks import check_line, check_positive, check_shape
from dstjax.math.losses import huber
from dstjax.types import Array


def midpoint_levels(num: int) -> Array:
    r"""The levels $\hat\tau_i = (2i - 1) / 2n$ of fixed quantiles (QR-DQN; Dabney et al., AAAI 2018).

    Example:
      >>> midpoint_levels(2).tolist()
      [0.25, 0.75]

    Args:
      num: how many, `n`.

    Returns:
      `[n]`, in `(0, 1)`.
    """
    return (jnp.arange(num) + 0.5) / num


def quantile_huber(
    quantiles: Array, levels: Array, targets: Array, threshold: Array | float = 1.0, *, weights: Array | None = None
) -> Array:
    r"""Quantile Huber loss, for fixed levels (QR-DQN) and for sampled ones (IQN; Dabney et al., ICML 2018).

    $\sum_i \sum_j w_j\, |\tau_i - \mathbb{1}\{\delta_{ij} < 0\}|\, H_\kappa(\delta_{ij}) / \kappa$ with
    $\delta_{ij} = y_j - q_i$ and the Huber loss $H_\kappa$: a sum over quantiles of means over target samples.

    Example:
      >>> float(quantile_huber(jnp.zeros(1), jnp.array([0.25]), jnp.array([3.0, -3.0])))
      1.25

    Args:
      quantiles: `[N]` predicted quantiles.
      levels: `[N]` their levels in `(0, 1)`.
      targets: `[M]` samples of the target return.
      threshold: `kappa > 0` in the unit of the return; traced. Towards 0 it is the plain quantile loss.
      weights: `[M]` weights of the targets that sum to one, by default equal.

    Returns:
      `[]`, minimal where each prediction is (nearly) the targets' quantile at its level.

    Raises:
      UserError: on a wrong shape or type, or a concrete threshold that is not positive.
    """
    check_line("quantiles", quantiles)
    check_line("targets", targets)
    check_shape("levels", levels, quantiles.shape)
    check_positive("threshold", threshold)
    errors = targets[None, :] - quantiles[:, None]
    tilt = jnp.abs(levels[:, None] - (errors < 0))
    losses = tilt * huber(errors, threshold) / threshold
    if weights is None:
        return losses.mean(1).sum()
    check_shape("weights", weights, targets.shape)
    return (losses * weights).sum()
