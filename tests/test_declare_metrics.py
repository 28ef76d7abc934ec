"""Metrics of a run, and expressions made of them."""

import math
import random
from pathlib import Path
from types import SimpleNamespace

import pytest

from folklore.declare import metrics
from folklore.declare.metrics_page import page
from folklore.errors import DeclarationError

NAN = math.nan
METRICS = {"test/accuracy": 0.7, "validation/loss": 1.5, "test/loss": None}
HISTORY = {
    "epoch": [1.0, 2.0, 3.0, 4.0],
    "seconds": [0.5, 1.0, 1.5, 2.0],
    "validation/loss": [3.0, 1.5, 2.0, NAN],
    "validation/accuracy": [0.2, 0.6, 0.8, 0.5],
    "running/accuracy": [0.1, 0.4, 0.5, 0.6],
    "probe/dead_units/hidden_1": [0.0, 0.25, 0.5, 0.75],
}


def ended(status="done", selected_epoch=2, metrics=METRICS, collapse=None):
    return SimpleNamespace(
        status=status, selected_epoch=selected_epoch, metrics=metrics, recipe={"epochs": 8}, collapse=collapse
    )


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("test/accuracy", 0.7),
        ("validation/loss", 1.5),
        ("test/loss", None),
        ("train/loss", None),
        ("best validation/loss", 1.5),
        ("best validation/accuracy", 0.8),
        ("last validation/accuracy", 0.5),
        ("last validation/loss", None),
        ("running/accuracy", 0.4),
        ("probe/dead_units/hidden_1", 0.25),
        ("last probe/dead_units/hidden_1", 0.75),
        ("epochs to validation/accuracy 0.6", 2),
        ("epochs to validation/accuracy 0.61", 3),
        ("epochs to validation/loss 2", 2),
        ("epochs to validation/accuracy 0.9", 9),  # not reached: one epoch after the budget's last
        ("seconds to validation/accuracy 0.8", 1.5),
        ("seconds to validation/accuracy 0.9", 4.0),  # four epochs took two seconds, and eight were allowed
        ("validation/loss - running/accuracy", 1.1),
        ("best validation/accuracy - last validation/accuracy", 0.3),
        ("validation/loss - train/loss", None),
        ("divergence", 0),
        ("largest drop of validation/accuracy", 0.3),
        ("largest drop of validation/loss", 0.5),
        ("largest drop of running/accuracy", 0),
        ("flat epochs of running/accuracy 0.35", 2),
        ("flat epochs of running/accuracy 0.05", 1),
        ("flat epochs of running/accuracy 0.5", 8),  # never left: all that the recipe allows
        ("flat epochs of validation/loss 2", 3),  # NaN has left
        ("jitter of probe/dead_units/hidden_1", 0),  # a straight line
        ("jitter of validation/accuracy", 0.35 / (0.6744898 * math.sqrt(6))),  # second differences -0.2 and -0.5
        ("jitter of validation/loss", None),
        ("validation/loss above 1.4", 1),
        ("validation/loss above 1.5", 0),
        ("last probe/dead_units/hidden_1 above 0.9", 0),
        ("last validation/accuracy below 0.6", 1),
        ("best validation/accuracy - last validation/accuracy above 0.2", 1),
        ("last validation/loss above 1", None),
        ("epochs to validation/accuracy 0.6 above 2", 0),
    ],
)
def test_expression_has_value_in_run(name, value):
    found = metrics.parse(name).of(ended(), HISTORY)
    assert found is None if value is None else found == pytest.approx(value)


def test_value_has_float32_digits():
    run = ended(metrics={"test/accuracy": 0.10000000149011612})
    assert metrics.parse("test/accuracy").of(run, {}) == 0.1


@pytest.mark.parametrize(("status", "value"), [("diverged", 1), ("done", 0), ("failed", None)])
def test_divergence_is_rate(status, value):
    assert metrics.parse("divergence").is_rate
    assert metrics.parse("divergence").of(ended(status), {}) == value


