import math

import numpy as np
import pytest
import scipy.stats

from dstjax.stats import curve, groups, last_rows, mean_interval


def row(member, step, value, method="dst", noise=0.0):
    return {
        "member": member, "method": method, "env": "hopper", "seed": member, "noise.obs_scale": noise,
        "step": step, "eval/return": value,
    }  # fmt: skip


@pytest.mark.parametrize("count", [2, 3, 10])
def test_interval_is_students(count):
    values = np.random.default_rng(count).normal(5.0, 2.0, count)
    low, high = scipy.stats.t.interval(0.9, count - 1, values.mean(), scipy.stats.sem(values))
    estimate = mean_interval(values, level=0.9)
    np.testing.assert_allclose([estimate.low, estimate.high, estimate.mean], [low, high, values.mean()])
    assert estimate.count == count


def test_interval_covers_the_mean_as_often_as_it_says():
    draws = np.random.default_rng(0).normal(1.0, 3.0, (4000, 3))
    estimates = [mean_interval(draw) for draw in draws]
    assert np.mean([e.low <= 1.0 <= e.high for e in estimates]) == pytest.approx(0.95, abs=0.012)


def test_one_seed_has_no_interval_and_none_has_no_mean():
    one = mean_interval([3.0, math.nan, None])
    assert (one.mean, one.count) == (3.0, 1)
    assert math.isnan(one.low)
    assert math.isnan(one.high)
    assert math.isnan(mean_interval([]).mean)


def test_curve_is_over_members_at_each_step_whatever_the_order():
    rows = [row(1, 20, 8.0), row(0, 10, 1.0), row(1, 10, 3.0), row(0, 20, None)]
    drawn = curve(rows)
    assert list(drawn.steps) == [10, 20]
    assert [e.mean for e in drawn.estimates] == [2.0, 8.0]
    assert [e.count for e in drawn.estimates] == [2, 1]
    np.testing.assert_array_equal(drawn.members, [[1.0, np.nan], [3.0, 8.0]])


def test_groups_are_noise_levels_and_methods():
    rows = [row(0, 1, 1.0), row(1, 1, 1.0, noise=0.2), row(2, 1, 1.0, method="td3")]
    found = groups(rows)
    assert {noise: list(lines) for noise, lines in found.items()} == {
        "no noise": ["dst", "td3"],
        "obs_scale 0.2": ["dst"],
    }
    assert found["no noise"]["td3"] == [rows[2]]


def test_last_row_of_each_member():
    rows = [row(0, 1, 1.0), row(1, 1, 2.0), row(0, 2, 3.0)]
    assert last_rows(rows) == [rows[2], rows[1]]
