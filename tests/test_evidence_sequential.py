"""Planned looks: limits match the literature, and simulated error rates stay below alpha."""

import numpy as np
import pytest
from scipy import special

from folklore.evidence import sequential
from folklore.evidence.sequential import limits


def test_limits_match_literature():
    # O'Brien-Fleming-like spending over five equal looks, two-sided .05 (Lan & DeMets 1983).
    fractions = np.arange(1, 6) / 5
    spent = 4 * special.ndtr(special.ndtri(0.0125) / np.sqrt(fractions))
    assert limits(fractions, np.diff(spent, prepend=0)) == pytest.approx([4.877, 3.357, 2.680, 2.290, 2.031], abs=1e-3)


def test_single_look_spends_all_error():
    assert limits(np.array([9.0]), np.array([0.05])) == pytest.approx([1.959964], abs=1e-6)


def test_levels_rise_and_stay_below_alpha():
    levels = [sequential.level(n) for n in sequential.LOOKS]
    assert all(0.007 < level < 0.03 for level in levels)
    assert levels[-1] == max(levels)


@pytest.mark.parametrize("n", [7, 12, 29, 31, 50])
def test_any_number_of_seeds_has_a_level(n):
    assert 0.001 < sequential.level(n) < 0.05


def test_fewer_seeds_than_first_look_are_refused():
    with pytest.raises(ValueError, match="5 seeds are fewer than the first look's 6"):
        sequential.level(5)


@pytest.mark.parametrize(
    ("most", "planned"),
    [(30, [6, 10, 15, 20, 30]), (12, [6, 10, 12]), (6, [6]), (40, [6, 10, 15, 20, 30, 40])],
)
def test_shorter_and_longer_studies_have_their_own_looks(most, planned):
    assert sequential.planned(most) == planned


@pytest.mark.parametrize("alpha", [0.05, 0.0125])
def test_all_looks_together_keep_error_below_alpha(alpha):
    values = np.random.default_rng(0).normal(size=(200_000, sequential.LOOKS[-1]))
    wrong = np.zeros(len(values), dtype=bool)
    for n in sequential.LOOKS:
        seen = values[:, :n]
        t = seen.mean(1) / (seen.std(1, ddof=1) / np.sqrt(n))
        wrong |= 2 * special.stdtr(n - 1, -abs(t)) < sequential.level(n, alpha=alpha)
    error = np.sqrt(alpha / len(values))
    assert 0.92 * alpha < wrong.mean() < alpha + error


def test_longer_plan_keeps_error_below_alpha():
    plan = sequential.planned(60)
    values = np.random.default_rng(0).normal(size=(50_000, plan[-1]))
    wrong = np.zeros(len(values), dtype=bool)
    for n in plan:
        seen = values[:, :n]
        t = seen.mean(1) / (seen.std(1, ddof=1) / np.sqrt(n))
        wrong |= 2 * special.stdtr(n - 1, -abs(t)) < sequential.level(n, end=60)
    assert wrong.mean() < 0.051
