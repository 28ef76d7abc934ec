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


def test_a_rate_against_a_number_has_wilsons_interval_and_a_binomial_test(stored):
    found = rates(stored, [0] * 6, [0] * 6, {"against": 0.05, "by": 0.01})
    assert found.verdict == "undecided"
    assert found.ci[0] < 0 < found.ci[1]
    assert found.p == 1


def test_seeds_needed_for_a_rate_follow_from_its_own_interval(stored):
    found = rates(stored, [0] * 6, [0] * 6, {"by": 0.1})
    n = found.seeds_needed
    assert n > 40
    lo, hi = statistics.newcombe_difference(0, n, 0, n, 0.98)
    assert -0.1 < lo < hi < 0.1


def test_rates_have_no_trend():
    with pytest.raises(DeclarationError, match="a trend of rates has no interval"):
        Hypothesis(("a", "b", "c"), "worse", 0.1, Metric("divergence", "min"))
