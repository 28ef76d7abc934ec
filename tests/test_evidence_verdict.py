"""Verdicts from intervals, by the rules of evidence."""

import numpy as np
import pytest

from folklore.evidence import sequential, statistics
from folklore.evidence.verdict import Evidence, judge, read, seeds_needed


def given(mean, n, std, direction="better", delta=1.0):
    return Evidence(mean, n, lambda c, n: statistics.t_from_moments(mean, std, n, c), direction, delta)


def evidence(values, **claimed):
    values = np.array(values, dtype=float)
    return given(values.mean() if len(values) else np.nan, len(values), statistics.sample_std(values), **claimed)


@pytest.mark.parametrize(
    ("lo", "hi", "better", "no_difference"),
    [
        (0.5, 3, "supported", "refuted"),
        (2, 3, "supported", "refuted"),
        (0.1, 0.9, "no practical difference", "supported"),
        (-0.9, 0.9, "no practical difference", "supported"),
        (-0.9, -0.1, "no practical difference", "supported"),
        (-3, -0.5, "refuted", "refuted"),
        (-0.5, 3, "undecided", "undecided"),
        (-3, 0.5, "undecided", "undecided"),
        (-1, 0.5, "undecided", "undecided"),  # the bound itself is not inside
        (0, 3, "undecided", "undecided"),
    ],
)
def test_interval_determines_verdict(lo, hi, better, no_difference):
    assert read(lo, hi, "better", 1) == read(lo, hi, "worse", 1) == better
    assert read(lo, hi, "no difference", 1) == no_difference


@pytest.mark.parametrize("n", [0, 1, 2, 5])
def test_fewer_than_six_seeds_never_give_verdict(n):
    (verdict,) = judge([evidence([100 + i / 10 for i in range(n)])])
    assert (verdict.word, verdict.seeds_needed) == ("undecided", 6)


def test_six_clear_seeds_give_verdict():
    (verdict,) = judge([evidence([3, 3.1, 3.2, 2.9, 3, 2.8])])
    assert (verdict.word, verdict.seeds_needed) == ("supported", None)
    assert verdict.confidence == 1 - sequential.level(6)
    assert (verdict.lo, verdict.hi) == statistics.t_interval([3, 3.1, 3.2, 2.9, 3, 2.8], verdict.confidence)


def test_hypotheses_share_alpha():
    clear, unclear = [3, 3.1, 3.2, 2.9, 3, 2.8], [0.2, 3, -2, 2, 4, -3]
    verdicts = judge([evidence(unclear), evidence(clear), evidence(unclear)])
    assert [verdict.word for verdict in verdicts] == ["undecided", "supported", "undecided"]
    assert {verdict.confidence for verdict in verdicts} == {1 - sequential.level(6, alpha=sequential.ALPHA / 3)}


def test_longer_plan_leaves_less_error_per_look():
    (short,), (long,) = (judge([evidence([3, 3.1, 3.2, 2.9, 3, 2.8])], end) for end in (30, 60))
    assert short.confidence < long.confidence


def test_sharing_alpha_can_leave_hypothesis_undecided():
    # t = 4.3 with five degrees of freedom: two-sided .0077, below the first look's level and above half of it.
    values = np.array([1, 2, 3, 4, 5, 6]) - 3.5
    values = values / statistics.sample_std(values) * np.sqrt(6) / 4.3 + 1
    open_one = evidence([5, -5, 5, -5, 5, -5])
    assert judge([evidence(values)])[0].word == "supported"
    assert judge([evidence(values), open_one])[0].word == "undecided"


def test_no_hypotheses_give_no_verdicts():
    assert judge([]) == []


@pytest.mark.parametrize(("effect", "std", "seeds"), [(2.0, 2.2, 15), (0.1, 1.0, 30), (0.5, 6.0, None)])
def test_seeds_needed_follow_effect_and_spread(effect, std, seeds):
    found = seeds_needed(given(effect, 6, std, delta=0.6))
    assert found == seeds or (seeds is None and (found is None or found > 200))


def test_seeds_needed_suffice_if_nothing_changes():
    found = given(0.3, 10, 1.0, direction="worse", delta=0.2)
    n = seeds_needed(found)
    assert read(*found.interval(1 - sequential.level(n), n), "worse", 0.2) == "supported"
    assert read(*found.interval(1 - sequential.level(n - 20), n - 20), "worse", 0.2) == "undecided"
