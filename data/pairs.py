"""Two images as one, with the labels of both: a set whose rows have labels that do not exclude each other."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache

from data.cache import DataError
from data.source import Source, Whole


def two_labels(source: Source) -> Source:
    """Each image overlaid with another one of the set: the brighter pixel of both, and the labels of both.

    Partners are drawn once, whatever the seed, within the published test part and within the rest. Where no test part
    is published, an image of one part may be the partner of one in another. Where both images are of one class, the
    row has one label.

    Args:
        source: of images, for classification; pixels of 0 are background.

    Returns:
        A source for the task "multilabel": y is 0 or 1 for each class, int64 (n, classes).

    Raises:
        DataError: the source is another one.

    Example:
        >>> from data import digits, two_labels
        >>> pairs = two_labels(digits)
        >>> dataset = pairs(seed=0)
        >>> dataset.train.y.shape, sorted(set(dataset.train.y.sum(axis=1).tolist()))
        ((1149, 10), [1, 2])
    """
    if not source.images or source.task != "classification":
        raise DataError(f"{source.name} has no images with a class each. Give a set such as data.fashion_mnist.")
    return replace(
        source,
        name=f"two_labels_of_{source.name}",
        task="multilabel",
        load=_Pairs(source),
        stand_in=two_labels(source.stand_in) if source.stand_in else None,
    )


@dataclass(frozen=True)
class _Pairs:
    """Loads the set and overlays its images, once a process. Equal ones load the same, in a worker too."""

    source: Source

    def __call__(self) -> Whole:
        return _load(self)


@cache
def _load(given: _Pairs) -> Whole:
    import numpy as np

    whole, generator = given.source.read(), np.random.default_rng(0)
    first_of_test = len(whole.y) - whole.published_test
    partners = np.concatenate(
        [generator.permutation(first_of_test), first_of_test + generator.permutation(whole.published_test)]
    )
    by_class = np.eye(len(given.source.class_names), dtype=np.int64)[whole.y]
    return Whole(
        np.maximum(whole.x, whole.x[partners]),
        np.maximum(by_class, by_class[partners]),
        published_test=whole.published_test,
    )
