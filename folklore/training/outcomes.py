"""What a trained network does with each row of the test part."""

from __future__ import annotations

import numpy as np

from data import Split
from folklore.storage.row_outcomes import RowOutcomes
from folklore.training.losses import LOSSES


def row_outcomes_of(outputs: np.ndarray, part: Split, task: str, loss: str, unit: float) -> RowOutcomes:
    """The outcome of every row.

    Args:
        outputs: the network's, float32: logits (n, classes), or for regression (n, 1).
        part: the rows, with their numbers and with targets as trained: class numbers, or standardised.
        task: "classification" or "regression".
        loss: which one the network minimised, a name in `losses.LOSSES`.
        unit: for regression, what one standard deviation of the target is in its own unit.

    Example:
        >>> part = Split(np.zeros((2, 3)), np.array([1, 0]), np.array([40, 41]))
        >>> found = row_outcomes_of(np.array([[0.0, 9.0], [0.0, 0.0]]), part, "classification", "softmax", 1.0)
        >>> found.predicted.tolist(), found.loss.round(4).tolist()
        ([1, 0], [9.999999747378752e-05, 0.6930999755859375])
    """
    rows = np.arange(len(part)) if part.rows is None else part.rows
    if task == "regression":
        return RowOutcomes(rows, error=(outputs[:, 0] - part.y).astype(np.float32), unit=unit)
    by_row = LOSSES[loss].by_row(outputs, part.y).astype(np.float32)
    return RowOutcomes(rows, predicted=outputs.argmax(axis=1), target=part.y.astype(np.int64), loss=by_row)
