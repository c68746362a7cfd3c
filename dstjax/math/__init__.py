"""Distances, Bellman operators and losses: pure functions that know no network, environment or configuration.

Everything takes one transition's samples; batch and members are `jax.vmap` axes at the call.
"""

from dstjax.math.affine import sobolev_affine
from dstjax.math.categorical import cross_entropy, project
from dstjax.math.contraction import contraction_factor
from dstjax.math.functions import Factored
from dstjax.math.kernels import KERNELS, energy, gaussian_mixture, multiquadric
from dstjax.math.line import cramer2, wasserstein
from dstjax.math.losses import huber, mage_loss, sobolev_regression
from dstjax.math.mmd import mmd2, msmmd2, sliced_mmd2
from dstjax.math.pessimism import least_mean, truncate
from dstjax.math.quantile import midpoint_levels, quantile_huber
from dstjax.math.returns import audit, sobolev_returns
from dstjax.math.slicing import max_sliced, mean_direction, random_directions, sliced
from dstjax.math.sobolev import concat, sobolev_samples, sobolev_target

__all__ = [
    "KERNELS",
    "Factored",
    "audit",
    "concat",
    "contraction_factor",
    "cramer2",
    "cross_entropy",
    "energy",
    "gaussian_mixture",
    "huber",
    "least_mean",
    "mage_loss",
    "max_sliced",
    "mean_direction",
    "midpoint_levels",
    "mmd2",
    "msmmd2",
    "multiquadric",
    "project",
    "quantile_huber",
    "random_directions",
    "sliced",
    "sliced_mmd2",
    "sobolev_affine",
    "sobolev_regression",
    "sobolev_returns",
    "sobolev_samples",
    "sobolev_target",
    "truncate",
    "wasserstein",
]
