"""Statistics against SciPy, exhaustive enumeration and closed forms."""

import itertools
import math

import numpy as np
import pytest
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st

from dstjax import stats
from dstjax.errors import UserError
from dstjax.stats import bootstrap, curve, groups, interquartile_mean, last_rows, mean_interval

FLOATS = st.floats(-1e3, 1e3).map(lambda x: round(x, 3))
SCORES = st.lists(FLOATS, min_size=1, max_size=12)


def row(member, step, value, method="dst", noise=0.0, env="hopper", seed=None):
    return {
        "member": member, "method": method, "env": env, "seed": member if seed is None else seed,
        "noise.obs_scale": noise, "step": step, "eval/return": value,
    }  # fmt: skip


def mean(sample):
    return np.concatenate(sample, axis=-1).mean(axis=-1)


@pytest.mark.parametrize("count", [2, 3, 10])
def test_interval_is_students(count):
    values = np.random.default_rng(count).normal(5.0, 2.0, count)
    low, high = scipy.stats.t.interval(0.9, count - 1, values.mean(), scipy.stats.sem(values))
    estimate = mean_interval(values, level=0.9)
    np.testing.assert_allclose([estimate.low, estimate.high, estimate.value], [low, high, values.mean()])
    assert estimate.count == count


def test_interval_covers_the_mean_as_often_as_it_says():
    draws = np.random.default_rng(0).normal(1.0, 3.0, (4000, 3))
    estimates = [mean_interval(draw) for draw in draws]
    assert np.mean([e.low <= 1.0 <= e.high for e in estimates]) == pytest.approx(0.95, abs=0.012)


def test_one_seed_has_no_interval_and_none_has_no_mean():
    one = mean_interval([3.0, math.nan, None])
    assert (one.value, one.count) == (3.0, 1)
    assert math.isnan(one.low)
    assert math.isnan(one.high)
    assert math.isnan(mean_interval([]).value)
    assert math.isnan(bootstrap(mean, [[3.0]]).low)


@given(st.lists(SCORES, min_size=1, max_size=3))
def test_interquartile_mean_drops_a_quarter_at_each_end(strata):
    pooled = sorted(itertools.chain.from_iterable(strata))
    cut = len(pooled) // 4
    middle = pooled[cut : len(pooled) - cut]
    expected = sum(middle) / len(middle)
    assert float(interquartile_mean([np.array(s) for s in strata])) == pytest.approx(expected, abs=1e-9)


def test_bootstrap_has_the_distribution_of_every_redraw():
    """All 4^4 redraws of four scores, against the interval of random ones."""
    scores = [1.0, 2.0, 4.0, 8.0]
    every = [np.mean(redraw) for redraw in itertools.product(scores, repeat=4)]
    estimate = bootstrap(mean, [scores], level=0.8, replicates=20_000)
    np.testing.assert_allclose([estimate.low, estimate.high], np.percentile(every, [10, 90]), atol=0.13)
    assert (estimate.value, estimate.count) == (3.75, 4)


def test_bootstrap_is_scipys_where_there_is_one_stratum():
    scores = np.random.default_rng(1).gamma(2.0, 3.0, 30)
    expected = scipy.stats.bootstrap(
        (scores,), lambda x, axis: scipy.stats.trim_mean(x, 0.25, axis=axis), method="percentile", rng=0
    ).confidence_interval
    estimate = bootstrap(interquartile_mean, [scores], replicates=10_000)
    np.testing.assert_allclose([estimate.low, estimate.high], expected, atol=0.03 * (expected[1] - expected[0]))


def test_seeds_are_redrawn_within_their_stratum_only():
    easy, hard = [100.0, 100.0, 100.0], [1.0, 1.0, 1.0]
    stratified = bootstrap(mean, [easy, hard])
    assert (stratified.low, stratified.high) == (50.5, 50.5)
    pooled = bootstrap(mean, [easy + hard])
    assert pooled.high - pooled.low > 50


def difference(ours, other):
    return mean(ours) - mean(other)


def test_paired_seeds_are_redrawn_together():
    scores = np.random.default_rng(2).normal(0.0, 10.0, 8)
    paired = bootstrap(difference, [scores + 1.0], [scores], paired=True)
    np.testing.assert_allclose([paired.value, paired.low, paired.high], 1.0, atol=1e-9)
    unpaired = bootstrap(difference, [scores + 1.0], [scores])
    assert unpaired.low < 0 < unpaired.high


@pytest.mark.parametrize("paired", [True, False])
def test_difference_of_means_in_one_stratum_is_scipys(paired):
    ours, other = np.random.default_rng(4).normal([[1.0], [0.0]], [[3.0], [1.0]], (2, 6))
    test = scipy.stats.ttest_rel(ours, other) if paired else scipy.stats.ttest_ind(ours, other, equal_var=False)
    expected = test.confidence_interval(0.9)
    found = stats.mean_difference([ours], [other], paired=paired, level=0.9)
    np.testing.assert_allclose([found.value, found.low, found.high], [ours.mean() - other.mean(), *expected])
    assert found.count == 6


