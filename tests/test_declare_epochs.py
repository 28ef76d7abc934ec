"""Metrics before the first step, after the first epoch, and after any other."""

import math
from types import SimpleNamespace

import pytest

from folklore.declare import metrics
from folklore.errors import DeclarationError

RUN = SimpleNamespace(
    status="done", selected_epoch=2, metrics={}, recipe={"epochs": 8}, collapse=None,
    before={"probe/std/hidden_1": 1.25},
)  # fmt: skip
HISTORY = {
    "validation/loss": [3.0, 1.5, 2.0, math.nan],
    "running/accuracy": [0.1, 0.4, 0.5, 0.6],
    "probe/dead_units/hidden_1": [0.0, 0.25, 0.5, 0.75],
}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("first probe/std/hidden_1", 1.25),  # before the first step
        ("at 0 probe/std/hidden_1", 1.25),
        ("first probe/dead_units/hidden_1", None),  # not measured before the first step
        ("at 1 probe/dead_units/hidden_1", 0.0),
        ("at 4 probe/dead_units/hidden_1", 0.75),
        ("first validation/loss", 3.0),
        ("at 2 validation/loss", 1.5),
        ("at 4 validation/loss", None),  # NaN
        ("at 5 running/accuracy", None),  # the run stopped before
        ("last probe/dead_units/hidden_1 - at 2 probe/dead_units/hidden_1", 0.5),
        ("first probe/std/hidden_1 above 1", 1.0),
    ],
)
def test_value_at_epoch(name, value):
    assert metrics.parse(name).of(RUN, HISTORY) == value


def test_run_without_values_before_first_step_has_none():
    older = SimpleNamespace(**{**vars(RUN), "before": None})
    assert metrics.parse("first probe/std/hidden_1").of(older, HISTORY) is None


def test_only_values_after_epochs_need_history():
    assert not metrics.parse("first probe/x").from_history and not metrics.parse("at 0 probe/x").from_history
    assert metrics.parse("first train/loss").from_history and metrics.parse("at 1 probe/x").from_history


@pytest.mark.parametrize(
    ("name", "recorded"),
    [("at 4 train/loss", False), ("at 4 running/accuracy", True), ("at 5 running/accuracy", False),
     ("last running/accuracy", True), ("at 0 probe/std/hidden_1", True), ("first probe/std", False)],
)  # fmt: skip
def test_run_recorded_only_epochs_that_it_had(name, recorded):
    (term,) = metrics.parse(name).terms
    assert term.recorded(RUN, HISTORY) == recorded


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("at validation/loss", "`at` needs only an epoch, before the name, as in 'at 5 validation/loss'"),
        ("at 3 validation/loss 0.5", "`at` needs only an epoch, before the name"),
        ("first 3 train/loss", "a number belongs to `epochs to`"),
        ("epochs to 3 train/loss", "`epochs to` needs a target"),
        ("at 0 validation/loss", "epoch 0 is before the first step, where only probes are measured"),
        ("at 2 test/loss", "read once, at the selected epoch"),
    ],
)
def test_invalid_epoch_is_refused(name, message):
    with pytest.raises(DeclarationError) as refusal:
        metrics.parse(name)
    assert message in str(refusal.value)
