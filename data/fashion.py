"""Fashion-MNIST: 70,000 greyscale images of clothes in ten classes.

The test part is the published one, 10,000 images; the seed draws 5,000 of the other 60,000 for the validation part.
"""

from __future__ import annotations

import gzip
import math
import sys
import zlib
from contextlib import redirect_stdout
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from data.bundled import digits
from data.cache import damaged, download, keras_home, missing
from data.dataset import sha256
from data.source import Source, Whole

if TYPE_CHECKING:
    import numpy as np

URL = "https://storage.googleapis.com/tensorflow/tf-keras-datasets/"  # Keras' own address, which it does not export

# Each file that Keras caches, with the shape and the SHA-256 of the uint8 array in it.
FILES: dict[str, tuple[tuple[int, ...], str]] = {
    "train-images-idx3-ubyte.gz": (
        (60_000, 28, 28),
        "7c4ae05567f92da50b4c00433004aa82818382a46c10e8afe0d18b2fa82c0b07",
    ),
    "train-labels-idx1-ubyte.gz": (
        (60_000,),
        "b76c6e1c8563414a52fddb88a8c0aa9e4c8602cb237b457ee3252b02fa12aa3d",
    ),
    "t10k-images-idx3-ubyte.gz": (
        (10_000, 28, 28),
        "674de1779b0e532f657e7817ad33d15cc5c89eb2af7817e9ab6444b0605c832e",
    ),
    "t10k-labels-idx1-ubyte.gz": (
        (10_000,),
        "d87e23179b660f23d30f349957ae9eace98e27ba4799906ba9462fcc167fa178",
    ),
}


@cache
def _load() -> Whole:
    """Read the set from Keras' cache: x uint8 (70000, 28, 28, 1), y int32 (70000,), the test part last.

    The files are read here because Keras' own reader refuses a read-only cache, does not notice a damaged file, and
    takes seconds to import. Keras downloads what is missing.
    """
    import numpy as np

    folder = keras_home() / "datasets" / "fashion-mnist"
    files = [folder / name for name in FILES]
    absent = missing(files)
    arrays = {file: _read(file) for file in files if file not in absent}
    if absent:
        download("fashion_mnist", absent, keras_home(), "KERAS_HOME", URL + absent[0].name, _fetch)
        arrays |= {file: _read(file) for file in absent}
    train_x, train_y, test_x, test_y = (arrays[file] for file in files)
    x = np.concatenate([train_x, test_x])[..., None]
    y = np.concatenate([train_y, test_y]).astype(np.int32)
    return Whole(x, y, published_test=len(test_y))


def _read(file: Path) -> np.ndarray:
    """The uint8 array in one file.

    Raises:
        DataError: the file is truncated or altered.
    """
    import numpy as np

    shape, expected = FILES[file.name]
    header = 4 + 4 * len(shape)  # the IDX format: a magic number, then the length of each axis
    try:
        with gzip.open(file) as stream:
            array = np.frombuffer(stream.read(header + math.prod(shape) + 1), np.uint8, offset=header).reshape(shape)
    except (OSError, EOFError, zlib.error, ValueError) as error:
        raise damaged("fashion_mnist", file, f"{type(error).__name__}: {error}") from error
    found = sha256(array)
    if found != expected:
        raise damaged("fashion_mnist", file, f"its contents have SHA-256 {found} instead of {expected}")
    return array


def _fetch() -> None:
    import keras

    with redirect_stdout(sys.stderr):  # Keras' progress bar must not mix with JSON on standard output
        keras.datasets.fashion_mnist.load_data()


fashion_mnist = Source(
    name="fashion_mnist",
    task="classification",
    source="real",
    load=_load,
    stand_in=digits,
    class_names=(
        "T-shirt/top",
        "Trouser",
        "Pullover",
        "Dress",
        "Coat",
        "Sandal",
        "Shirt",
        "Sneaker",
        "Bag",
        "Ankle boot",
    ),
    holdout=5_000,
    images=True,
)
