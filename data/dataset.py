"""The data set that a loader returns: arrays in three parts, their meaning, and a hash of the loaded set."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    import numpy as np

Task = Literal["classification", "regression", "multilabel"]
Kind = Literal["real", "bundled"]


@dataclass(frozen=True, eq=False)
class Split:
    """One part of a data set.

    Attributes:
        x: inputs, (n, features) for tables or (n, height, width, channels) for images.
        y: targets (n,): class numbers, or float values for regression; for "multilabel" 0 or 1 for each class,
            (n, classes).
        rows: the rows' numbers in the whole set, int64 (n,), by which parts of several splits are matched; None where
            they are not known.

    Example:
        >>> from data import diabetes
        >>> part = diabetes(seed=0).train
        >>> len(part), part.x.shape, part.y.shape
        (282, (282, 10), (282,))
        >>> part.rows.shape, part.rows.dtype
        ((282,), dtype('int64'))
    """

    x: np.ndarray
    y: np.ndarray
    rows: np.ndarray | None = None

    def __len__(self) -> int:
        """The number of rows."""
        return len(self.y)


@dataclass(frozen=True, eq=False)
class Dataset:
    """A data set, split into three parts.

    Attributes:
        name: such as "fashion_mnist".
        task: "classification", "regression", or "multilabel" where a row may have several classes.
        source: "real" for a downloaded set, "bundled" for one that ships inside scikit-learn.
        train: the part that models and scalers are fitted on.
        validation: the part that selects epochs and settings.
        test: the part that is read once, at the end.
        class_names: one for each class number; () for regression.
        feature_names: one for each column; () for images.
        unit: the unit of the regression target, such as "100,000 $"; "" for classification.
        sha256: the hash of the whole set as loaded, before the split: dtype, shape and bytes of inputs and targets.

    Example:
        >>> from data import digits
        >>> dataset = digits(seed=0)
        >>> dataset.input_shape, dataset.outputs
        ((8, 8, 1), 10)
        >>> len(dataset.train), len(dataset.validation), len(dataset.test)
        (1149, 288, 360)
    """

    name: str
    task: Task
    source: Kind
    train: Split
    validation: Split
    test: Split
    class_names: tuple[str, ...]
    feature_names: tuple[str, ...]
    unit: str
    sha256: str

    @property
    def input_shape(self) -> tuple[int, ...]:
        """The shape of one input, such as (8,) or (28, 28, 1)."""
        return self.train.x.shape[1:]

    @property
    def outputs(self) -> int:
        """The number of outputs that a model needs: one per class, or 1 for regression."""
        return len(self.class_names) or 1

    @property
    def train_sha256(self) -> str:
        """SHA-256 of the training part: dtype, shape and bytes of inputs and targets."""
        return sha256(self.train.x, self.train.y)

    @property
    def test_sha256(self) -> str:
        """That of the test part."""
        return sha256(self.test.x, self.test.y)


def sha256(*arrays: np.ndarray) -> str:
    """SHA-256, in hexadecimal, of the dtype, shape and bytes of each array in turn."""
    import hashlib  # loads OpenSSL, which declarations do not need

    import numpy as np

    digest = hashlib.sha256()
    for array in arrays:
        digest.update(f"{array.dtype.str} {array.shape}".encode())
        digest.update(np.ascontiguousarray(array).reshape(-1).data)
    return digest.hexdigest()
