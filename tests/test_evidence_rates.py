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
    found = rates(stored, [0] * 8, [0] * 8, {"against": 0.05, "by": 0.01})
    assert found.verdict == "undecided"
    assert found.ci[0] < 0 < found.ci[1]
    assert found.p == 1


def test_seeds_needed_for_rate_follow_its_interval(stored):
    found = rates(stored, [0] * 8, [0] * 8, {"by": 0.1})
    n = found.seeds_needed
    assert n > 40
    lo, hi = statistics.newcombe_from_counts((0, 0, 0, n), 0.98)
    assert -0.1 < lo < hi < 0.1


def test_pairs_count_in_interval_of_rates(stored):
    # Eight of ten runs fail in both arms, in the same seeds: no pair differs.
    alike = rates(stored, [1] * 8 + [0] * 2, [1] * 8 + [0] * 2, {"by": 0.1})
    crossed = rates(stored, [1] * 8 + [0] * 2, [0] * 2 + [1] * 8, {"by": 0.1})
    assert alike.effect == crossed.effect == 0
    assert alike.ci[1] - alike.ci[0] < crossed.ci[1] - crossed.ci[0]


def test_word_of_rates_needs_mcnemar_whatever_bound_is_passed(stored):
    # Eight of eight against none: McNemar's p is .0078, above a quarter of the first look's level.
    three = [
        {"arm": "arm", "direction": d, "by": 0.2, "metric": RATE} for d in ("better", "no difference", "not worse")
    ]
    declare(stored, [BETTER | {"metric": RATE, "by": 0.2, "direction": "worse"}, *three])
    for seed in range(8):
        add_run(stored, "arm", seed, 1, status="diverged")
        add_run(stored, "base", seed, 1)
    found = compare(stored, "divergence")
    assert found.hypotheses[0].verdict == "undecided"
    assert "McNemar's test does not agree" in found.hypotheses[0].doubt
    assert found.arms["arm"].difference.ci[1] <= 1


def test_rate_of_collapse_is_metric_of_its_own(stored):
    declare(stored, [BETTER | {"metric": {"name": "collapse", "goal": "min"}, "by": 0.1}])
    for seed in range(10):
        add_run(stored, "base", seed, 1, collapse={"epoch": 1, "reason": "no better"} if seed else None)
        add_run(stored, "arm", seed, 1, status="diverged" if seed == 0 else "done")
    (found,) = compare(stored).hypotheses
    assert found.effect == pytest.approx(0.9)
    assert compare(stored, "failure").arms["arm"].mean == pytest.approx(0.1)
    assert compare(stored, "divergence").arms["base"].mean == 0


def test_trend_of_rates_is_refused():
    with pytest.raises(DeclarationError, match="a trend of rates has no interval"):
        Hypothesis(("a", "b", "c"), "worse", 0.1, Metric("divergence", "min"))
