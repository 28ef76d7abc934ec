"""Statistics on numbers that can be checked by hand or in a book."""

import math

import numpy as np
import pytest
import scipy.stats

from folklore import stats


def test_t_interval_of_a_hand_example():
    # Mean 3, s = sqrt(10 / 4), t(4) at 97.5 % is 2.776 in every table: 3 ± 2.776 * 1.5811 / sqrt(5) = 3 ± 1.963.
    lo, hi = stats.t_interval([1, 2, 3, 4, 5])
    assert (lo, hi) == pytest.approx((1.037, 4.963), abs=5e-4)


def test_t_interval_of_students_own_data():
    # Student 1908, "The probable error of a mean", section IX: hours of sleep gained with hyoscyamine in two forms.
    gained = [1.2, 2.4, 1.3, 1.3, 0.0, 1.0, 1.8, 0.8, 4.6, 1.4]
    # As R prints it for its data set `sleep`: t.test(extra ~ group, paired = TRUE).
    assert stats.t_interval(gained) == pytest.approx((0.7001142, 2.4598858), abs=1e-6)


@pytest.mark.parametrize("confidence", [0.5, 0.9, 0.95, 0.999])
@pytest.mark.parametrize("values", [[0, 1], [3, 1, 4, 1, 5], [-1e6, 0, 1e6], list(range(100))])
def test_t_interval_equals_scipys(values, confidence):
    expected = scipy.stats.t.interval(confidence, len(values) - 1, np.mean(values), scipy.stats.sem(values))
    assert stats.t_interval(values, confidence) == pytest.approx(expected, rel=1e-9)


def test_t_interval_of_equal_values_is_a_point():
    assert stats.t_interval([2, 2, 2]) == (2.0, 2.0)


@pytest.mark.parametrize("values", [[], [5]])
def test_too_few_values_have_neither_interval_nor_spread(values):
    assert all(math.isnan(bound) for bound in stats.t_interval(values))
    assert math.isnan(stats.sample_std(values))


def test_sample_std_divides_by_one_less_than_the_number():
    assert stats.sample_std([1, 3, 5]) == 2.0  # (4 + 0 + 4) / 2 = 4
    assert stats.sample_std(np.array([1, 3])) == pytest.approx(math.sqrt(2))


def test_paired_difference_is_taken_seed_by_seed():
    values, baseline = {2: 30, 0: 10, 10: 50}, {10: 5, 2: 3, 0: 1}
    assert stats.paired_difference(values, baseline).tolist() == [9, 27, 45]  # seeds 0, 2, 10


def test_seeds_that_only_one_side_has_are_left_out():
    assert stats.paired_difference({0: 5, 1: 7}, {1: 4, 2: 9}).tolist() == [3]
    assert stats.paired_difference({0: 5}, {1: 4}).shape == (0,)


def test_statistics_give_plain_floats():
    assert {type(bound) for bound in stats.t_interval(np.float32([1, 2]))} == {float}
    assert type(stats.sample_std(np.float32([1, 2]))) is float
