"""Statistics of numbers that a reader can check by hand or in the literature."""

import math

import numpy as np
import pytest
import scipy.stats

from folklore.evidence import statistics


def test_t_interval_matches_hand_calculation():
    # Mean 3, s = sqrt(10 / 4), t(4) at 97.5 % is 2.776 in every table: 3 ± 2.776 * 1.5811 / sqrt(5) = 3 ± 1.963.
    lo, hi = statistics.t_interval([1, 2, 3, 4, 5])
    assert (lo, hi) == pytest.approx((1.037, 4.963), abs=5e-4)


def test_t_interval_matches_students_sleep_data():
    # Student 1908, "The probable error of a mean", section IX: hours of sleep gained with hyoscyamine in two forms.
    gained = [1.2, 2.4, 1.3, 1.3, 0.0, 1.0, 1.8, 0.8, 4.6, 1.4]
    # As R prints it for its data set `sleep`: t.test(extra ~ group, paired = TRUE).
    assert statistics.t_interval(gained) == pytest.approx((0.7001142, 2.4598858), abs=1e-6)


@pytest.mark.parametrize("confidence", [0.5, 0.9, 0.95, 0.999])
@pytest.mark.parametrize("values", [[0, 1], [3, 1, 4, 1, 5], [-1e6, 0, 1e6], list(range(100))])
def test_t_interval_equals_scipy(values, confidence):
    expected = scipy.stats.t.interval(confidence, len(values) - 1, np.mean(values), scipy.stats.sem(values))
    assert statistics.t_interval(values, confidence) == pytest.approx(expected, rel=1e-9)


def test_t_interval_of_equal_values_is_point():
    assert statistics.t_interval([2, 2, 2]) == (2.0, 2.0)


@pytest.mark.parametrize("values", [[], [5]])
def test_too_few_values_have_no_interval_or_spread(values):
    assert all(math.isnan(bound) for bound in statistics.t_interval(values))
    assert math.isnan(statistics.sample_std(values))


def test_sample_std_divides_by_n_minus_one():
    assert statistics.sample_std([1, 3, 5]) == 2.0  # (4 + 0 + 4) / 2 = 4
    assert statistics.sample_std(np.array([1, 3])) == pytest.approx(math.sqrt(2))


def test_paired_difference_matches_seeds():
    values, baseline = {2: 30, 0: 10, 10: 50}, {10: 5, 2: 3, 0: 1}
    assert statistics.paired_difference(values, baseline).tolist() == [9, 27, 45]  # seeds 0, 2, 10


def test_seeds_of_only_one_side_are_excluded():
    assert statistics.paired_difference({0: 5, 1: 7}, {1: 4, 2: 9}).tolist() == [3]
    assert statistics.paired_difference({0: 5}, {1: 4}).shape == (0,)


def test_statistics_return_plain_floats():
    assert {type(bound) for bound in statistics.t_interval(np.float32([1, 2]))} == {float}
    assert type(statistics.sample_std(np.float32([1, 2]))) is float


def test_paired_t_matches_students_sleep_data():
    # R's data set `sleep`: t.test(extra ~ group, paired = TRUE) gives t = -4.0621, df = 9, p-value = 0.002833.
    assert statistics.paired_t([1.2, 2.4, 1.3, 1.3, 0.0, 1.0, 1.8, 0.8, 4.6, 1.4]) == pytest.approx(0.002833, abs=5e-7)


@pytest.mark.parametrize(("values", "p"), [([2, 2, 2], 0.0), ([0, 0, 0], 1.0)])
def test_paired_t_without_spread_is_zero_or_one(values, p):
    assert statistics.paired_t(values) == p


def test_welch_interval_matches_hand_calculation():
    # Means 3 and 1, variances 2 and 2: 2 ± 4.3027, which is t(2) at 97.5 % in every table, times sqrt(2 / 2 + 2 / 2).
    assert statistics.welch_interval([2, 4], [0, 2]) == pytest.approx((2 - 6.0848, 2 + 6.0848), abs=1e-3)


def test_welch_interval_without_spread_is_point():
    assert statistics.welch_interval([2, 2], [1, 1]) == (1, 1)
    assert statistics.welch_interval([2, 2], [1, 1.0001])[0] < 1  # and of nearly equal values, no warning


@pytest.mark.parametrize("values", [[], [1]])
def test_welch_interval_needs_two_values_per_side(values):
    assert np.isnan(statistics.welch_interval(values, [1, 2])).all()


@pytest.mark.parametrize(
    ("hits", "n", "lo", "hi"),
    # Newcombe 1998, "Two-sided confidence intervals for the single proportion", table I, method 3.
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_wilson_intervals_match_literature(hits, n, lo, hi):
    assert statistics.wilson_interval(hits, n) == pytest.approx((lo, hi), abs=6e-5)


@pytest.mark.parametrize(
    ("counts", "lo", "hi"),
    # Newcombe 1998, "Interval estimation for the difference between independent proportions", table II, method 10.
    [((56, 70, 48, 80), 0.0524, 0.3339), ((9, 10, 3, 10), 0.1705, 0.8090), ((0, 10, 0, 10), -0.2775, 0.2775)],
)
def test_newcombe_differences_match_literature(counts, lo, hi):
    assert statistics.newcombe_difference(*counts) == pytest.approx((lo, hi), abs=6e-5)


def test_mcnemar_counts_only_differing_pairs():
    # One pair one way and eight the other: 2 (C(9, 0) + C(9, 1)) / 2⁹ = 20 / 512; the three that agree say nothing.
    a, b = [1] * 8 + [0] + [1, 1, 0], [0] * 8 + [1] + [1, 1, 0]
    assert statistics.mcnemar(a, b) == pytest.approx(20 / 512)
    assert statistics.mcnemar([1, 0], [1, 0]) == 1


def test_holm_matches_hand_calculation():
    # 4 × .005, then 3 × .01, 2 × .03 and 1 × .04, and none below the one before.
    assert statistics.holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert statistics.holm([]) == []


def test_sign_flip_test_matches_hand_calculation():
    assert statistics.sign_flip_test([1, 2, 3, 4, 5]) == 2 / 32  # all signs equal, either way
    assert statistics.sign_flip_test([1, -1]) == 1


def test_resampling_is_deterministic():
    values = np.arange(20) ** 1.5 - 20
    assert statistics.sign_flip_test(values) == statistics.sign_flip_test(values)
    assert statistics.bca_interval(values) == statistics.bca_interval(values)


def test_bca_interval_extends_toward_long_tail():
    values = [0, 0, 1, 1, 1, 2, 2, 3, 5, 15]
    lo, hi = statistics.bca_interval(values)
    assert 0.9 < lo < 3 < hi
    assert hi - 3 > 3 - lo
    assert np.isnan(statistics.bca_interval([2, 2, 2])).all()


@pytest.mark.parametrize(("row", "change"), [([0, 1, 2], 2), ([1, 1, 4], 3), ([5, 5, 5, 5], 0), ([3, 1], -2)])
def test_linear_contrast_is_change_along_line(row, change):
    assert statistics.linear_contrast([row, row]).tolist() == pytest.approx([change, change])


@pytest.mark.parametrize("n", [6, 10, 30])
def test_intervals_have_stated_coverage(n):
    studies = np.random.default_rng(n).normal(3, 7, size=(10_000, n))
    covered = np.mean([lo <= 3 <= hi for lo, hi in map(statistics.t_interval, studies)])
    assert covered == pytest.approx(0.95, abs=0.0065)  # three standard errors
