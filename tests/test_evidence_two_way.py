"""The variance that test rows add: influences, and sums that a reader can check by hand."""

from pathlib import Path

import numpy as np
import pytest

from folklore.errors import ProblemError
from folklore.evidence import two_way
from folklore.evidence.two_way import SharedRows
from folklore.storage.row_outcomes import RowOutcomes
from folklore.storage.schema import EndedRun

ROWS = np.arange(4)


def table(error, unit=1.0, rows=ROWS):
    return RowOutcomes(np.array(rows), error=np.array(error, dtype=np.float32), unit=unit)


def images(predicted, target, loss=(1, 1, 1, 1), rows=ROWS):
    return RowOutcomes(np.array(rows), np.array(predicted), np.array(target), np.array(loss, dtype=np.float32))


METRICS = {
    "rmse": lambda error, weight: 2.0 * np.sqrt((error**2) @ weight),
    "mae": lambda error, weight: 2.0 * np.abs(error) @ weight,
    "loss": lambda error, weight: (error**2) @ weight,
}


@pytest.mark.parametrize("metric", METRICS)
def test_influence_is_derivative_with_respect_to_weight_of_row(metric):
    error, step = np.array([0.5, -1.0, 2.0, 0.25]), 1e-6
    found = two_way.influence(metric, table(error, unit=2.0))
    even = np.full(4, 0.25)
    for row in range(4):
        toward = (1 - step) * even + step * np.eye(4)[row]
        slope = (METRICS[metric](error, toward) - METRICS[metric](error, even)) / step
        assert found[row] == pytest.approx(slope, rel=1e-4, abs=1e-5)
    assert found.sum() == pytest.approx(0, abs=1e-9)


def test_influence_on_accuracy_and_loss_is_distance_from_mean():
    outcomes = images([1, 2, 3, 4], [1, 2, 3, 0], loss=(0, 0, 2, 2))
    assert two_way.influence("accuracy", outcomes).tolist() == [0.25, 0.25, 0.25, -0.75]
    assert two_way.influence("loss", outcomes).tolist() == [-1, -1, 1, 1]
    assert two_way.influence("rmse", outcomes) is None
    assert two_way.influence("accuracy", table([1, 1, 1, 1])) is None


def test_perfect_predictions_have_no_influence():
    assert two_way.influence("rmse", table([0, 0, 0, 0])).tolist() == [0, 0, 0, 0]


def test_variance_is_that_of_rows_less_that_of_cells():
    # Two seeds, two rows, influences ±.5: each row sums to ±.25 over both seeds (.5/4 twice), squares .0625 · 2 = .125;
    # cells have (.5/4)² four times, .0625; the difference is .0625.
    influences = np.array([0.5, -0.5])
    alike = {0: (np.array([0, 1]), influences), 1: (np.array([0, 1]), influences)}
    assert two_way.variance_from_rows(alike) == pytest.approx(0.0625)
    assert two_way.variance_from_rows({**alike, 1: (np.array([2, 3]), influences)}) == 0
    assert two_way.variance_from_rows({**alike, 1: (np.array([0, 1]), -influences)}) == 0  # below 0 counts as 0
    assert two_way.variance_from_rows({0: alike[0]}) == 0


def test_shared_rows_give_sampling_variance_of_rows():
    # Every seed sees the same rows with the same outcomes: all that varies is which rows were drawn.
    by_row = np.random.default_rng(0).normal(size=1_000)
    by_row -= by_row.mean()
    same = {seed: (np.arange(1_000), by_row) for seed in range(50)}
    expected = by_row.var() / 1_000 * (1 - 1 / 50)  # the cells' own part is the seeds'
    assert two_way.variance_from_rows(same) == pytest.approx(expected)


def record(metrics=None, rows=None):
    return EndedRun(
        status="done", identity="", recipe={}, metrics=metrics or {},
        data={"name": "", "source": "", "unit": "", "sha256": "", "rows": rows},
    )  # fmt: skip


