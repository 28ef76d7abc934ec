"""California housing: 20,640 districts of the census of 1990, and the median value of a house in each.

Rows are cut 20 % for the test part, then 20 % of the rest for the validation part, by `train_test_split` with the same
seed: 13,209 / 3,303 / 4,128 rows. So seed 0 is exactly the split that published tables of tabular networks use.
"""

from __future__ import annotations

import warnings
from functools import cache

from data.bundled import diabetes
from data.cache import damaged, download, missing, sklearn_home
from data.dataset import sha256
from data.source import Source, Whole

SHA256 = "e58a86a60787e047e4002b0d17d0c68ab1726cb7e813563e8dc1acf440075037"  # of x and y


@cache
def _load() -> Whole:
    """Read the set through scikit-learn: x float64 (20640, 8), y float64 (20640,) in 100,000 $."""
    import numpy as np
    from sklearn.datasets import fetch_california_housing
    from sklearn.datasets._california_housing import ARCHIVE

    file = sklearn_home() / "cal_housing_py3.pkz"
    if missing([file]):
        download("california_housing", [file], file.parent, "SCIKIT_LEARN_DATA", ARCHIVE.url, _fetch)
    try:
        raw = fetch_california_housing(data_home=file.parent, download_if_missing=False)
    except Exception as error:  # altered bytes fail in zlib, in the unpickler or in the arithmetic, each in its way
        raise damaged("california_housing", file, f"{type(error).__name__}: {error}") from error
    x = np.ascontiguousarray(raw.data)
    found = sha256(x, raw.target)
    if found != SHA256:
        raise damaged("california_housing", file, f"its contents have SHA-256 {found} in place of {SHA256}")
    return Whole(x, raw.target, found, tuple(raw.feature_names))


def _fetch() -> None:
    from sklearn.datasets import fetch_california_housing

    with warnings.catch_warnings():
        # scikit-learn cannot be asked for no retry at all; its announcement of one, raised, ends the wait.
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
