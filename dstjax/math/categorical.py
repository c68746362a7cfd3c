"""The categorical critic (C51; Bellemare et al., ICML 2017): projection onto fixed atoms, and cross-entropy to it."""

import jax
import jax.numpy as jnp

from dstjax.math.checks import check_line, check_shape
from dstjax.types import Array


def project(values: Array, probabilities: Array, atoms: Array) -> Array:
    r"""Project a discrete distribution onto evenly spaced atoms, splitting each mass between its two neighbours.

    $p_i = \sum_j q_j \left[1 - |\mathrm{clip}(v_j) - z_i| / \Delta z\right]_+$: values beyond the ends go to the end
    atoms, and within the atoms' range the mean is kept.

    Example:
      >>> project(jnp.array([0.25, 9.0]), jnp.array([0.5, 0.5]), jnp.array([0.0, 1.0, 2.0])).tolist()
      [0.375, 0.125, 0.5]

    Args:
      values: `[M]` where the masses lie, such as `r + gamma * atoms`.
      probabilities: `[M]` the masses.
      atoms: `[Q]`, `Q >= 2`, ascending and evenly spaced.

    Returns:
      `[Q]` masses at the atoms.

    Raises:
      UserError: on a wrong shape or type.
    """
    check_line("values", values)
    check_line("atoms", atoms)
    check_shape("probabilities", probabilities, values.shape)
    spacing = (atoms[-1] - atoms[0]) / (atoms.size - 1)
    gaps = jnp.abs(jnp.clip(values, atoms[0], atoms[-1])[None, :] - atoms[:, None])
    return (jnp.clip(1.0 - gaps / spacing, 0.0, 1.0) * probabilities).sum(-1)


def cross_entropy(logits: Array, probabilities: Array) -> Array:
    r"""Cross-entropy $-\sum_i p_i \log \mathrm{softmax}(l)_i$ of a categorical prediction.

    Example:
      >>> round(float(cross_entropy(jnp.zeros(4), jnp.full(4, 0.25))), 4)
      1.3863

    Args:
      logits: `[Q]` of the prediction.
      probabilities: `[Q]` of the target; usually without gradient.

    Returns:
      `[]`.

    Raises:
      UserError: on a wrong shape or type.
    """
    check_line("logits", logits)
    check_shape("probabilities", probabilities, logits.shape)
    return -(probabilities * jax.nn.log_softmax(logits)).sum()
