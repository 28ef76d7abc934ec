"""Whether a network that was trained to the end knows no more than the targets' mean, or than the shares of classes."""

from __future__ import annotations

from typing import Any

import numpy as np

from data import Dataset
from folklore.declare.metrics import goal_of
from folklore.training.losses import LOSSES

CLEARLY = 1e-3  # a network that is better by a smaller part than this is not better


def collapse(
    monitor: str, value: float, epoch: int, data: Dataset, loss: str, unit: float = 1.0
) -> dict[str, Any] | None:
    """The epoch and the reason, if at the selected epoch the network is no better than a constant prediction.

    Args:
        monitor: the metric that selected the epoch, such as "validation/loss".
        value: that metric at that epoch; a loss without penalties on weights, which the constant's has not.
        epoch: the selected epoch, from 1.
        data: with targets as trained.
        loss: which one was minimised, a name in `losses.LOSSES`.
        unit: for regression, what one standard deviation of the target is in its own unit.

    Returns:
        What run.json records; None if the network is better, or the constant's metric is not known.

    Example:
        >>> import data
        >>> digits = data.digits(seed=0)
        >>> collapse("validation/loss", 2.3026, 1, digits, "softmax")["reason"]
        'validation/loss is 2.3026, no better than the 2.3026 of a constant prediction'
        >>> collapse("validation/accuracy", 0.9, 1, digits, "softmax") is None
        True
    """
    constant = constant_metric(monitor, data, loss, unit)
    if constant is None:
        return None
    better_by = value - constant if goal_of(monitor) == "max" else constant - value
    if better_by >= CLEARLY * constant:
        return None
    reason = f"{monitor} is {value:.5g}, no better than the {constant:.5g} of a constant prediction"
    return {"epoch": epoch, "reason": reason}


def constant_metric(monitor: str, data: Dataset, loss: str, unit: float = 1.0) -> float | None:
    """The metric of the constant prediction that the training part's targets give; arguments as of `collapse`.

    For regression, their mean. For classification, the shares of classes, whose most frequent one is the answer: a
    cross-entropy is infinite where a part has a class that the training part lacks.

    Returns:
        For regression, a loss in squared standard deviations, the others in the target's unit. None if the metric is
        one for which this is not computed.

    Example:
        >>> import data
        >>> constant_metric("validation/rmse", data.diabetes(seed=0), "squared error") > 70
        True
    """
    part, _, metric = monitor.partition("/")
    learnt, y = data.train.y, {"train": data.train, "validation": data.validation}[part].y
    of_classes = data.task == "classification"
    mean = (
        np.bincount(learnt, minlength=data.outputs) / len(learnt)
        if of_classes
        else learnt.mean(axis=0, dtype=np.float64)
    )
    if metric == "loss":
        with np.errstate(divide="ignore"):
            outputs = LOSSES[loss].constant(np.atleast_1d(mean))
        return float(LOSSES[loss].by_row(np.tile(outputs, (len(y), 1)), y).mean())
    if of_classes:
        return float(np.mean(y == mean.argmax())) if metric == "accuracy" else None
    if data.task == "multilabel":
        return None
    errors = y - mean
    known = {"rmse": float(np.mean(errors**2)) ** 0.5 * unit, "mae": float(np.abs(errors).mean()) * unit}
    return known.get(metric)