def shared(outcomes, **stated):
    by_path = {Path(f"{arm}/seed-{seed}"): found for (arm, seed), found in outcomes.items()}
    return SharedRows(dict(zip(outcomes, ((path, record(**stated)) for path in by_path), strict=True)), by_path.get)


def test_effect_has_influences_of_both_arms():
    right, wrong = images([1, 1, 1, 1], [1, 1, 0, 0]), images([1, 1, 1, 1], [0, 1, 0, 0])
    rows = shared({(arm, seed): right if arm == "a" else wrong for arm in "ab" for seed in range(2)})
    # Only row 0 differs: influences of the difference are .75 there and -.25 elsewhere.
    by_row = np.array([0.75, -0.25, -0.25, -0.25]) / 8
    assert rows.variance("test/accuracy", {"a": 1.0, "b": -1.0}, [0, 1]) == pytest.approx(2 * (by_row**2).sum())
    assert rows.variance("test/accuracy", {"a": 1.0, "b": -1.0}, [0]) == 0


@pytest.mark.parametrize("metric", ["validation/accuracy", "probe/dead", "divergence"])
def test_metrics_of_other_parts_have_no_test_rows(metric):
    rows = shared({("a", seed): images([1, 1, 1, 1], [1, 1, 0, 0]) for seed in range(2)})
    assert rows.variance(metric, {"a": 1.0}, [0, 1]) is None


def test_run_without_rows_leaves_seeds_only():
    rows = shared({("a", 0): images([1, 1, 1, 1], [1, 1, 0, 0]), ("a", 1): None})
    assert rows.variance("test/accuracy", {"a": 1.0}, [0]) == 0
    assert rows.variance("test/accuracy", {"a": 1.0}, [0, 1]) is None
    assert rows.variance("test/accuracy", {"a": 1.0}, [0, 7]) is None


@pytest.mark.parametrize(
    ("name", "stated", "message"),
    [
        ("test/rmse", dict(metrics={"test/rmse": 2.0}), "gives test/rmse 1.58114, and run.json says 2"),
        ("test/mae", dict(metrics={"test/mae": 1.0}), "gives test/mae 1.5, and run.json says 1"),
        ("test/rmse", dict(rows={"test": 5}), "holds 4 rows, and the run was tested on 5"),
    ],
)
def test_rows_of_another_run_are_refused(name, stated, message):
    rows = shared({("a", 0): table([1, 1, 2, 2])}, **stated)
    with pytest.raises(ProblemError) as refusal:
        rows.variance(name, {"a": 1.0}, [0])
    assert message in str(refusal.value)


def test_rows_of_the_run_are_accepted():
    right = images([1, 1, 1, 1], [1, 1, 0, 0])
    assert shared({("a", 0): right}, metrics={"test/accuracy": 0.5}, rows={"test": 4}).kept("test/accuracy") == (1, 1)
    far = table([1e5, 1, 1, 1])  # beyond what 16 bits hold: its end was cut off
    assert shared({("a", 0): far}, metrics={"test/rmse": 3.0}).kept("test/rmse") == (1, 1)


def test_arms_with_other_rows_are_not_subtracted():
    rows = shared({("a", 0): table([1, 1, 2, 2]), ("b", 0): table([1, 1, 2, 2], rows=[4, 5, 6, 7])})
    assert rows.variance("test/rmse", {"a": 1.0, "b": -1.0}, [0]) is None


def test_seeds_that_split_again_are_recognised():
    outcomes = {("a", seed): table([1, 1, 2, 2], rows=ROWS + seed) for seed in range(2)}
    assert shared(outcomes).resplit("test/rmse", {"a": 1.0}, [0, 1])
    fixed = {("a", seed): table([1, 1, 2, 2]) for seed in range(2)}
    assert not shared(fixed).resplit("test/rmse", {"a": 1.0}, [0, 1])


def test_corrected_variance_of_splits_matches_hand_calculation():
    # s² = 1; 1/3 + 400/1600 = .5833.
    assert two_way.corrected_variance(np.array([1.0, 2.0, 3.0]), 400, 1_600) == pytest.approx(7 / 12)
