"""What users give as data, as arrays of rows: frames and lists, weights by class, a part for validation."""

from __future__ import annotations

import math
import sys
from collections.abc import Mapping
from numbers import Real
from typing import Any, Literal

import keras
import numpy as np
import tensorflow as tf

NAMES = ("x", "y", "sample_weight")
Shuffle = bool | Literal["replayed"]  # see `fit`


def rows_of(name: str, data: Any) -> tuple[Any, ...]:
    """`data` as arrays or tensors of equal length: `(x,)`, `(x, y)` or `(x, y, sample_weight)`, each perhaps a nest.

    Frames and series of pandas and lists of numbers become arrays. Trailing None is dropped, so that `(x, y, None)` is
    `(x, y)`, as to Keras. One array of weights holds for each of several outputs.

    Raises:
        ValueError: `data` is not a tuple or list of one to three parts, or they differ in length or are empty.
        TypeError: a part holds neither numbers nor text, or is sparse or ragged.
    """
    advice = f"Give {name} as (x, y) or (x, y, sample_weight)."
    if not isinstance(data, tuple | list):
        raise ValueError(f"{name} is of type {type(data).__name__}, not a tuple. {advice}")
    given = list(data)
    while given and given[-1] is None:
        given.pop()
    if not 1 <= len(given) <= 3:
        raise ValueError(f"{name} holds {len(given)} arrays. {advice}")
    parts = [_arrays(part, label) for part, label in zip(given, NAMES, strict=False)]
    _check_lengths(name, parts)
    if len(parts) == 3 and tf.nest.is_nested(parts[1]) and not tf.nest.is_nested(parts[2]):
        parts[2] = tf.nest.map_structure(lambda _: parts[2], parts[1])
    return tuple(parts)


def epoch_order(seed: int, epoch: int, rows: int, shuffle: Shuffle = True) -> np.ndarray:
    """The order in which an epoch visits the rows: a permutation of `range(rows)`, int32, fixed by the arguments."""
    if not shuffle:
        return np.arange(rows, dtype=np.int32)
    epoch = 0 if shuffle == "replayed" else epoch
    return np.random.default_rng([seed, epoch]).permutation(rows).astype(np.int32)


def split_at(rows: int, validation_split: float) -> int:
    """The number of rows to train on, where the last `validation_split` of all rows are for validation, as in Keras.

    Raises:
        ValueError: the share is not between 0 and 1, or one of the parts would be empty.
    """
    if not (isinstance(validation_split, Real) and 0 < validation_split < 1):
        raise ValueError(f"validation_split is {validation_split!r}. Give a share between 0 and 1, such as 0.2.")
    at = math.floor(rows * (1.0 - validation_split))
    if at in (0, rows):
        raise ValueError(f"validation_split={validation_split} of {rows} rows leaves one part empty. Give more rows.")
    return at


def check_class_weight(class_weight: Any) -> None:
    """Refuse what is not a dictionary from class indices to weights.

    Raises:
        ValueError: it is something else.
    """
    advice = "Give a dictionary from class index to weight, such as {0: 1.0, 1: 5.0}."
    if not isinstance(class_weight, Mapping):
        raise ValueError(f"class_weight is {class_weight!r}. {advice}")
    for key, weight in class_weight.items():
        if not (isinstance(key, int | float | np.number) and key >= 0 and float(key).is_integer()):
            raise ValueError(f"class_weight has the key {key!r}, which is not the index of a class. {advice}")
        if not (isinstance(weight, int | float | np.number) and 0 <= weight < math.inf):
            raise ValueError(f"class_weight gives class {key} the weight {weight!r}. {advice}")


def for_every_class(class_weight: Mapping[int, float], classes: int | None) -> dict[int, float]:
    """The weights, and 1 for every other class: in a dataset, Keras weighs no class beyond the largest given one."""
    return {each: float(class_weight.get(each, 1.0)) for each in range(int(max(classes or 0, *class_weight, 0)) + 1)}


