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
    levels = [sequential.level(sequential.LOOKS[:place]) for place in range(1, 6)]
    assert all(0.007 < level < 0.03 for level in levels)
    assert levels[-1] == max(levels)


@pytest.mark.parametrize("looks", [(9,), (8, 9, 10, 11), (8, 29), (8, 12, 16, 22, 30, 31), (50,)])
def test_any_looks_have_a_level(looks):
    assert 0.0003 < sequential.level(looks) < 0.05


def test_more_looks_leave_less_for_last():
    assert sequential.level((30,)) > sequential.level((8, 30)) > sequential.level(tuple(range(8, 31)))


def test_fewer_seeds_than_first_look_are_refused():
    with pytest.raises(ValueError, match="7 seeds are fewer than the first look's 8"):
        sequential.level((7,))


@pytest.mark.parametrize(
    ("most", "planned"),
    [(30, [8, 12, 16, 22, 30]), (14, [8, 12, 14]), (8, [8]), (40, [8, 12, 16, 22, 30, 40])],
)
def test_shorter_and_longer_studies_have_their_own_looks(most, planned):
    assert sequential.planned(most) == planned


def crossed(values, looks, end, alpha=sequential.ALPHA):
    """The share of studies, (studies, seeds), whose t statistic passes the level at any look."""
    wrong = np.zeros(len(values), dtype=bool)
    for place, n in enumerate(looks, 1):
        seen = values[:, :n]
        t = seen.mean(1) / (seen.std(1, ddof=1) / np.sqrt(n))
        wrong |= 2 * special.stdtr(n - 1, -abs(t)) < sequential.level(looks[:place], end, alpha)
    return wrong.mean()


@pytest.mark.parametrize("alpha", [0.05, 0.0125])
def test_all_looks_together_keep_error_below_alpha(alpha):
    values = np.random.default_rng(0).normal(size=(200_000, sequential.LOOKS[-1]))
    error = np.sqrt(alpha / len(values))
    assert 0.92 * alpha < crossed(values, sequential.LOOKS, 30, alpha) < alpha + error


def test_looks_that_were_not_planned_keep_error_below_alpha():
    values = np.random.default_rng(0).normal(size=(50_000, 30))
    assert 0.04 < crossed(values, tuple(range(8, 31)), 30) < 0.053


def test_longer_plan_keeps_error_below_alpha():
    values = np.random.default_rng(0).normal(size=(50_000, 60))
    assert crossed(values, tuple(sequential.planned(60)), 60) < 0.053


def test_looks_after_planned_end_keep_error_below_fifth_of_alpha():
    # The e-value alone, read after every seed from the 31st to the 120th.
    values = np.random.default_rng(0).normal(size=(20_000, 120))
    looks = tuple(range(31, 121))
    assert crossed(values, looks, 30) < 0.01


def test_planned_looks_and_those_after_end_keep_error_near_alpha():
    values = np.random.default_rng(1).normal(size=(20_000, 120))
    assert crossed(values, (*sequential.LOOKS, *range(31, 121)), 30) < 0.056


def test_e_value_is_bayes_factor_of_normal_effects():
    # By numerical integration over effects: the ratio of Student's densities, noncentral and central.
    stats, integrate = pytest.importorskip("scipy.stats"), pytest.importorskip("scipy.integrate")
    n, t, prior = 12, 2.5, 0.2

    def weighted(effect):
        return stats.nct.pdf(t, n - 1, effect * np.sqrt(n)) * stats.norm.pdf(effect, scale=np.sqrt(prior))

    expected = integrate.quad(weighted, -4, 4)[0] / stats.t.pdf(t, n - 1)
    assert sequential.e_value(t, n) == pytest.approx(expected, rel=1e-6)


def test_e_value_reaches_one_over_alpha_at_anytime_level():
    n, alpha = 45, 0.02
    t = special.stdtrit(n - 1, 1 - sequential.level((8, n), 30, alpha) / 2)
    assert sequential.e_value(t, n) == pytest.approx(5 / alpha)


@pytest.mark.parametrize("looks", [(8,), (8, 12, 16), (8, 12, 16, 22, 30), (8, 40)])
@pytest.mark.parametrize("alpha", [1e-6, 0.01, 0.04])
def test_adjusted_p_is_alpha_at_which_level_is_reached(looks, alpha):
    assert sequential.adjusted(sequential.level(looks, 30, alpha), looks) == pytest.approx(alpha, rel=0.03)


def test_adjusted_p_has_ends():
    assert sequential.adjusted(0.0, (8,)) == 0.0
    assert sequential.adjusted(1.0, (8, 12)) == 1.0
    assert sequential.adjusted(0.9, (8,)) == 1.0
