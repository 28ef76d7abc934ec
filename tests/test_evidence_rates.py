"""Verdicts about rates, such as how many runs diverge."""

import pytest

from folklore.declare.hypothesis import Hypothesis, Metric
from folklore.errors import DeclarationError
from folklore.evidence import statistics
from folklore.evidence.compare import compare
from tests.conftest import add_run, declare

BETTER = {"arm": "arm", "direction": "better", "by": 0.5}
RATE = {"name": "divergence", "goal": "min"}


def rates(stored, arm, against, hypothesis):
    declare(stored, [BETTER | {"metric": RATE} | hypothesis])
    for name, hits in (("arm", arm), ("base", against)):
        for seed, hit in enumerate(hits):
            add_run(stored, name, seed, 1, status="diverged" if hit else "done")
    (found,) = compare(stored).hypotheses
    return found


def test_rate_against_number_uses_wilson_and_binomial_test(stored):
    found = rates(stored, [0] * 6, [0] * 6, {"against": 0.05, "by": 0.01})
    assert found.verdict == "undecided"
    assert found.ci[0] < 0 < found.ci[1]
    assert found.p == 1


def test_seeds_needed_for_rate_follow_its_interval(stored):
    found = rates(stored, [0] * 6, [0] * 6, {"by": 0.1})
    n = found.seeds_needed
    assert n > 40
    lo, hi = statistics.newcombe_difference(0, n, 0, n, 0.98)
    assert -0.1 < lo < hi < 0.1


def test_trend_of_rates_is_refused():
    with pytest.raises(DeclarationError, match="a trend of rates has no interval"):
        Hypothesis(("a", "b", "c"), "worse", 0.1, Metric("divergence", "min"))