def test_difference_of_means_over_strata_is_covered_as_often_as_it_says():
    """Five panels of five seeds, whose spreads differ: where a percentile bootstrap covers nine times in ten."""
    draws = np.random.default_rng(6).normal(0.5, [[0.2], [0.5], [1.0], [1.0], [2.0]], (3000, 5, 5))
    found = [stats.mean_difference(list(draw), list(np.zeros((5, 5))), paired=True) for draw in draws]
    assert np.mean([e.low <= 0.5 <= e.high for e in found]) == pytest.approx(0.95, abs=0.012)


def test_difference_of_means_has_no_interval_where_a_stratum_has_one_seed():
    found = stats.mean_difference([[1.0, 3.0], [5.0]], [[1.0, 1.0], [3.0]], paired=True)
    assert (found.value, found.count) == (1.5, 3)
    assert math.isnan(found.low)


def test_a_seed_without_a_score_takes_its_pair_along():
    ours, other = [1.0, math.nan, 30.0, 500.0], [math.nan, 2.0, 10.0, 480.0]
    for found in (
        stats.mean_difference([ours], [other], paired=True),
        bootstrap(difference, [ours], [other], paired=True),
    ):
        assert (found.value, found.low, found.high, found.count) == (20.0, 20.0, 20.0, 2)
    for compare in (stats.mean_difference, lambda *samples, **options: bootstrap(difference, *samples, **options)):
        with pytest.raises(UserError, match="the same seeds"):
            compare([[1.0, 2.0]], [[1.0]], paired=True)
        with pytest.raises(UserError, match="strata: a number in place of a stratum"):
            compare([1.0, 2.0], [1.0, 2.0], paired=True)


def test_bootstrap_of_the_interquartile_mean_covers_it():
    draws = np.random.default_rng(3).normal(0.0, 1.0, (300, 2, 10))
    found = [bootstrap(interquartile_mean, list(draw), replicates=300) for draw in draws]
    assert 0.88 < np.mean([e.low <= 0.0 <= e.high for e in found]) < 0.98


@given(SCORES, SCORES)
def test_probability_of_improvement_is_mann_whitneys(ours, other):
    statistic = scipy.stats.mannwhitneyu(ours, other).statistic
    found = stats.probability_of_improvement([np.array(ours)], [np.array(other)])
    assert float(found) == pytest.approx(statistic / (len(ours) * len(other)))


def test_probability_of_improvement_weighs_tasks_equally():
    ours, other = [np.array([2.0]), np.zeros(5)], [np.array([1.0]), np.ones(5)]
    assert float(stats.probability_of_improvement(ours, other)) == 0.5


@given(SCORES)
def test_profile_is_the_survival_function(scores):
    thresholds = np.linspace(-1e3, 1e3, 17)
    expected = scipy.stats.ecdf(np.array(scores)).sf.evaluate(thresholds)
    np.testing.assert_allclose(stats.performance_profile([np.array(scores)], thresholds), expected, atol=1e-12)


def test_spread_pools_the_variances_within_strata():
    assert float(stats.spread([np.array([0.0, 2.0]), np.array([100.0, 100.0]), np.array([7.0])])) == 1.0
    assert np.isnan(stats.spread([np.array([7.0])]))
    steady, wild = np.array([9.0, 11.0]), np.array([0.0, 20.0])
    assert float(stats.spread_ratio([steady], [wild])) == pytest.approx(0.1)
    assert float(stats.spread_ratio([wild], [np.ones(2)])) == math.inf
    assert float(stats.spread_ratio([np.ones(2)], [np.ones(2)])) == 1.0
    ends = stats.bootstrap(stats.spread_ratio, [np.arange(5.0)], [np.ones(5)])
    assert (ends.low, ends.high) == (math.inf, math.inf)


def test_normalised_scores():
    np.testing.assert_allclose(stats.normalise([10.0, 20.0, 40.0], 10.0, 30.0), [0.0, 0.5, 1.5])
    np.testing.assert_array_equal(stats.normalise([5.0], 5.0, 5.0), [0.0])


def test_area_under_straight_lines():
    steps = np.array([100.0, 150.0, 300.0])
    np.testing.assert_allclose(stats.area_under_curve(steps, [2 * steps, np.full(3, 7.0)]), [400.0, 7.0])
    assert stats.area_under_curve([100], [3.0]) == 3.0


def test_threshold_is_reached_by_the_mean_of_a_window():
    steps = [10, 20, 30, 40]
    returns = [[0, 9, 0, 9], [9, 9, 9, 9], [0, 0, 0, 0], [math.nan, 8, 8, 9]]
    np.testing.assert_array_equal(stats.steps_to_threshold(steps, returns, 8), [20, 10, math.inf, 20])
    np.testing.assert_array_equal(stats.steps_to_threshold(steps, returns, 8, window=2), [math.inf, 20, math.inf, 30])
    np.testing.assert_array_equal(stats.steps_to_threshold(steps, returns, 8, window=5), [math.inf] * 4)


