"""Sources of data: callables that return a `Dataset`, split by a seed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, get_args

from data.cache import DataError, UnavailableError
from data.changes import changed, check
from data.dataset import Dataset, Kind, Split, Task, sha256

if TYPE_CHECKING:
    import numpy as np

Choice = Literal["auto", "real", "bundled"]


@dataclass(frozen=True, eq=False)
class Whole:
    """A whole data set as loaded, read-only; the splits copy from it.

    Attributes:
        x: inputs (n, …).
        y: targets (n,), or (n, classes) for "multilabel".
        sha256: the hash of both; computed if it is empty.
        feature_names: one for each column; () for images.
        published_test: the number of rows at the end that are the published test part; 0 if the seed draws it.

    Example:
        >>> import numpy as np
        >>> from data import Whole
        >>> Whole(np.zeros((3, 2)), np.ones(3)).sha256[:8]
        '8f2e5980'
    """

    x: np.ndarray
    y: np.ndarray
    sha256: str = ""
    feature_names: tuple[str, ...] = ()
    published_test: int = 0

    def __post_init__(self) -> None:
        """Make the arrays read-only, as all runs of the process copy from them; hash them if need be."""
        import numpy as np

        for name in ("x", "y"):
            array = np.asarray(getattr(self, name))  # of a pandas object, say
            array.setflags(write=False)
            object.__setattr__(self, name, array)
        if not self.sha256:
            object.__setattr__(self, "sha256", sha256(self.x, self.y))


@dataclass(frozen=True)
class Source:
    """A source of data. Call it to get a `Dataset`; it can be hashed, compared and pickled.

    Attributes:
        name: such as "fashion_mnist".
        task: "classification", "regression" or "multilabel", see `Dataset`.
        source: "real" for a set that must be downloaded, "bundled" for one that ships inside scikit-learn.
        load: reads the whole set, once per process; `DataError` says what is to be done.
        stand_in: the bundled source to use where this one is unavailable; None for bundled sources.
        class_names: one for each class number; () for regression.
        unit: the unit of the regression target; "" for classification.
        holdout: the size of a part that the seed draws: a share of the rows, or a number of them.
        images: whether inputs are images, (n, height, width, channels), rather than a table.

    Example:
        >>> import numpy as np
        >>> from data import Source, Whole
        >>> def load():
        ...     x = np.arange(200.0).reshape(100, 2)
        ...     return Whole(x, x.sum(axis=1))
        >>> sums = Source(name="sums", task="regression", source="bundled", load=load)
        >>> sums(seed=0).train.x.shape
        (64, 2)
    """

    name: str
    task: Task
    source: Kind
    load: Callable[[], Whole] = field(repr=False)
    stand_in: Source | None = field(default=None, repr=False)
    class_names: tuple[str, ...] = ()
    unit: str = ""
    holdout: float | int = 0.2
    images: bool = False

    def __post_init__(self) -> None:
        """Raises `DataError`: a part of the declaration is contradictory."""
        for name, given, allowed in (("task", self.task, get_args(Task)), ("source", self.source, get_args(Kind))):
            if given not in allowed:
                raise DataError(f"The data set {self.name} has {name}={given!r}. Give one of: {', '.join(allowed)}.")
        if not callable(self.load):
            raise DataError(
                f"The data set {self.name} has a load that is no function. Give load=load, not load=load()."
            )
        if self.task != "regression" and not self.class_names:
            raise DataError(
                f"The data set {self.name} is for {self.task} and names no classes. Give class_names, such as "
                '("no", "yes"), a name for each class number.'
            )

    def __call__(
        self, seed: int = 0, *, train_size: int | None = None, split_seed: int | None = None, **changes: Any
    ) -> Dataset:
        """Load the set and split it.

        The test part is cut off first unless it is published, then the validation part, both by scikit-learn's
        `train_test_split` with the same seed; classes keep their shares.

        Args:
            seed: draws the split, from 0 to 2**32 - 1.
            train_size: the number of training rows to keep, the first ones after shuffling; None keeps all.
            split_seed: draws the split in place of `seed`, so that runs with different seeds can share one split.
            changes: of the set, by the names in `data.changes.CHANGES`, such as `classes=(0, 1)`.

        Returns:
            The set, in read-only arrays of its own.

        Raises:
            DataError: the set cannot be loaded, it holds NaN or infinity, or it cannot be changed so.
            ValueError: an argument is out of range.
        """
        seed_name, split_by = ("seed", seed) if split_seed is None else ("split_seed", split_seed)
        _check_integer(seed_name, split_by, 0, 2**32 - 1)
        check(self, changes)
        whole = self.read()
        _check(self, whole)
        classes = changes.get("classes")
        train, validation, test = self._rows(whole, split_by, classes)
        if train_size is not None:
            _check_integer(f"train_size of {self.name}", train_size, 1, len(train))
            train = train[:train_size]
        dataset = Dataset(
            name=self.name,
            task=self.task,
            source=self.source,
            train=_part(whole, train, classes),
            validation=_part(whole, validation, classes),
            test=_part(whole, test, classes),
            class_names=tuple(self.class_names[number] for number in classes) if classes else self.class_names,
            feature_names=whole.feature_names,
            unit=self.unit,
            sha256=whole.sha256,
        )
        return changed(dataset, changes, split_by)

    def read(self) -> Whole:
        """The whole set, as `load` returns it.

        Raises:
            DataError: it cannot be loaded, whatever `load` raised.
        """
        try:
            return self.load()
        except (DataError, MemoryError):
            raise
        except Exception as error:
            raise DataError(
                f"The data set {self.name} cannot be loaded: {type(error).__name__}: {error}. Correct the function "
                f"{getattr(self.load, '__qualname__', self.load)}, or what it reads."
            ) from error

    def _rows(
        self, whole: Whole, seed: int, kept: Sequence[int] | None = None
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Row numbers of the training, validation and test part, of all rows or of some classes'."""
        import numpy as np
        from sklearn.model_selection import train_test_split

        def cut(rows: np.ndarray) -> list[np.ndarray]:
            classes = whole.y[rows] if self.task == "classification" else None
            try:
                return train_test_split(rows, test_size=self.holdout, random_state=seed, stratify=classes)
            except ValueError as error:  # too few rows, in all or of a class
                raise DataError(
                    f"The {len(rows)} rows of {self.name} cannot be split with holdout={self.holdout}: {error} Give "
                    "more rows, of each class too, or another holdout."
                ) from error

        rows = np.arange(len(whole.y)) if kept is None else np.flatnonzero(np.isin(whole.y, kept))
        first_of_test = len(whole.y) - whole.published_test
        rest, test = (rows[rows < first_of_test], rows[rows >= first_of_test]) if whole.published_test else cut(rows)
        train, validation = cut(rest)
        return train, validation, test


