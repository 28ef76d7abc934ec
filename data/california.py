"""California housing: 20,640 districts of the 1990 census, and the median house value in each.

`train_test_split` takes 20 % of the rows for the test part, then, with the same seed, 20 % of the rest for the
validation part: 13,209 / 3,303 / 4,128 rows. Seed 0 is exactly the split of the published tables on tabular networks.
"""

from __future__ import annotations

import warnings
import zlib
from functools import cache
from typing import TYPE_CHECKING

from data.bundled import diabetes
from data.cache import damaged, download, missing, sklearn_home
from data.dataset import sha256
from data.source import Source, Whole

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np

SHA256 = "e58a86a60787e047e4002b0d17d0c68ab1726cb7e813563e8dc1acf440075037"  # of x and y
ROWS, COLUMNS = 20_640, 9
NAMES = ("MedInc", "HouseAge", "AveRooms", "AveBedrms", "Population", "AveOccup", "Latitude", "Longitude")


@cache
def _load() -> Whole:
    """Read the set that scikit-learn caches: x float64 (20640, 8), y float64 (20640,) in 100,000 $."""
    file = sklearn_home() / "cal_housing_py3.pkz"
    if missing([file]):
        from sklearn.datasets._california_housing import ARCHIVE

        download("california_housing", [file], file.parent, "SCIKIT_LEARN_DATA", ARCHIVE.url, _fetch)
    numbers = _numbers(file)
    # joblib stores a matrix by rows or by columns, depending on how scikit-learn made it; the hash shows which.
    found = [_derived(numbers.reshape(ROWS, COLUMNS, order=order)) for order in ("F", "C")]
    for x, y in found:
        if sha256(x, y) == SHA256:
            return Whole(x, y, SHA256, NAMES)
    raise damaged("california_housing", file, f"its contents have SHA-256 {sha256(*found[0])} instead of {SHA256}")


def _numbers(file: Path) -> np.ndarray:
    """The matrix in scikit-learn's file, float64 (20640 · 9,), in the order of the file.

    The file is a compressed pickle, and loading a pickle can run any code. joblib writes the raw bytes of an array just
    before the pickle's last byte, so they are read from there and nothing is unpickled.
    """
    import numpy as np

    size = ROWS * COLUMNS * 8
    try:
        content = zlib.decompressobj().decompress(file.read_bytes(), size + 4096)  # 4096: joblib's header of the array
    except (OSError, zlib.error) as error:
        raise damaged("california_housing", file, f"{type(error).__name__}: {error}") from error
    if len(content) <= size:
        raise damaged("california_housing", file, f"it holds {len(content)} bytes, fewer than the set's {size}")
    return np.frombuffer(content[-size - 1 : -1], "<f8")


def _derived(columns: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """x and y as `fetch_california_housing` derives them: rooms and people per household; y in 100,000 $."""
    import numpy as np

    value, income, age, rooms, bedrooms, population, households, latitude, longitude = columns.T
    with np.errstate(all="ignore"):  # a damaged file may hold any numbers
        x = (income, age, rooms / households, bedrooms / households, population, population / households)
        return np.stack([*x, latitude, longitude], axis=1), value / 100_000.0


def _fetch() -> None:
    from sklearn.datasets import fetch_california_housing

    with warnings.catch_warnings():
        # scikit-learn always retries at least once; its warning about the retry, raised as an error, ends the wait.
        warnings.filterwarnings("error", message="Retry downloading")
        fetch_california_housing(data_home=sklearn_home(), n_retries=1)


california_housing = Source(
    name="california_housing",
    task="regression",
    source="real",
    load=_load,
    stand_in=diabetes,
    unit="100,000 $",
)