def test_restricted_mean_is_the_area_under_kaplan_meier():
    times, budget = np.array([30.0, 70.0, math.inf, 20.0, math.inf]), 100.0
    data = scipy.stats.CensoredData(uncensored=times[np.isfinite(times)], right=[budget, budget])
    survival = scipy.stats.ecdf(data).sf
    ends = np.concatenate([[0.0], np.sort(times[np.isfinite(times)]), [budget]])
    area = sum((right - left) * survival.evaluate(left) for left, right in itertools.pairwise(ends))
    found = stats.reach(times, budget)
    assert found.restricted.value == pytest.approx(float(area))
    assert (found.reached, found.total, found.median) == (3, 5, 70.0)
    assert stats.reach([math.inf, 20.0], budget).median == math.inf


def test_saving_is_paired_and_bounded_by_censoring():
    other = np.array([1000.0, 2000.0, 3000.0])
    found = stats.saving(0.7 * other, other, 4000.0)
    np.testing.assert_allclose([found.value, found.low, found.high], 0.3, atol=1e-12)
    slower = np.array([1000.0, 2000.0, math.inf])
    assert stats.saving(0.7 * other, slower, 4000.0).value == pytest.approx(1 - 4200 / 7000)
    assert stats.saving(other, other, 4000.0).value == 0.0


def test_saving_is_covered_as_often_as_it_says():
    rng = np.random.default_rng(7)
    other = rng.normal(3000.0, 400.0, (3000, 5))
    ours = 0.5 * other + rng.normal(600.0, 300.0, (3000, 5))
    found = [stats.saving(*pair, 1e6) for pair in zip(ours, other, strict=True)]
    assert np.mean([e.low <= 0.3 <= e.high for e in found]) == pytest.approx(0.95, abs=0.012)


def test_curve_is_over_members_at_each_step_whatever_the_order():
    rows = [row(1, 20, 8.0), row(0, 10, 1.0), row(1, 10, 3.0), row(0, 20, None)]
    drawn = curve(rows)
    assert list(drawn.steps) == [10, 20]
    assert [e.value for e in drawn.estimates] == [2.0, 8.0]
    assert [e.count for e in drawn.estimates] == [2, 1]
    np.testing.assert_array_equal(drawn.members, [[1.0, np.nan], [3.0, 8.0]])
    assert drawn.seeds == [0, 1]


def test_groups_are_noise_levels_and_methods():
    rows = [row(0, 1, 1.0), row(1, 1, 1.0, noise=0.2), row(2, 1, 1.0, method="td3")]
    found = groups(rows)
    assert {noise: list(lines) for noise, lines in found.items()} == {
        "no noise": ["dst", "td3"],
        "obs_scale 0.2": ["dst"],
    }
    assert found["no noise"]["td3"] == [rows[2]]
    assert list(groups([rows[0], row(3, 1, 1.0, env="ant")])) == ["hopper, no noise", "ant, no noise"]


def test_last_row_of_each_member():
    rows = [row(0, 1, 1.0), row(1, 1, 2.0), row(0, 2, 3.0)]
    assert last_rows(rows) == [rows[2], rows[1]]


def test_pairs_are_the_seeds_that_both_have():
    ours = [row(0, 1, 5.0, seed=7), row(1, 1, 6.0, seed=3), row(2, 1, None, seed=4)]
    other = [row(3, 1, 1.0, seed=3), row(4, 1, 2.0, seed=4), row(5, 1, 9.0, seed=7)]
    mine, theirs = stats.paired_scores(ours, other)
    assert (list(mine), list(theirs)) == ([6.0, 5.0], [1.0, 9.0])


def test_against_rliable():
    """The published implementation, where it is installed: it needs an old pandas, which this project does not."""
    pytest.importorskip(
        "rliable", reason="rliable is not installed (pip install rliable 'pandas<3')", exc_type=ImportError
    )
    from rliable import library, metrics

    rng = np.random.default_rng(5)
    ours, other = rng.gamma(2.0, 1.0, (8, 3)), rng.gamma(2.0, 1.2, (8, 3))
    strata = list(ours.T), list(other.T)
    assert float(interquartile_mean(strata[0])) == pytest.approx(metrics.aggregate_iqm(ours))
    expected = metrics.probability_of_improvement(ours, other)
    assert float(stats.probability_of_improvement(*strata)) == pytest.approx(expected)
    taus = np.linspace(0.0, 6.0, 13)
    profile = [library.run_score_deviation(ours, tau) for tau in taus]
    np.testing.assert_allclose(stats.performance_profile(strata[0], taus), profile)
