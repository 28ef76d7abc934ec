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
    assert statistics.paired_difference(values, baseline) == {0: 9, 2: 27, 10: 45}


def test_seeds_of_only_one_side_are_excluded():
    assert statistics.paired_difference({0: 5, 1: 7}, {1: 4, 2: 9}) == {1: 3}
    assert statistics.paired_difference({0: 5}, {1: 4}) == {}


def test_statistics_return_plain_floats():
    assert {type(bound) for bound in statistics.t_interval(np.float32([1, 2]))} == {float}
    assert type(statistics.sample_std(np.float32([1, 2]))) is float


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
    # Newcombe 1998, "Improved confidence intervals for the difference between binomial proportions based on paired
    # data", table II, method 10: both, only the first, only the second, neither.
    [
        ((36, 12, 2, 0), 0.0569, 0.3404),
        ((54, 0, 0, 0), -0.0664, 0.0664),
        ((0, 30, 0, 0), 0.8395, 1.0),
    ],
)
def test_newcombe_differences_match_literature(counts, lo, hi):
    assert statistics.newcombe_from_counts(counts, 0.95) == pytest.approx((lo, hi), abs=6e-5)


def test_newcombe_difference_counts_pairs():
    a, b = [1] * 36 + [1] * 12 + [0] * 2, [1] * 36 + [0] * 12 + [1] * 2
    assert statistics.newcombe_difference(a, b) == pytest.approx(statistics.newcombe_from_counts((36, 12, 2, 0), 0.95))
    assert np.isnan(statistics.newcombe_difference([], [])).all()


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
    assert statistics.sign_flip_test([1, 2, 3, 4, 5], "greater") == 1 / 32
    assert statistics.sign_flip_test([-1, -2], "greater") == 1


@pytest.mark.parametrize("n", [5, 9, 13, 20])
def test_sign_flip_test_equals_scipy(n):
    values = np.random.default_rng(n).normal(0.3, 1, n)
    for alternative in ("two-sided", "greater"):
        expected = scipy.stats.permutation_test(
            (values,), np.mean, permutation_type="samples", n_resamples=20_000, alternative=alternative, rng=0
        )
        assert statistics.sign_flip_test(values, alternative) == pytest.approx(
            expected.pvalue, abs=0 if n < 14 else 0.02
        )


def test_skewness_corrected_t_is_student_s_without_skewness():
    values = np.array([-1.0, 0.0, 1.0, 2.0, 3.0])
    error = statistics.sample_std(values) / np.sqrt(5)
    student = scipy.stats.ttest_1samp(values, 0.0, alternative="greater").pvalue
    assert statistics.skewness_corrected_t(values, error) == pytest.approx(2 * student)


def test_skewness_corrected_t_doubts_side_of_short_tail():
    # Exponential values have their long tail above: their mean looks too low too often.
    values = np.random.default_rng(0).exponential(size=(4_000, 12)) - 1
    below = [statistics.skewness_corrected_t(-row, statistics.sample_std(row) / np.sqrt(12)) < 0.05 for row in values]
    student = scipy.stats.ttest_1samp(values, 0.0, axis=1, alternative="less").pvalue < 0.025
    assert np.mean(student) > 0.06
    assert np.mean(below) < 0.6 * np.mean(student)


def test_runs_without_failure_leave_rates_possible():
    assert [round(statistics.unseen_rate(n), 2) for n in (8, 20, 30)] == [0.31, 0.14, 0.10]
    assert statistics.unseen_rate(0) == 1


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
    assert statistics.linear_contrast(range(len(row))) @ row == pytest.approx(change)


def test_linear_contrast_uses_numeric_values():
    rates = np.array([0, 0.05, 0.1, 0.2, 0.5])
    assert statistics.linear_contrast(rates) @ (3 + 2 * rates) == pytest.approx(1.0)  # a line of slope 2 over .5
    at_half = statistics.linear_contrast(rates) @ [0, 0, 0, 0, 1]
    assert at_half > statistics.linear_contrast(range(5)) @ [0, 0, 0, 0, 1]  # the last arm stands far out


def test_variance_from_rows_widens_interval():
    lo, hi = statistics.t_interval([1, 2, 3, 4, 5], from_rows=0.5)  # 10 / 4 / 5 = .5 from seeds
    assert hi - lo == pytest.approx(2 * 2.776445)


@pytest.mark.parametrize("n", [6, 10, 30])
def test_intervals_have_stated_coverage(n):
    studies = np.random.default_rng(n).normal(3, 7, size=(10_000, n))
    covered = np.mean([lo <= 3 <= hi for lo, hi in map(statistics.t_interval, studies)])
    assert covered == pytest.approx(0.95, abs=0.0065)  # three standard errors
