"""Data sets from a file of one's own: a CSV or Parquet table with a column to be predicted."""

from __future__ import annotations

import csv
import difflib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from data.cache import DataError
from data.dataset import Task
from data.source import Source, Whole

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

Missing = Literal["refuse", "drop", "median"]
MOST_TEXTS = 50  # different ones in a column: beyond, it is a name or a note rather than a category


def table(
    path: str | Path,
    *,
    target: str,
    task: Task = "regression",
    name: str | None = None,
    drop: Sequence[str] = (),
    missing: Missing = "refuse",
    unit: str = "",
    holdout: float | int = 0.2,
) -> Source:
    """A source of data from a table in a file, for `Recipe(data=…)`.

    Numbers are taken as they are (recipes scale them); text, and true or false, become a column of 0 and 1 for each
    category, called "colour=red". Class labels may be text. The seed splits the rows, and the SHA-256 of the table as
    loaded is recorded with each run.

    Args:
        path: a .csv or .parquet file.
        target: the column to be predicted.
        task: "regression" for a number, "classification" for a class.
        name: of the set; None takes the file's.
        drop: columns to leave out, such as an index.
        missing: what to do with missing values in other columns than the target: "refuse" names the columns; "drop"
            leaves such rows out; "median" fills numbers with the median of their column over all rows, before the
            split, so that it knows the test part too, and texts with "missing".
        unit: of the target, for regression.
        holdout: the size of a part that the seed draws, see `Source`.

    Raises:
        DataError: there is no such file or column, or the table cannot be used; says what to do.

    Example:
        >>> import tempfile
        >>> from pathlib import Path
        >>> import data
        >>> file = Path(tempfile.mkdtemp()) / "prices.csv"
        >>> lines = [f"{size},{'red' if size % 2 else 'blue'},{2 * size}" for size in range(50)]
        >>> _ = file.write_text("size,colour,price\\n" + "\\n".join(lines) + "\\n")
        >>> prices = data.table(file, target="price", unit="euros")
        >>> prices(seed=0).feature_names, len(prices(seed=0).train)
        (('size', 'colour=blue', 'colour=red'), 32)
    """
    file = Path(path).absolute()
    if file.suffix not in (".csv", ".parquet"):
        raise DataError(f"{path} is neither a .csv nor a .parquet file. Save the table as one of these.")
    if not file.is_file():
        raise DataError(f"There is no file {file}. Give the path of the table.")
    load = _Table(file, target, task, tuple(drop), missing)
    # Classes must be known when the recipe is declared; a number needs no reading before it is trained on.
    classes = tuple(map(str, load.classes())) if task == "classification" else ()
    return Source(
        name=name or file.stem, task=task, source="real", load=load, class_names=classes, unit=unit, holdout=holdout
    )


@dataclass(frozen=True)
class _Table:
    """Loads a table, once a process. Equal ones load the same, in a worker too."""

    file: Path
    target: str
    task: Task
    drop: tuple[str, ...]
    missing: Missing

    def __call__(self) -> Whole:
        return _load(self)

    def classes(self) -> list[Any]:
        """The class labels, in order."""
        frame = _read(self.file)
        _check_columns(self, frame)
        return _labels(self, frame)


@cache
def _load(given: _Table) -> Whole:
    import numpy as np
    import pandas as pd

    frame = _read(given.file)
    _check_columns(given, frame)
    classes = _labels(given, frame) if given.task == "classification" else []  # before rows with a class are left out
    frame = frame.drop(columns=list(given.drop))
    if given.missing == "drop":
        frame = frame.dropna()
    y = _target(given, frame)
    if given.task == "classification":
        y = pd.Categorical(y, categories=classes).codes.astype(np.int64)
    columns = frame.drop(columns=given.target)
    if not len(columns.columns) or not len(columns):
        raise DataError(
            f"{given.file.name} has {len(columns)} rows and {len(columns.columns)} columns beside the target. Give a "
            "table with some of both."
        )
    parts = [_numeric(given, columns[column]) for column in columns]
    x = pd.concat(parts, axis=1)
    return Whole(x.to_numpy(np.float64), y, feature_names=tuple(map(str, x.columns)))


def _read(file: Path) -> pd.DataFrame:
    import pandas as pd

    try:
        if file.suffix == ".parquet":
            return pd.read_parquet(file)
        with file.open(newline="", encoding="utf-8-sig") as lines:
            names = [name.strip() for name in next(csv.reader(lines), [])]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise DataError(f"{file.name} has several columns called {', '.join(map(repr, twice))}. Rename them.")
        return pd.read_csv(file, skipinitialspace=True)
    except ImportError as error:
        raise DataError(f"{file.name} needs a package to be read: {error}. Or save the table as .csv.") from None
    except (ValueError, OSError, pd.errors.ParserError) as error:
        raise DataError(f"{file.name} cannot be read as a table: {error}. Open it, and save it again.") from None


def _check_columns(given: _Table, frame: pd.DataFrame) -> None:
    columns = list(map(str, frame.columns))
    for name in (given.target, *given.drop):
        if name not in frame.columns:
            near = difflib.get_close_matches(name, columns, n=1, cutoff=0.5)
            hint = f" Did you mean {near[0]!r}?" if near else ""
            raise DataError(f"{given.file.name} has no column {name!r}.{hint} There are: {', '.join(columns)}.")
    if given.target in given.drop:
        raise DataError(f"{given.target!r} is the target, and is in drop as well. Leave it out of drop.")


def _labels(given: _Table, frame: pd.DataFrame) -> list[Any]:
    """The class labels in order: numbers by size, then texts by letters."""
    return sorted(set(_target(given, frame).tolist()), key=lambda label: (isinstance(label, str), label))


def _target(given: _Table, frame: pd.DataFrame) -> np.ndarray:
    import numpy as np
    import pandas as pd

    if not len(frame):
        raise DataError(f"{given.file.name} has no rows below its header. Give a table with some.")
    column = frame[given.target]
    if lacking := int(column.isna().sum()):
        raise DataError(
            f"{given.file.name} has {lacking} rows without {given.target!r}, the target. Fill them in, or leave those "
            "rows out."
        )
    if given.task == "classification":
        return column.to_numpy(object)
    if not pd.api.types.is_numeric_dtype(column) or pd.api.types.is_bool_dtype(column):
        raise DataError(
            f"{given.file.name} has {column.iloc[0]!r} in {given.target!r}, the target, and regression needs numbers. "
            'Give task="classification", or correct the column.'
        )
    return column.to_numpy(np.float64)


def _numeric(given: _Table, column: pd.Series) -> pd.DataFrame:
    """A column of numbers, or a column of 0 and 1 for each category of one of texts."""
    import pandas as pd

    numbers = pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column)
    if lacking := int(column.isna().sum()):
        if given.missing == "refuse":
            raise DataError(
                f"{given.file.name} has {lacking} missing values in {column.name!r}. Fill them in, or give "
                'missing="drop" to leave such rows out, or missing="median" to fill them.'
            )
        column = column.fillna(column.median()) if numbers else column.astype(object).fillna("missing")
    if numbers:
        return column.astype(float).to_frame()
    texts = column.astype(str)
    if (different := texts.nunique()) > MOST_TEXTS:
        raise DataError(
            f"{given.file.name} has {different} different texts in {column.name!r}, such as {texts.iloc[0]!r}: too "
            f"many for a category. Give drop=({column.name!r},), or turn it into numbers."
        )
    return pd.get_dummies(texts, prefix=column.name, prefix_sep="=", dtype=float)