@pytest.mark.parametrize(
    ("status", "collapse", "rates"),
    [("done", None, (0, 0, 0)), ("diverged", None, (1, 1, 0)), ("done", {"epoch": 1}, (1, 0, 1))],
)
def test_failure_is_divergence_or_collapse(status, collapse, rates):
    run = ended(status, collapse=collapse)
    assert tuple(metrics.parse(name).of(run, {}) for name in ("failure", "divergence", "collapse")) == rates


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("test/accuracy", None),
        ("best validation/accuracy", None),
        ("validation/loss - train/loss", None),
        ("last probe/dead_units/hidden_1", 0.75),  # a look inside a network that failed
        ("epochs to validation/accuracy 0.9", 9),
        ("largest drop of validation/accuracy", 0.3),
        ("flat epochs of running/accuracy 0.5", 8),
        ("jitter of running/accuracy", None),
        ("last running/accuracy above 0.5", 1),
    ],
)
def test_failed_run_has_only_what_failure_leaves_meaningful(name, value):
    assert metrics.parse(name).of(ended(collapse={"epoch": 1}), HISTORY) == value


@pytest.mark.parametrize(
    ("target", "never"),
    [("validation/accuracy 0.8", False), ("validation/accuracy 0.81", True), ("train/loss 1", True)],
)
def test_target_may_never_be_reached(target, never):
    metric = metrics.parse(f"epochs to {target}")
    assert metric.has_target
    assert metric.never_reached(ended(), HISTORY) == never


@pytest.mark.parametrize(
    ("name", "tuned_by"),
    [
        ("test/rmse", "validation/rmse"),
        ("validation/accuracy", "validation/accuracy"),
        ("best validation/loss", "best validation/loss"),
        ("epochs to validation/accuracy 0.8", "epochs to validation/accuracy 0.8"),
        ("probe/dead_units", "validation/loss"),
        ("train/accuracy", "validation/loss"),
        ("test/loss - train/loss", "validation/loss"),
        ("failure", "validation/loss"),
        ("jitter of validation/accuracy", "validation/loss"),
        ("validation/accuracy above 0.5", "validation/loss"),
    ],
)
def test_points_are_compared_by_validation_counterpart(name, tuned_by):
    assert metrics.for_tuning(name, "validation/loss") == tuned_by


def test_only_terms_of_test_part_have_test_rows():
    assert metrics.parse("train/loss - test/loss").test_terms == [(-1, "loss")]
    assert metrics.parse("test/rmse").test_terms == [(1, "rmse")]
    assert metrics.parse("validation/rmse").test_terms == metrics.parse("failure").test_terms == []


def test_diverged_run_has_no_selected_epoch():
    assert metrics.parse("running/accuracy").of(ended("diverged", selected_epoch=None), HISTORY) is None


@pytest.mark.parametrize("name", ["test/accuracy", "train/loss - validation/loss", "divergence"])
def test_metrics_in_run_json_need_no_history(name):
    assert not metrics.parse(name).from_history


@pytest.mark.parametrize("name", ["best train/loss", "running/loss", "probe/std/hidden_1", "epochs to train/loss 1e-3"])
def test_expressions_over_epochs_need_history(name):
    assert metrics.parse(name).from_history


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("", "The metric '' is not understood. Write one like: test/accuracy"),
        ("bset validation/loss", "is not understood"),
        ("tset/loss", "Did you mean 'test/loss'?"),
        ("a - b - c", "is not understood"),
        ("epochs to validation/loss", "`epochs to` needs a target, as in 'epochs to validation/loss 0.85'"),
        ("flat epochs of train/loss", "`flat epochs of` needs a width"),
        ("validation/loss 0.3", "a number belongs to `epochs to`, `seconds to`, `flat epochs of` only"),
        ("best probe/dead_units", "so `best` has no meaning. Write probe/dead_units"),
        ("largest drop of probe/dead_units", "so `largest drop of` has no meaning"),
        ("jiter of train/loss", "Did you mean 'jitter of'?"),
        ("jitter of test/loss", "read once, at the selected epoch"),
        ("failure above 0.5", "is not understood"),
        ("best test/accuracy", "read once, at the selected epoch. Write test/accuracy"),
    ],
)
def test_invalid_expression_is_refused(name, message):
    with pytest.raises(DeclarationError) as refusal:
        metrics.parse(name)
    assert message in str(refusal.value)


