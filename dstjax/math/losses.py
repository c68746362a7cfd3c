"""Losses of critics that are not distances between sample sets."""

import jax.numpy as jnp

from dstjax.math.checks import check_shape
from dstjax.math.kernels import safe_sqrt
from dstjax.types import Array, SobolevSamples


def huber(error: Array, threshold: Array | float = 1.0) -> Array:
    r"""Huber loss: $\tfrac12 e^2$ for $|e| \le \kappa$, else $\kappa (|e| - \tfrac12 \kappa)$ (Huber, 1964).

    Example:
      >>> huber(jnp.array([0.5, -3.0])).tolist()
      [0.125, 2.5]

    Args:
      error: `[...]`.
      threshold: `kappa > 0`, where the loss turns linear; traced, in the unit of the error.

    Returns:
      `[...]`, elementwise.
    """
    size = jnp.abs(error)
    inner = jnp.minimum(size, threshold)
    return inner * (size - 0.5 * inner)


def mage_loss(
    prediction: SobolevSamples, target: SobolevSamples, value_weight: Array | float, gradient_weight: Array | float
) -> Array:
    r"""MAGE's loss of a point critic (D'Oro & Jaśkowski, NeurIPS 2020).

    $w_v\,H(\delta) + w_g\,H(\|\partial_a \delta\|)$ with the temporal-difference error $\delta = y - Q(s, a)$, its
    action gradient, and the Huber loss $H$; averaged over the samples.

    Example:
      >>> prediction = SobolevSamples(jnp.zeros(1), jnp.zeros((1, 2)))
      >>> target = SobolevSamples(jnp.array([0.5]), jnp.array([[3.0, 4.0]]))
      >>> float(mage_loss(prediction, target, 1.0, 5.0))
      22.625

    Args:
      prediction: `N` samples of the critic; 1 for a point critic.
      target: as many, each to be matched by the prediction at its place.
      value_weight: `w_v`; traced.
      gradient_weight: `w_g`; traced.

    Returns:
      `[]`.

    Raises:
      UserError: if the shapes differ.
    """
    errors = _errors(prediction, target)
    norms = safe_sqrt(jnp.square(errors.daction).sum(-1))
    return jnp.mean(value_weight * huber(errors.value) + gradient_weight * huber(norms))


def sobolev_regression(
    prediction: SobolevSamples, target: SobolevSamples, daction_weight: Array | float, dobs_weight: Array | float = 0.0
) -> Array:
    r"""First-order Sobolev regression: squared errors of values and of gradients.

    Sobolev training (Czarnecki et al., NeurIPS 2017), for critics with both gradients (Schramm, 2025).
    $\delta^2 + \lambda_a \|\partial_a \delta\|^2 + \lambda_s \|\partial_s \delta\|^2$ with $\delta = y - Q$, averaged
    over the samples; the squared norms are means over coordinates, so that a weight means the same for every task.

    Example:
      >>> prediction = SobolevSamples(jnp.zeros(1), jnp.zeros((1, 2)), jnp.zeros((1, 1)))
      >>> target = SobolevSamples(jnp.ones(1), jnp.array([[3.0, 1.0]]), jnp.array([[2.0]]))
      >>> float(sobolev_regression(prediction, target, 0.1, 0.5))
      3.5

    Args:
      prediction: `N` samples of the critic.
      target: as many, each to be matched by the prediction at its place.
      daction_weight: `lambda_a`; traced.
      dobs_weight: `lambda_s`; traced, without effect where there are no observation gradients.

    Returns:
      `[]`.

    Raises:
      UserError: if the shapes differ.
    """
    errors = _errors(prediction, target)
    loss = jnp.square(errors.value) + daction_weight * jnp.square(errors.daction).mean(-1)
    if errors.dobs is not None:
        loss += dobs_weight * jnp.square(errors.dobs).mean(-1)
    return loss.mean()


def _errors(prediction: SobolevSamples, target: SobolevSamples) -> SobolevSamples:
    check_shape("prediction.value", prediction.value, target.value.shape)
    check_shape("prediction.daction", prediction.daction, target.daction.shape)
    dobs = None
    if prediction.dobs is not None and target.dobs is not None:
        check_shape("prediction.dobs", prediction.dobs, target.dobs.shape)
        dobs = target.dobs - prediction.dobs
    return SobolevSamples(target.value - prediction.value, target.daction - prediction.daction, dobs)
