"""Two real sets that ship inside scikit-learn, so that everything runs without a download."""

from __future__ import annotations

from functools import cache

from data.source import Source, Whole


@cache
def _digits() -> Whole:
    import numpy as np
    from sklearn.datasets import load_digits

    raw = load_digits()
    x = raw.images[..., None].astype(np.uint8)  # pixel values are 0 to 16
    y = raw.target.astype(np.int32)
    return Whole(x, y)


@cache
def _diabetes() -> Whole:
    from sklearn.datasets import load_diabetes

    # Unscaled: scikit-learn computes its scaled version from all rows, the test part included.
    raw = load_diabetes(scaled=False)
    return Whole(raw.data, raw.target, feature_names=tuple(raw.feature_names))


# 1,797 handwritten digits, uint8 (8, 8, 1); 1,149 / 288 / 360 images.
digits = Source(
    name="digits",
    task="classification",
    source="bundled",
    load=_digits,
    class_names=tuple("0123456789"),
    images=True,
)

# 442 patients, ten measurements each, float64; 282 / 71 / 89 rows.
diabetes = Source(
    name="diabetes",
    task="regression",
    source="bundled",
    load=_diabetes,
    unit="disease progression score",
)
