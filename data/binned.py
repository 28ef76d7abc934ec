"""A table whose target is a number, as a classification of the same rows."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache

from data.cache import DataError
from data.source import Source, Whole


def binned(source: Source, classes: int) -> Source:
    """The set with its target cut into classes of equally many rows: class 0 has the smallest targets.

    The bounds are quantiles of all targets, whatever the split, since they say what is asked, not how it is answered.
    Equal targets fall into the same class, so that classes may differ a little in size.

    Args:
        source: for regression.
        classes: how many, 2 or more.

    Raises:
        DataError: the source is for classification already, or `classes` is not such a number.

    Example:
        >>> from data import binned, diabetes
        >>> source = binned(diabetes, 4)
        >>> source.name, source.class_names
        ('diabetes_in_4_classes', ('1 of 4', '2 of 4', '3 of 4', '4 of 4'))
        >>> source(seed=0).train.y.dtype
        dtype('int64')
    """
    if source.task != "regression":
        raise DataError(f"{source.name} is for classification already. Give a set for regression.")
    if type(classes) is not int or classes < 2:
        raise DataError(f"{source.name} was to be cut into classes={classes!r}. Give an integer of 2 or more.")
    return replace(
        source,
        name=f"{source.name}_in_{classes}_classes",
        task="classification",
        load=_Binned(source, classes),
        stand_in=binned(source.stand_in, classes) if source.stand_in else None,
        class_names=tuple(f"{number} of {classes}" for number in range(1, classes + 1)),
        unit="",
    )


@dataclass(frozen=True)
class _Binned:
    """Loads the set and cuts its target, once a process. Equal ones load the same, in a worker too."""

    source: Source
    classes: int

    def __call__(self) -> Whole:
        return _load(self)


@cache
def _load(given: _Binned) -> Whole:
    import numpy as np

    whole = given.source.read()
    bounds = np.quantile(whole.y, np.arange(1, given.classes) / given.classes)
    classes = np.searchsorted(bounds, whole.y, side="right").astype(np.int64)
    if len(found := np.unique(classes)) < given.classes:
        raise DataError(
            f"The target of {given.source.name} has too few different values for {given.classes} classes: only "
            f"{len(found)} would have rows. Give fewer classes."
        )
    return replace(whole, y=classes, sha256="")
