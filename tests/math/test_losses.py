"""The losses of the other critics."""

import jax.numpy as jnp
import numpy as np
from scipy import special

from dstjax.math import losses


def test_huber_is_scipys():
    errors = np.linspace(-4, 4, 41)
    for threshold in (0.5, 1.0, 3.0):
        np.testing.assert_allclose(losses.huber(jnp.array(errors), threshold), special.huber(threshold, errors), 1e-5)