@pytest.mark.parametrize(
    ("name", "goal"),
    [
        ("test/accuracy", "max"),
        ("best validation/rmse", "min"),
        ("running/accuracy", "max"),
        ("epochs to validation/accuracy 0.9", "min"),
        ("divergence", "min"),
        ("failure", "min"),
        ("train/loss - validation/loss", None),
        ("probe/dead_units", None),
    ],
)
def test_goal_follows_from_metric(name, goal):
    assert metrics.goal(name) == goal


def test_metric_of_another_task_is_refused():
    metrics.check_task("best validation/rmse - train/rmse", "regression")
    metrics.check_task("probe/whatever", "regression")
    with pytest.raises(DeclarationError, match="The metric for regression is 'validation/accuracy'"):
        metrics.check_task("epochs to validation/accuracy 0.5", "regression")


@pytest.mark.parametrize("value", ["1..2", "1e", "1-2", "1e999", "1_0", "nan"])
def test_target_that_is_not_number_is_refused(value):
    with pytest.raises(DeclarationError):
        metrics.parse(f"epochs to validation/rmse {value}")


def test_history_without_seconds_has_no_time_to_target():
    assert metrics.parse("seconds to validation/rmse 5").of(ended(), {"validation/rmse": [1.0]}) is None


def test_loss_comes_first_wherever_its_row_is(monkeypatch):
    monkeypatch.setattr(metrics, "TABLE", metrics.TABLE[::-1])
    assert [metrics.names_of(task)[0] for task in ("regression", "classification")] == ["loss", "loss"]


@pytest.mark.parametrize(
    ("name", "has_unit"),
    [
        ("best validation/rmse", True),
        ("train/mae - validation/mae", True),
        ("test/loss", False),
        ("epochs to validation/rmse 0.5", False),
        ("probe/std/hidden_1", False),
        ("divergence", False),
    ],
)
def test_metrics_of_targets_have_their_unit(name, has_unit):
    assert metrics.has_unit(name) == has_unit


def test_metric_is_added_by_one_row(monkeypatch):
    row = metrics.RecordedMetric("top3", "classification", "max", "keras.metrics.SparseTopKCategoricalAccuracy")
    monkeypatch.setattr(metrics, "TABLE", (*metrics.TABLE, row))
    assert metrics.goal("best validation/top3") == "max"
    assert metrics.parse("epochs to validation/top3 0.9").names == ["validation/top3"]
    assert "top3" in metrics.names_of("classification")
    metrics.check_task("test/top3", "classification")
    with pytest.raises(DeclarationError, match="The metric for regression is 'test/top3'"):
        metrics.check_task("test/top3", "regression")


@pytest.mark.parametrize(
    ("name", "goal"),
    [("mAP", "max"), ("map50", "max"), ("mape", "min"), ("AUROC", "max"), ("r2", "max"), ("nll", "min"), ("gap", None),
     ("negative_log_likelihood", "min"), ("elbo", "max"), ("top1", "max"), ("feature_maps", None)],
)  # fmt: skip
def test_goal_is_read_from_name_where_it_says_one(name, goal):
    assert metrics.goal_in_name(name) == goal


@pytest.mark.parametrize(
    ("name", "goal"),
    [
        ("test/accuracy", "max"),
        ("jitter of validation/accuracy", "min"),
        ("flat epochs of train/loss 0.1", "min"),
        ("last probe/dead_units above 0.9", None),
        ("failure", "min"),
    ],
)
def test_goal_is_known_where_only_one_makes_sense(name, goal):
    assert metrics.goal(name) == goal


def test_event_is_rate_without_test_rows():
    event = metrics.parse("test/accuracy above 0.5")
    assert event.is_rate
    assert event.of_failures_too
    assert event.test_terms == []


def test_unit_is_that_of_values_and_not_of_counts():
    assert metrics.has_unit("jitter of validation/rmse")
    assert not metrics.has_unit("epochs to validation/rmse 0.5")
    assert not metrics.has_unit("test/rmse above 0.5")


def test_jitter_estimates_noise_around_smooth_curve():
    generator = random.Random(0)
    noisy = [1 / (1 + epoch / 20) + generator.gauss(0, 0.01) for epoch in range(4_000)]
    assert metrics.parse("jitter of train/loss").of(ended(), {"train/loss": noisy}) == pytest.approx(0.01, rel=0.05)


def test_page_of_metrics_is_up_to_date():
    assert (Path(__file__).parents[1] / "docs" / "metrics.md").read_text(encoding="utf-8") == page()
