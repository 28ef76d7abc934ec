"""Changes of a data set that experiments ask for by name, in `Recipe.data_params`: a table of them.

A new change is a new row of `CHANGES`. A change of the rows is made before the split, the others on each part after it.
Nothing here imports NumPy before a set is loaded.

Example:
    >>> from data import digits
    >>> small = digits(seed=0, classes=(3, 5), train_size=100)
    >>> small.outputs, small.class_names, sorted(set(small.train.y.tolist()))
    (2, ('3', '5'), [0, 1])
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

from data.cache import DataError
from data.dataset import Dataset, Split

if TYPE_CHECKING:
    import numpy as np

    from data.source import Source

Needs = Literal["images", "a table", "classification"]
PARTS = ("train", "validation", "test")


@dataclass(frozen=True)
class Change:
    """A row of the table.

    Attributes:
        meaning: in words.
        needs: what the data must be.
        problem: what is wrong with a value that was given for a source; "" if nothing is.
        apply: returns the inputs of a part, changed: called with the part, its name, the value and a generator of
            random numbers of its own, which depends on the split's seed, the change and the part. None for a change
            of the rows.
        names: of the columns that a change adds to a table; called with the value.
    """

    meaning: str
    needs: Needs
    problem: Callable[[Any, Source], str]
    apply: Callable[[Split, str, Any, np.random.Generator], np.ndarray] | None = None
    names: Callable[[Any], tuple[str, ...]] = lambda value: ()


def check(source: Source, given: Mapping[str, Any]) -> None:
    """Refuse changes that a source cannot have.

    Raises:
        DataError: there is no such change, or it makes no sense for this set; says what to give.
    """
    allowed = [*SIZES, *CHANGES]
    for name, value in given.items():
        if name in SIZES:
            continue
        if name not in CHANGES:
            nearest = difflib.get_close_matches(str(name), allowed, n=1)
            hint = f"Did you mean {nearest[0]!r}? " if nearest else ""
            raise DataError(
                f"{source.name}'s data_params was given {name!r}, which it does not take. {hint}There are: "
                f"{', '.join(allowed)}."
            )
        change, kinds = CHANGES[name], ("images" if source.images else "a table", source.task)
        if change.needs not in kinds:
            raise DataError(
                f"data_params has {name}={value!r}, which is for {change.needs}, and {source.name} is {kinds[0]} for "
                f"{kinds[1]}. Leave it out."
            )
        if problem := change.problem(value, source):
            raise DataError(f"data_params has {name}={value!r}. {problem}")


def changed(dataset: Dataset, given: Mapping[str, Any], seed: int) -> Dataset:
    """The set with the changes of its parts, in the order of the table.

    Args:
        dataset: split already.
        given: changes by name; those of the rows are left alone here.
        seed: of the split.
    """
    import numpy as np

    names = dataset.feature_names
    for place, (name, change) in enumerate(CHANGES.items()):
        if name not in given or change.apply is None:
            continue
        parts: list[Split] = []
        for number, part in enumerate(PARTS):
            split: Split = getattr(dataset, part)
            x = change.apply(split, part, given[name], np.random.default_rng([seed, place, number]))
            x.setflags(write=False)
            parts.append(replace(split, x=x))
        names = (*names, *change.names(given[name])) if names else ()
        train, validation, test = parts
        dataset = replace(dataset, train=train, validation=validation, test=test, feature_names=names)
    return dataset


# The changes.


def _classes(value: Any, source: Source) -> str:
    known = range(len(source.class_names))
    if (
        not isinstance(value, tuple | list)
        or len(value) < 2
        or len(set(value)) < len(value)
        or any(type(number) is not int or number not in known for number in value)
    ):
        return (
            f"Give two different class numbers or more, from 0 to {len(known) - 1}: the first becomes class 0, and so "
            "on."
        )
    return ""


def _noise(split: Split, part: str, columns: int, generator: np.random.Generator) -> np.ndarray:
    import numpy as np

    return np.concatenate([split.x, generator.standard_normal((len(split), columns))], axis=1)


def _train_shift(split: Split, part: str, pixels: int, generator: np.random.Generator) -> np.ndarray:
    return split.x if part == "test" else _shifted(split.x, pixels, generator)


def _test_shift(split: Split, part: str, pixels: int, generator: np.random.Generator) -> np.ndarray:
    return _shifted(split.x, pixels, generator) if part == "test" else split.x


def _shifted(x: np.ndarray, pixels: int, generator: np.random.Generator) -> np.ndarray:
    """Each image moved by up to so many pixels down or up, and right or left; zeros come in."""
    import numpy as np

    rows, columns = generator.integers(0, 2 * pixels, (2, len(x)), endpoint=True)
    padded = np.pad(x, ((0, 0), (pixels, pixels), (pixels, pixels), (0, 0)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, x.shape[1:3], axis=(1, 2))
    return np.ascontiguousarray(np.moveaxis(windows[np.arange(len(x)), rows, columns], 1, -1))


def _permuted(split: Split, part: str, key: int, generator: np.random.Generator) -> np.ndarray:
    import numpy as np

    n, height, width, channels = split.x.shape
    order = np.random.default_rng(key).permutation(height * width)  # the same for all parts and all runs
    return split.x.reshape(n, height * width, channels)[:, order].reshape(split.x.shape)


def _positive(value: Any, source: Source) -> str:
    return "" if type(value) is int and value > 0 else "Give a positive integer."


def _pixels(value: Any, source: Source) -> str:
    return "" if type(value) is int and 0 < value <= 100 else "Give the most pixels, an integer from 1 to 100."


def _key(value: Any, source: Source) -> str:
    return "" if type(value) is int and value >= 0 else "Give the permutation's seed, a non-negative integer."


CHANGES: dict[str, Change] = {
    "classes": Change(
        "only the rows of these classes, which become 0, 1, … in the order given", "classification", _classes
    ),
    "permuted_pixels": Change(
        "the pixels of every image in another order, one for all, which this seed draws: neighbours no longer stand "
        "together",
        "images",
        _key,
        _permuted,
    ),
    "train_shift": Change(
        "each training and validation image moved once by up to so many pixels in each direction; zeros come in",
        "images",
        _pixels,
        _train_shift,
    ),
    "test_shift": Change("the same of test images", "images", _pixels, _test_shift),
    "noise_columns": Change(
        "so many columns of standard normal noise, drawn by the split's seed",
        "a table",
        _positive,
        _noise,
        lambda value: tuple(f"noise {number}" for number in range(1, value + 1)),
    ),
}
SIZES = ("train_size", "split_seed")
