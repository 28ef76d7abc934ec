"""When no verdict is given: failures, and targets that are never reached; what is said of failures nobody saw."""

import numpy as np
import pytest

from folklore.evidence.compare import compare
from folklore.report.formatting import in_words
from folklore.storage import row_outcomes
from folklore.storage.row_outcomes import RowOutcomes
from tests.conftest import add_run, declare

BETTER = {"arm": "arm", "direction": "better", "by": 0.5}
COLLAPSE = {"epoch": 1, "reason": "validation/rmse is 1, no better than the 1 of a constant prediction"}
TARGET = {"name": "epochs to validation/rmse 5", "goal": "min"}


def runs(path, failed, n=20, how="diverged"):
    """Arms whose errors differ by 2; the first runs of each arm fail."""
    for arm, shift in (("base", 0), ("arm", -2)):
        for seed in range(n):
            fails = seed < failed.get(arm, 0)
            spread = 0.1 * (seed % 3) if arm == "arm" else 0.0
            status = "diverged" if fails and how == "diverged" else "done"
            collapse = COLLAPSE if fails and how == "collapse" else None
            add_run(path, arm, seed, 10 + seed + shift + spread, status=status, collapse=collapse)
    (found,) = compare(path).hypotheses
    return found


@pytest.mark.parametrize("how", ["diverged", "collapse"])
@pytest.mark.parametrize(
    ("failed", "withheld"),
    [
        ({}, False),
        ({"arm": 1}, False),
        ({"arm": 1, "base": 2}, False),
        ({"arm": 2}, True),  # two more than in the other arm
        ({"arm": 3, "base": 3}, True),  # more than a tenth
    ],
)
def test_many_or_unequal_failures_withhold_verdict(tmp_path, how, failed, withheld):
    declare(tmp_path, [BETTER])
    found = runs(tmp_path, failed, how=how)
    assert bool(found.withheld) == withheld
    assert found.n == 20 - max(failed.get("arm", 0), failed.get("base", 0))
    if withheld:
        counts = f"{failed['arm']} of 20 runs of 'arm' and {failed.get('base', 0)} of 20 runs of 'base' failed"
        assert counts in found.withheld
        assert in_words(found).count("failed") == 1  # said once
        assert "only the rate of failure can get a verdict" in found.withheld
    else:
        assert found.verdict == "supported"


def test_failures_stand_in_sentence(tmp_path):
    declare(tmp_path, [BETTER])
    found = runs(tmp_path, {"arm": 1})
    assert "Given that training succeeds: 1 of 20 runs of 'arm', 0 of 20 runs of 'base' failed." in in_words(found)
    assert found.unseen is None


def test_failures_that_nobody_saw_are_said_to_be_possible(tmp_path):
    declare(tmp_path, [BETTER])
    assert "No run failed, which leaves failure rates up to 31% possible." in in_words(runs(tmp_path, {}, n=8))


def test_rate_of_failure_gets_verdict_where_metric_does_not(tmp_path):
    rate = {"arm": "arm", "direction": "worse", "by": 0.1, "metric": {"name": "failure", "goal": "min"}}
    declare(tmp_path, [BETTER, rate])
    for seed in range(20):
        add_run(tmp_path, "base", seed, 10 + seed)
        add_run(tmp_path, "arm", seed, 8 + seed, collapse=COLLAPSE if seed < 16 else None)
    about_metric, about_rate = compare(tmp_path).hypotheses
    assert about_metric.withheld
    assert (about_rate.verdict, about_rate.withheld, about_rate.effect) == ("supported", None, 0.8)


def test_collapsed_run_counts_as_failed_and_not_in_mean(tmp_path):
    declare(tmp_path)
    for seed in range(4):
        add_run(tmp_path, "base", seed, 1 + seed, collapse=COLLAPSE if seed == 3 else None)
        add_run(tmp_path, "arm", seed, 1)
    base = compare(tmp_path).arms["base"]
    assert (base.n, base.mean, base.failed) == (3, 2, 1)


@pytest.mark.parametrize(("never", "withheld"), [(0, False), (2, False), (3, True), (10, True)])
def test_target_that_many_never_reach_gives_no_verdict(tmp_path, never, withheld):
    declare(tmp_path, [BETTER | {"metric": TARGET}])
    for seed in range(10):
        reached = [9, 9, 9] if seed < never else [9, 4 if seed % 2 else 9, 4]
        add_run(tmp_path, "base", seed, 1, {"validation/rmse": [9, 9, 4]})
        add_run(tmp_path, "arm", seed, 1, {"validation/rmse": reached})
    (found,) = compare(tmp_path).hypotheses
    said = f"{never} of 10 runs of 'arm' never reach the target"
    assert (found.withheld == said) if withheld else not found.withheld


def test_targets_that_no_run_reaches_are_not_supported_as_equal(tmp_path):
    declare(tmp_path, [BETTER | {"direction": "no difference", "metric": TARGET}])
    for seed in range(10):
        for arm in ("base", "arm"):
            add_run(tmp_path, arm, seed, 1, {"validation/rmse": [9, 9, 9]})
    (found,) = compare(tmp_path).hypotheses
    assert (found.verdict, found.p) == ("undecided", None)
    assert "10 of 10 runs of 'arm' never reach the target" in found.withheld


def test_unequal_grids_are_noted(tmp_path):
    grids = {"arm": {"grid": {"batch_size": [16, 32, 64]}, "edges": {}}}
    declare(tmp_path, [BETTER], tuning=grids)
    runs(tmp_path, {}, n=8)
    assert "arms have different grids: base none; arm batch_size [16, 32, 64]" in compare(tmp_path).notes


def test_run_without_value_withholds_verdict(tmp_path):
    declare(tmp_path, [BETTER])
    runs(tmp_path, {}, n=10)
    add_run(tmp_path, "arm", 4, None)
    (found,) = compare(tmp_path).hypotheses
    assert found.withheld == "seed 4 of 'arm' has no test/rmse"


def test_trend_with_arm_without_runs_names_it(tmp_path):
    arms = ["base", "arm", "more"]
    declare(tmp_path, [{"arm": arms, "direction": "worse", "by": 0.5}], arms=arms)
    for seed in range(8):
        for arm in arms[:2]:
            add_run(tmp_path, arm, seed, seed)
    assert "no run of 'more' has ended" in compare(tmp_path).hypotheses[0].withheld


def test_values_that_differ_by_rounding_are_exact(tmp_path):
    declare(tmp_path, [BETTER])
    for seed in range(8):
        add_run(tmp_path, "base", seed, 0.6 + seed / 10)
        add_run(tmp_path, "arm", seed, 0.5 + seed / 10)
    assert compare(tmp_path).hypotheses[0].withheld.startswith("exact: the effect is +0.1 in every seed")


def test_some_runs_without_test_rows_are_named(tmp_path):
    declare(tmp_path, [BETTER])
    runs(tmp_path, {}, n=8)
    unit = 10.0
    row_outcomes.write(tmp_path / "base" / "seed-0", RowOutcomes(np.arange(4), error=np.ones(4, "f4"), unit=unit))
    warning = "15 of 16 runs have no test rows, so intervals cover seeds and not test rows"
    assert warning in compare(tmp_path).warnings
