"""Data sets from arrays of one's own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from data.cache import DataError
from data.dataset import Task
from data.source import Source, Whole

if TYPE_CHECKING:
    from numpy.typing import ArrayLike


def arrays(
    x: ArrayLike,
    y: ArrayLike,
    *,
    name: str,
    task: Task = "regression",
    feature_names: Sequence[str] = (),
    unit: str = "",
    holdout: float | int = 0.2,
) -> Source:
    """A source of data from arrays in memory, for `Recipe(data=…)`.

    The seed splits the rows, recipes scale the inputs, and the SHA-256 of both arrays is recorded with each run. Each
    run gets its own copy, so a set of gigabytes is better loaded by a function, see `Source`.

    Args:
        x: numbers. A table (n, columns); images (n, height, width) or (n, height, width, channels).
        y: one target for each row (n,): numbers for regression; class labels, numbers or texts, for classification.
        name: of the set. Runs of sets with different contents are never compared, whatever their names.
        task: "regression" for a number, "classification" for a class.
        feature_names: of a table's columns; () takes those of a DataFrame.
        unit: of the target, for regression.
        holdout: the size of a part that the seed draws, see `Source`.

    Raises:
        DataError: the arrays cannot be used; says what to do.

    Example:
        >>> import data
        >>> import numpy as np
        >>> x = np.arange(100.0).reshape(50, 2)
        >>> shapes = data.arrays(x, np.where(x[:, 0] % 4, "odd", "even"), name="shapes", task="classification")
        >>> shapes.class_names, shapes(seed=0).train.x.shape
        (('even', 'odd'), (32, 2))
    """
    import numpy as np
    import pandas as pd

    names = tuple(map(str, feature_names or getattr(x, "columns", ())))
    inputs, targets = np.array(x), np.array(y)  # copies: later changes of the user's arrays change no runs
    if inputs.dtype.kind not in "biuf":
        raise DataError(
            f"The inputs of {name} are of type {inputs.dtype}. Give numbers, or save the table as a .csv file, of "
            "which data.table turns texts into columns of numbers."
        )
    if inputs.ndim not in (2, 3, 4):
        raise DataError(
            f"The inputs of {name} have the shape {inputs.shape}. Give a table (n, columns), or images (n, height, "
            "width) or (n, height, width, channels)."
        )
    if inputs.ndim == 2 and names and len(names) != inputs.shape[1]:
        raise DataError(f"{name} has {inputs.shape[1]} columns and {len(names)} feature_names. Name each column.")
    classes: tuple[str, ...] = ()
    if task == "classification":
        if lacking := int(pd.isna(targets).sum()):
            raise DataError(f"{name} has {lacking} rows without a class. Leave them out.")
        labels, targets = np.unique(targets, return_inverse=True)
        classes = tuple(map(str, labels.tolist()))
    images = inputs.ndim > 2
    if inputs.ndim == 3:
        inputs = inputs[..., np.newaxis]
    whole = Whole(inputs, targets, feature_names=() if images else names)
    return Source(
        name=name, task=task, source="real", load=_Arrays(whole.sha256, whole), class_names=classes, unit=unit,
        holdout=holdout, images=images,
    )  # fmt: skip


@dataclass(frozen=True)
class _Arrays:
    """Gives the arrays back. Equal ones hold the same, in a worker too."""

    sha256: str
    whole: Whole = field(compare=False, repr=False)

    def __call__(self) -> Whole:
        return self.whole
