"""The outcome of every test row of a run: a small file beside its run.json, by which two runs are compared row by row.

NumPy's own format: `np.load` opens it. It holds the arrays `row_steps`, whose running sum gives the row numbers, and
either `predicted`, `target` and `loss`, or `error` and `unit`. Losses and errors have 16 bits: rounding changes a value
by at most a two-thousandth part.
"""

from __future__ import annotations

import io
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from callbacks.files import write_bytes
from folklore.errors import ProblemError

if TYPE_CHECKING:  # NumPy takes a tenth of a second to import, and those who only remove the file do not need it
    import numpy as np

FILE = "test_rows.npz"
LARGEST = 65_504.0  # the end of the range of 16 bits
MOST_ROWS = 1e8  # a longer set would not fit into memory
# By the first letter of a NumPy kind: unsigned integers, floats.
_CLASSIFICATION = {"row_steps": "u", "predicted": "u", "target": "u", "loss": "f"}
_REGRESSION = {"row_steps": "u", "error": "f", "unit": "f"}
# What reading a damaged file raises. zipfile: NotImplementedError for a method of compression that it does not know,
# RuntimeError for a bit that says encrypted. NumPy: MemoryError for a header that gives a wrong length.
_NOT_ZIP = (zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, EOFError, OSError, KeyError)
_NOT_ARRAYS = (ValueError, TypeError, SyntaxError, OverflowError, MemoryError)


@dataclass(frozen=True, eq=False)
class RowOutcomes:
    """The outcomes of the rows of a test part. Those of the other task are None.

    Attributes:
        rows: the rows' numbers in the whole set, int64 (n,), each once.
        predicted: for classification, the class with the largest output, int64 (n,).
        target: for classification, the true class, int64 (n,).
        loss: for classification, each row's loss as trained, a cross-entropy in nats, without penalties on weights,
            float32 (n,).
        error: for regression, prediction minus target in standard deviations of the target, float32 (n,).
        unit: for regression, that standard deviation, in the target's unit: `error * unit` is in the target's unit.

    Example:
        >>> import numpy as np
        >>> found = RowOutcomes(np.array([7, 3]), error=np.array([0.5, -1.0], np.float32), unit=2.0)
        >>> (found.error * found.unit).tolist()
        [1.0, -2.0]
    """

    rows: np.ndarray
    predicted: np.ndarray | None = None
    target: np.ndarray | None = None
    loss: np.ndarray | None = None
    error: np.ndarray | None = None
    unit: float | None = None


def write(path: Path, outcomes: RowOutcomes) -> None:
    """Write a run's outcomes into its directory, sorted by row, completely or not at all.

    A value beyond the range of 16 bits, ±65,504, is stored as the end of that range; NaN as its upper end.

    Raises:
        OSError: the file cannot be written.

    Example:
        >>> import numpy as np, tempfile
        >>> run = Path(tempfile.mkdtemp())
        >>> write(run, RowOutcomes(np.array([7, 3]), error=np.array([0.5, -1.0], np.float32), unit=2.0))
        >>> found = read(run)
        >>> found.rows.tolist(), found.error.tolist(), found.unit
        ([3, 7], [-1.0, 0.5], 2.0)
    """
    import numpy as np

    order = np.argsort(outcomes.rows)
    arrays: dict[str, Any] = {"row_steps": _smallest(np.diff(outcomes.rows[order], prepend=0))}
    if outcomes.error is not None:
        arrays |= {"error": _half(outcomes.error[order]), "unit": np.float64(outcomes.unit)}
    else:
        assert outcomes.predicted is not None and outcomes.target is not None and outcomes.loss is not None
        arrays |= {name: _smallest(getattr(outcomes, name)[order]) for name in ("predicted", "target")}
        arrays |= {"loss": _half(outcomes.loss[order])}
    content = io.BytesIO()
    np.savez_compressed(content, **arrays)
    write_bytes(path / FILE, content.getvalue())


def read(path: Path) -> RowOutcomes | None:
    """The outcomes in a run's directory, sorted by row; None where it has no such file.

    Raises:
        ProblemError: the file is damaged; names it.
        PermissionError: it may not be read.
    """
    import numpy as np

    file = path / FILE
    try:
        if file.exists() and not file.is_file():  # reading a pipe could wait for ever
            raise ValueError("it is not a regular file")
        with np.load(io.BytesIO(file.read_bytes()), allow_pickle=False) as stored:
            arrays = {name: stored[name] for name in stored.files}
        _check(arrays)
    except FileNotFoundError:
        return None
    except PermissionError:
        raise
    except (*_NOT_ZIP, *_NOT_ARRAYS) as error:
        what = str(error) or type(error).__name__
        raise ProblemError(
            f"{file} cannot be read: {what}. Delete the run's directory, and `run` trains it again."
        ) from None
    rows = np.cumsum(arrays["row_steps"], dtype=np.int64)
    if "error" in arrays:
        return RowOutcomes(rows, error=arrays["error"].astype(np.float32), unit=float(arrays["unit"]))
    predicted, target = (arrays[name].astype(np.int64) for name in ("predicted", "target"))
    return RowOutcomes(rows, predicted=predicted, target=target, loss=arrays["loss"].astype(np.float32))


def _check(arrays: Mapping[str, Any]) -> None:
    """Refuse what `write` could not have written.

    Raises:
        ValueError: says what is wrong.
    """
    import numpy as np

    kinds = _REGRESSION if "error" in arrays else _CLASSIFICATION
    if set(arrays) != set(kinds):
        raise ValueError(f"it holds {', '.join(arrays) or 'no arrays'} and not {', '.join(kinds)}")
    shape = arrays["row_steps"].shape
    for name, kind in kinds.items():
        array = arrays[name]
        if array.dtype.kind != kind or array.shape != (() if name == "unit" else shape) or len(shape) != 1:
            raise ValueError(f"{name} is of type {array.dtype} and shape {array.shape}, with {shape} row_steps")
        if kind == "f" and not np.isfinite(array).all():
            raise ValueError(f"{name} holds NaN or infinity")
    if not arrays["row_steps"][1:].all():
        raise ValueError("row_steps holds 0: a row has two outcomes")
    if not shape[0] or arrays["row_steps"].sum(dtype=np.float64) > MOST_ROWS:
        raise ValueError("it has no rows, or row numbers that no data set has")


def _smallest(numbers: np.ndarray) -> np.ndarray:
    """Numbers from 0 on, in the smallest type that holds them all."""
    import numpy as np

    return numbers.astype(np.min_scalar_type(int(numbers.max(initial=0))))


def _half(values: np.ndarray) -> np.ndarray:
    """Values as float16, all of them finite: a network that is sound on the rows of validation may fail on another."""
    import numpy as np

    return np.clip(np.nan_to_num(values, nan=LARGEST), -LARGEST, LARGEST).astype(np.float16)
