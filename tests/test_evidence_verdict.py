"""Verdicts from intervals, by the rules of evidence."""

import numpy as np
import pytest

from folklore.evidence import sequential, statistics
from folklore.evidence.forecast import seeds_needed
from folklore.evidence.sample import Means
from folklore.evidence.verdict import Evidence, claims_p, interval_passes, judge, read

CLEAR = [3, 3.1, 3.2, 2.9, 3, 2.8, 3.1, 2.9]


def evidence(values, direction="better", delta=1.0, from_rows=0.0, looks=(), steps=()):
    values = np.array(values, dtype=float)
    return Evidence(Means(values, from_rows), tuple(range(len(values))), direction, delta, looks, steps)


def values(mean, n, std):
    """Values with exactly this mean and standard deviation."""
    drawn = np.random.default_rng(n).normal(size=n)
    return mean + std * (drawn - drawn.mean()) / drawn.std(ddof=1)


@pytest.mark.parametrize(
    ("lo", "hi", "better", "no_difference", "not_worse"),
    [
        (1.5, 3, "supported", "refuted", "supported"),
        (1, 3, "supported", "refuted", "supported"),
        (0.5, 3, "supported, open", "undecided, open", "supported"),
        (0.1, 0.9, "no practical difference", "supported", "supported"),
        (-0.9, 0.9, "no practical difference", "supported", "supported"),
        (-0.9, -0.1, "no practical difference", "supported", "supported"),
        (-3, -0.5, "refuted, open", "undecided, open", "undecided"),
        (-3, -1, "refuted", "refuted", "refuted"),
        (-3, -2, "refuted", "refuted", "refuted"),
        (-0.5, 3, "undecided", "undecided", "supported"),
        (-3, 0.5, "undecided", "undecided", "undecided"),
        (-1, 0.5, "undecided", "undecided", "undecided"),  # the bound itself is not inside
        (0, 3, "undecided", "undecided", "supported"),
    ],
)
def test_interval_determines_verdict(lo, hi, better, no_difference, not_worse):
    def said(direction):
        word, size = read(interval_passes(lo, hi), direction, 1)
        assert size == "open" or (size == "settled") == (word != "undecided")
        return word + (", open" if size == "open" else "")

    assert said("better") == said("worse") == said("slope") == better
    assert said("no difference") == no_difference
    assert said("not worse") == not_worse


@pytest.mark.parametrize("n", [0, 1, 2, 7])
def test_fewer_than_eight_seeds_never_give_verdict(n):
    one = evidence([100 + i / 10 for i in range(n)])
    (verdict,) = judge([one])
    assert (verdict.word, verdict.size) == ("undecided", None)
    assert seeds_needed(one, verdict) == (8, None)


def test_eight_clear_seeds_give_verdict():
    (verdict,) = judge([evidence(CLEAR)])
    assert (verdict.word, verdict.size, verdict.doubt) == ("supported", "settled", "")
    assert verdict.confidence == 1 - sequential.level((8,))
    assert (verdict.lo, verdict.hi) == pytest.approx(statistics.t_interval(CLEAR, verdict.confidence))


def test_variance_from_test_rows_counts():
    assert judge([evidence(CLEAR, from_rows=1.0)])[0].word == "undecided"
    assert judge([evidence(CLEAR, from_rows=0.01)])[0].word == "supported"


def test_hypotheses_share_alpha():
    unclear = [0.2, 3, -2, 2, 4, -3, 1, -1]
    verdicts = judge([evidence(unclear), evidence(CLEAR), evidence(unclear)])
    assert {verdict.confidence for verdict in verdicts} == {1 - sequential.level((8,), alpha=sequential.ALPHA / 3)}


def test_sign_flip_test_of_eight_seeds_cannot_agree_at_third_of_level():
    # Its least two-sided p is 2 / 2^8 = .0078, and a third of alpha leaves .004 at the first look.
    (alone,), family = judge([evidence(CLEAR)]), judge([evidence(CLEAR)] * 3)
    assert alone.word == "supported"
    assert {verdict.word for verdict in family} == {"undecided"}
    assert "the sign-flip test does not agree (p = 0.0078, the level is 0.004)" in family[0].doubt
    assert judge([evidence(CLEAR + CLEAR[:4])] * 3)[0].word == "supported"


def test_word_that_one_seed_decides_is_not_given():
    drawn = values(0.0, 12, 1.0)
    level = sequential.level((8, 12))
    # The least shift whose interval lies above 0: without its most favourable seed it would not.
    shift = next(shift for shift in np.arange(0.5, 2, 0.005) if Means(drawn + shift).interval(level)[0] > 0)
    (verdict,) = judge([evidence(drawn + shift, delta=0.1, looks=(8,))])
    assert (verdict.word, verdict.lo > 0) == ("undecided", True)
    p, place = Means(drawn + shift).p_without_one(0.0, above=True)
    assert p > level
    assert verdict.doubt == f"the interval alone would say 'supported, size open', but not without seed {place}"
    assert judge([evidence(drawn + 1.5 * shift, delta=0.1, looks=(8,))])[0].word == "supported"


