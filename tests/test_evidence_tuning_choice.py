"""Which point of its grid a seed of the comparison is trained at."""

import numpy as np
import pytest

from folklore.evidence.tuning_choice import as_text, point_of, variance_between, variance_of_choice
from folklore.storage.schema import Tried, Tuned


def tuned(*scores, goal="min", by_seed=True):
    tried = [Tried(point={"optimizer.learning_rate": rate}, scores=list(row)) for rate, row in enumerate(scores)]
    return Tuned(goal=goal, by_seed=by_seed, tried=tried, best={"optimizer.learning_rate": 0}, edges={})


def rates(of, seeds=200):
    return [point_of(of, seed)["optimizer.learning_rate"] for seed in range(seeds)]


def test_clear_winner_is_taken_in_every_seed():
    assert set(rates(tuned((5, 5, 5, 5), (1, 2, 1, 2), (4, 4, 4, 4)))) == {1}
    assert set(rates(tuned((5, 5, 5, 5), (1, 2, 1, 2), (4, 4, 4, 4), goal="max"))) == {0}


def test_seeds_share_points_that_tie():
    found = rates(tuned((1, 3, 1, 3), (3, 1, 3, 1), (9, 9, 9, 9)))
    assert 60 < found.count(0) < 160  # half of 200, and ties within a sample go to the first
    assert found.count(1) == 200 - found.count(0)


def test_choice_depends_only_on_seed():
    one = tuned((1, 3, 1, 3), (3, 1, 3, 1))
    assert rates(one, 20) == rates(one, 20)


def test_point_that_failed_wins_only_without_its_failures():
    found = rates(tuned((9, 9, 9, 9), (None, 1, 1, 1)))
    assert set(found) == {0, 1}
    assert 0.6 < found.count(0) / 200 < 0.8  # 1 - (3/4)^4 of the samples hold the failure


def test_all_points_failed_gives_best_of_all():
    assert set(rates(tuned((None, None), (None, None)))) == {0}


def test_earlier_tuning_gives_all_seeds_one_point():
    assert set(rates(tuned((5, 5, 5), (1, 1, 9), by_seed=False))) == {0}


@pytest.mark.parametrize(
    ("point", "text"),
    [({}, ""), ({"optimizer.learning_rate": 0.01, "batch_size": 64}, "learning_rate 0.01, batch_size 64")],
)
def test_point_as_text(point, text):
    assert as_text(point) == text


def test_variance_between_points_matches_hand_calculation():
    # Means 1 and 3, two seeds each: 1. Within: two squares of .25 in each, 1 in all, over two degrees of freedom, .5,
    # of which (2 - 1) / 4 is noise in the means.
    effects = np.array([0.5, 1.5, 2.5, 3.5])
    assert variance_between(effects, ["a", "a", "b", "b"]) == pytest.approx(1 - 0.5 / 4)
    assert variance_between(effects, ["a"] * 4) == 0
    assert variance_between(np.array([1.0, 3.0, 1.0, 3.0]), ["a", "a", "b", "b"]) == 0  # all of it is within


def test_choice_that_is_clear_leaves_no_variance():
    assert variance_of_choice(tuned((5, 5, 5, 5), (1, 2, 1, 2))) == pytest.approx(0)
    assert variance_of_choice(tuned((1, 3, 1, 3), (3, 1, 3, 1.2), by_seed=False)) == 0


def test_choice_among_points_that_differ_leaves_variance():
    unsure = variance_of_choice(tuned((1.0, 3.0, 1.0, 3.0), (3.0, 1.0, 2.0, 1.0)))
    assert 0.01 < unsure < 0.25
    assert variance_of_choice(tuned((1.0, 3.0, 1.0, 3.0), (3.0, 1.0, 2.0, 1.0), (None, 0, 0, 0))) == unsure