def with_class_weight(arrays: tuple[Any, ...], class_weight: Mapping[int, float]) -> tuple[Any, ...]:
    """`(x, y)` with a weight for each row, that of its class; a class without one weighs 1, as in Keras.

    Targets are class indices of shape (n,) or (n, 1), or one-hot rows (n, classes).

    Raises:
        ValueError: there are sample weights already, no targets, or targets of several outputs or of another shape.
    """
    if len(arrays) == 3:
        raise ValueError("Give class_weight or sample_weight, not both.")
    if len(arrays) < 2 or tf.nest.is_nested(arrays[1]):
        raise ValueError("class_weight is for a model with one output, and needs its targets y as one array.")
    y = np.asarray(arrays[1])
    if y.ndim == 2:
        y = y.argmax(axis=1) if y.shape[1] > 1 else y[:, 0]
    if y.ndim != 1:
        raise ValueError(f"class_weight needs one class for each row, and y has shape {y.shape}. Give sample_weight.")
    found, places = np.unique(np.round(y).astype(np.int32), return_inverse=True)
    if not {int(key) for key in class_weight} & set(found.tolist()):
        raise ValueError(f"No row is of a class that class_weight names: {sorted(class_weight)}. Classes: {found}.")
    weights = np.array([class_weight.get(int(each), 1.0) for each in found], keras.config.floatx())
    return (*arrays, weights[places])


def _check_lengths(name: str, parts: list[Any]) -> None:
    sizes = [sorted({len(array) for array in tf.nest.flatten(part)}) for part in parts]
    if len({size for each in sizes for size in each}) == 1 and sizes[0] != [0]:
        return
    told = [f"{label} has {' and '.join(map(str, each))} rows" for label, each in zip(NAMES, sizes, strict=False)]
    hint = ""
    if isinstance(parts[0], list | tuple) and len(parts[0]) > 1:
        hint = f" x is a list of {len(parts[0])} arrays, one for each input; for a list of rows give np.stack(x)."
    raise ValueError(f"In {name}, {', '.join(told)}. Give arrays of equal length, with at least one row.{hint}")


def _arrays(part: Any, label: str) -> Any:
    """A nest with an array or a tensor in place of each frame, list of numbers, or whatever NumPy converts."""
    return keras.tree.traverse(lambda each: None if _is_nest(each) else _array(each, label), part, top_down=True)


def _is_nest(part: Any) -> bool:
    """Whether it holds one array for each input or output. A list of numbers, or of such lists, is one array."""
    if isinstance(part, dict):
        return True
    first = part
    while isinstance(first, list | tuple) and first:
        first = first[0]
    return isinstance(part, list | tuple) and not isinstance(first, Real | np.generic | str | bytes | list | tuple)


def _array(part: Any, label: str) -> Any:
    if isinstance(part, tf.SparseTensor | tf.RaggedTensor):
        kind = type(part).__name__
        raise TypeError(f"{label} is a {kind}. Give tf.data.Dataset.from_tensor_slices((x, y)).batch(32) instead.")
    try:
        if not tf.is_tensor(part):
            part = _from_pandas(part, label) if _is_pandas(part) else np.asanyarray(part)
    except ValueError as error:
        raise ValueError(f"{label} is not an array: its rows differ in length ({error}).") from error
    if len(part.shape) == 0:
        raise ValueError(f"{label} is {part!r:.60}, not an array with a row for each example.")
    return part if tf.is_tensor(part) else _numbers_or_text(part, label)


def _numbers_or_text(array: np.ndarray, label: str) -> np.ndarray:
    if array.dtype == object and not all(isinstance(value, str | bytes) for value in array.flat):
        odd = next(value for value in array.flat if not isinstance(value, str | bytes))
        raise TypeError(f"{label} has dtype object, with values such as {odd!r:.60}. Give an array of numbers.")
    if array.dtype.kind in "mM":
        raise TypeError(f"{label} holds dates or times. Give numbers, such as days since the first.")
    return array


def _is_pandas(part: Any) -> bool:
    pandas = sys.modules.get("pandas")  # if nobody has imported it, this is not a frame
    return pandas is not None and isinstance(part, pandas.DataFrame | pandas.Series)


def _from_pandas(frame: Any, label: str) -> np.ndarray:
    """The values of a frame, (n, columns), or of a series: (n, 1) as x and y, as in Keras, and (n,) as weights."""
    kinds = dict(frame.dtypes) if frame.ndim == 2 else {frame.name: frame.dtype}
    others = [str(column) for column, kind in kinds.items() if kind.kind not in "biuf"]
    if others and frame.ndim == 2:
        raise TypeError(f"{label} has columns that are not numbers: {', '.join(others)}. Encode or drop them.")
    if others:
        return frame.astype(object).to_numpy()
    plain = len({kind.kind for kind in kinds.values()}) == 1 and all(isinstance(k, np.dtype) for k in kinds.values())
    values = frame.to_numpy() if plain else frame.to_numpy(dtype=keras.config.floatx(), na_value=np.nan)
    return values[:, None] if label in ("x", "y") and values.ndim == 1 else values