def test_size_that_one_seed_settles_is_open_and_says_why():
    drawn = values(0.0, 12, 1.0)
    level = sequential.level((8, 12))
    shift = next(shift for shift in np.arange(1, 4, 0.005) if Means(drawn + shift).interval(level)[0] > 1)
    (verdict,) = judge([evidence(drawn + shift, delta=1.0, looks=(8,))])
    assert (verdict.word, verdict.size) == ("supported", "open")
    assert verdict.doubt.startswith("the interval alone would say 'supported', but not without seed")


def test_doubt_leaves_weaker_word():
    # Inside (-δ, δ) by a hair, and above 0 beyond doubt.
    drawn = values(0.0, 30, 1.0) * 0.3
    level = sequential.level((8, 30))
    hi = Means(drawn + 0.5).interval(level)[1]
    (verdict,) = judge([evidence(drawn + 0.5, delta=hi + 1e-6, looks=(8,))])
    assert (verdict.word, verdict.size) == ("supported", "open")
    assert "the interval alone would say 'no practical difference'" in verdict.doubt


def test_looks_that_were_taken_cost_confidence():
    n = 16
    (with_looks,), (alone,) = (judge([evidence(values(0, n, 1), looks=looks)]) for looks in ((8, 12), ()))
    assert with_looks.confidence == 1 - sequential.level((8, 12, 16))
    assert alone.confidence == 1 - sequential.level((16,)) < with_looks.confidence


def test_looks_at_more_seeds_do_not_count():
    assert evidence(CLEAR, looks=(8, 12, 30)).taken == (8,)


def test_after_planned_end_e_value_decides():
    n = 40
    for t, word in ((2.9, "undecided"), (6.0, "supported")):
        one = evidence(values(t / np.sqrt(n), n, 1), delta=0.01, looks=(8,))
        (verdict,) = judge([one])
        assert verdict.word == word
        assert (one.sample.e_value(0.0, above=True) > 5 / sequential.ALPHA) == (word == "supported")


def test_the_more_the_better_holds_in_every_step():
    noise = np.array([*CLEAR, *CLEAR[:4]]) - 3
    slope = noise + 3.0
    up, flat, down = (Means(noise + step) for step in (2.0, 0.0, -2.5))
    good = evidence(slope, steps=(("a to b", up), ("b to c", flat)))
    bad = evidence(slope, steps=(("a to b", up), ("b to c", down)))
    unclear = evidence(slope, steps=(("a to b", up), ("b to c", Means(3 * noise - 0.9))))
    assert judge([good])[0].word == "supported"
    (refuted,) = judge([bad])
    assert (refuted.word, refuted.size, refuted.step) == ("refuted", "settled", 1)
    assert claims_p(bad, refuted, 30)[0] < 0.05 < 5 < claims_p(bad, refuted, 30)[1]
    (verdict,) = judge([unclear])
    assert (verdict.word, verdict.size) == ("undecided", None)
    assert verdict.doubt == "the slope is supported, but the step b to c may go the other way"


def test_p_is_smallest_alpha_that_gives_word():
    one = evidence(values(1.0, 16, 1.0), delta=0.1, looks=(8, 12))
    (verdict,) = judge([one])
    p, e = claims_p(one, verdict, 30)
    assert verdict.word == "supported"
    for alpha, word in ((p * 1.05, "supported"), (p * 0.95, "undecided")):
        assert judge([one], alpha=alpha)[0].word == word
    assert e > 1


def test_p_of_no_difference_is_that_of_two_one_sided_tests():
    one = evidence(values(0.1, 16, 0.3), direction="no difference", delta=0.5)
    (verdict,) = judge([one])
    p, _ = claims_p(one, verdict, 30)
    assert verdict.word == "supported"
    assert p < 0.05
    tight = evidence(values(0.1, 16, 0.3), direction="no difference", delta=0.11)
    assert claims_p(tight, judge([tight])[0], 30)[0] > 0.5


def test_no_hypotheses_give_no_verdicts():
    assert judge([]) == []


@pytest.mark.parametrize(
    ("mean", "std", "even"), [(2.0, 2.2, 12), (0.1, 1.0, 22), (0.02, 6.0, None)], ids=["clear", "small", "hopeless"]
)
def test_seeds_needed_follow_effect_and_spread(mean, std, even):
    one = evidence(values(mean, 8, std), delta=0.6)
    (verdict,) = judge([one])
    found, ninety = seeds_needed(one, verdict)
    if even is None:
        assert found is None or found > 150
    else:
        assert even <= found <= 4 * even
        assert ninety is None or ninety > found


def test_settled_verdict_needs_no_more_seeds():
    one = evidence(CLEAR)
    assert seeds_needed(one, judge([one])[0]) == (None, None)


def test_open_size_needs_more_seeds_than_word():
    one = evidence(values(1.0, 12, 0.8), delta=0.9)
    (verdict,) = judge([one])
    assert (verdict.word, verdict.size) == ("supported", "open")
    assert seeds_needed(one, verdict)[0] > 12
