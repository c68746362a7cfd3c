"""Statistics over seeds, for honest comparisons at few of them (Agarwal et al., NeurIPS 2021).

A *sample* is a list of strata, one per task and noise level, each with one score per seed. Means, differences of means
and savings have Student's intervals; the bootstrap of everything else redraws seeds within their stratum.
"""

from dstjax.stats.intervals import INTERVAL, LEVEL, Estimate, mean_difference, mean_interval
from dstjax.stats.learning import Reach, area_under_curve, reach, saving, steps_to_threshold
from dstjax.stats.resampling import bootstrap, bootstrap_replicates, percentile_interval
from dstjax.stats.scores import (
    interquartile_mean,
    normalise,
    performance_profile,
    probability_of_improvement,
    spread,
    spread_ratio,
)
from dstjax.stats.table import MIN_SEEDS, Curve, curve, groups, last_rows, paired_scores

__all__ = [
    "INTERVAL",
    "LEVEL",
    "MIN_SEEDS",
    "Curve",
    "Estimate",
    "Reach",
    "area_under_curve",
    "bootstrap",
    "bootstrap_replicates",
    "curve",
    "groups",
    "interquartile_mean",
    "last_rows",
    "mean_difference",
    "mean_interval",
    "normalise",
    "paired_scores",
    "percentile_interval",
    "performance_profile",
    "probability_of_improvement",
    "reach",
    "saving",
    "spread",
    "spread_ratio",
    "steps_to_threshold",
]
