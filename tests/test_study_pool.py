"""Which of the waiting jobs an idle worker takes, so that as few programs as possible are compiled twice."""

from types import SimpleNamespace

import pytest

from folklore.study.pool import _Job, _next_for


def worker(built=(), trained=()):
    return SimpleNamespace(arms={*built, *trained}, trained=set(trained))


def jobs(*arms):
    return [_Job("train_run", (), arm) for arm in arms]


@pytest.mark.parametrize(
    ("mine", "other", "waiting", "taken"),
    [
        (worker(built="a", trained="b"), worker(trained="c"), "cab", "b"),
        (worker(built="a"), worker(built="b", trained="c"), "cba", "a"),
        (worker(built="ab"), worker(trained="a"), "ab", "b"),
        (worker(), worker(built="b", trained="a"), "ab", "b"),
        (worker(), worker(trained="ab"), "abb", "b"),
    ],
    ids=["trained", "built", "built and not trained by another", "trained by nobody", "most left"],
)
def test_worker_prefers_arms(mine, other, waiting, taken):
    left = jobs(*waiting)
    assert _next_for(mine, left, [other, mine]).arm == taken
    assert len(left) == len(waiting) - 1