def resolve(source: Source, choice: Choice) -> tuple[Source, str | None]:
    """The source to use, loaded, and, if it is a stand-in that was not requested, the reason.

    Args:
        source: the source that an experiment names.
        choice: "real" requires it, "bundled" takes its stand-in, "auto" takes the stand-in only if the real set is
            neither cached nor available for download. A bundled source is used in every case.

    Returns:
        The source and None, or the stand-in and a paragraph with the reason.

    Raises:
        DataError: the set is unavailable, or its cached file is damaged, which is never ignored.
        ValueError: `choice` is none of these.

    Example:
        >>> from data import fashion_mnist, resolve
        >>> source, reason = resolve(fashion_mnist, "bundled")
        >>> source.name, reason
        ('digits', None)
    """
    if choice not in get_args(Choice):
        raise ValueError(f"The choice of data is {choice!r}. Give one of: {', '.join(get_args(Choice))}.")
    if choice == "bundled" or source.stand_in is None:
        return source.stand_in or source, None
    try:
        source.read()
    except UnavailableError as error:
        if choice == "real":
            raise
        return source.stand_in, f"{source.stand_in.name} stands in for {source.name}. {error}"
    return source, None


def _part(whole: Whole, rows: np.ndarray, classes: Sequence[int] | None) -> Split:
    """These rows of the set; `classes`, if given, become 0, 1, … in their order."""
    import numpy as np

    y = whole.y[rows]
    if classes is not None:
        order = np.argsort(classes)
        y = order[np.searchsorted(np.asarray(classes)[order], y)].astype(y.dtype)
    arrays = whole.x[rows], y, rows.astype("int64")  # a copy, so that it can be made read-only
    for array in arrays:
        array.setflags(write=False)
    return Split(*arrays)


def _check(source: Source, whole: Whole) -> None:
    """Refuse what could only be trained wrongly, or not at all. NaN or infinity, even one, makes a column's mean NaN,
    and then every weight, as if the run diverged.
    """
    import numpy as np

    name, y = source.name, whole.y
    if len(whole.x) != len(y):
        raise DataError(f"{name}: x has {len(whole.x)} rows and y has {len(y)}. Load a target for each row.")
    if source.task == "multilabel":
        if y.shape != (len(y), len(source.class_names)) or not np.isin(y, (0, 1)).all() or y.dtype.kind not in "iu":
            raise DataError(
                f"{name}: y has the type {y.dtype} and the shape {y.shape}. Give integers, 0 or 1 for each class, of "
                f"shape ({len(y)}, {len(source.class_names)})."
            )
    elif y.ndim != 1:
        raise DataError(f"{name}: y has the shape {y.shape}. Give one number for each row, of shape ({len(y)},).")
    if source.task == "classification":
        classes, found = len(source.class_names), np.unique(y)
        if y.dtype.kind not in "iu" or found[0] < 0 or found[-1] >= classes:
            raise DataError(
                f"{name}: y holds {', '.join(map(repr, found[:5].tolist()))}{' …' if len(found) > 5 else ''}, and "
                f"class_names has {classes} names. Give class numbers, integers from 0 to {classes - 1}."
            )
    elif source.task == "regression" and y.dtype.kind not in "iuf":
        raise DataError(f"{name}: y has the type {y.dtype}. Give numbers.")
    for what, array in (("x", whole.x), ("y", whole.y)):
        if np.issubdtype(array.dtype, np.inexact) and not np.isfinite(array).all():
            bad = np.argwhere(~np.isfinite(array))
            rows, first = len(np.unique(bad[:, 0])), tuple(map(int, bad[0]))
            raise DataError(
                f"{name}: {what} holds NaN or infinity in {rows} of {len(array)} rows; the first is {array[first]} at "
                f"{first}. Drop such rows, or fill in the values, where the set is loaded."
            )


def _check_integer(name: str, value: object, low: int, high: int) -> None:
    if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
        raise ValueError(f"{name} is {value!r}. Give an integer from {low} to {high}.")
