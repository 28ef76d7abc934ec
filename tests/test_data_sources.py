"""The four sources: their contents, their splits, and the imports they need."""

import dataclasses
import os
import pickle
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from sklearn.model_selection import train_test_split

import data
from data import DataError, Dataset, Source, Split, california_housing, diabetes, digits, fashion_mnist, resolve
from data.cache import UnavailableError
from data.dataset import sha256
from data.source import Whole

ROOT = Path(__file__).resolve().parent.parent
PARTS = ("train", "validation", "test")


@pytest.fixture(scope="module")
def housing() -> Dataset:
    return real(california_housing, "SCIKIT_LEARN_DATA", "cal_housing_py3.pkz")


@pytest.fixture(scope="module")
def fashion() -> Dataset:
    return real(fashion_mnist, "KERAS_HOME", "datasets/fashion-mnist/train-images-idx3-ubyte.gz")


def real(source: Source, variable: str, file: str) -> Dataset:
    home = os.environ.get(variable)
    if home is None or not Path(home, file).exists():
        pytest.skip(f"{variable} does not name a folder with {file}: {source.name} itself is not there to be tested")
    return source(0)


def numbered(rows: int = 50, task: str = "regression", name: str = "numbered", **options: object) -> Source:
    """A source whose inputs are the row numbers."""
    x = np.arange(rows, dtype=np.float64)[:, None]
    y = x[:, 0] if task == "regression" else (np.arange(rows) % 2).astype(np.int32)
    classes = () if task == "regression" else ("even", "odd")
    whole = Whole(x, y, sha256(x, y))
    return Source(name=name, task=task, source="real", load=lambda: whole, class_names=classes, **options)


def rows_of(dataset: Dataset) -> list[list[int]]:
    return [getattr(dataset, part).x[:, 0].astype(int).tolist() for part in PARTS]


def sizes(dataset: Dataset) -> tuple[int, ...]:
    return tuple(len(getattr(dataset, part)) for part in PARTS)


def test_fashion_mnist_is_as_published(fashion):
    assert sizes(fashion) == (55_000, 5_000, 10_000)
    assert fashion.input_shape == (28, 28, 1)
    assert fashion.outputs == 10
    assert (fashion.task, fashion.source, fashion.unit) == ("classification", "real", "")
    assert fashion.class_names[0] == "T-shirt/top"
    assert fashion.class_names[9] == "Ankle boot"
    assert fashion.feature_names == ()
    assert fashion.train.x.dtype == np.uint8
    assert fashion.train.y.dtype == np.int32
    assert np.bincount(fashion.validation.y).tolist() == [500] * 10
    assert fashion.test.y[:5].tolist() == [9, 2, 1, 1, 6]  # the published order


def test_fashion_mnist_test_part_is_same_for_every_seed(fashion):
    other = fashion_mnist(1)
    assert other.test.y.tobytes() == fashion.test.y.tobytes()
    assert other.test.x.tobytes() == fashion.test.x.tobytes()
    assert other.validation.x.tobytes() != fashion.validation.x.tobytes()
    assert other.sha256 == fashion.sha256


def test_california_housing_has_expected_contents(housing):
    assert sizes(housing) == (13_209, 3_303, 4_128)
    assert housing.input_shape == (8,)
    assert housing.outputs == 1
    assert (housing.task, housing.source, housing.unit) == ("regression", "real", "100,000 $")
    assert housing.feature_names[0] == "MedInc"
    assert len(housing.feature_names) == 8
    assert housing.train.x.dtype == housing.train.y.dtype == np.float64
    assert 4.9 < housing.train.y.max() < 5.1


def test_california_seed_0_is_split_of_published_tables(housing):
    whole = california_housing.load()
    rest, test = train_test_split(np.arange(20640), test_size=0.2, random_state=0)
    train, validation = train_test_split(rest, test_size=0.2, random_state=0)
    for part, rows in (("train", train), ("validation", validation), ("test", test)):
        np.testing.assert_array_equal(getattr(housing, part).x, whole.x[rows])
        np.testing.assert_array_equal(getattr(housing, part).y, whole.y[rows])


def test_digits_have_expected_contents():
    loaded = digits(0)
    assert sizes(loaded) == (1149, 288, 360)
    assert loaded.input_shape == (8, 8, 1)
    assert loaded.outputs == 10
    assert loaded.class_names == tuple("0123456789")
    assert (loaded.source, loaded.unit) == ("bundled", "")
    assert loaded.train.x.dtype == np.uint8
    assert loaded.train.x.max() == 16
    assert loaded.train.y.dtype == np.int32
    assert np.bincount(loaded.test.y).min() >= 34


def test_diabetes_has_expected_contents():
    loaded = diabetes(0)
    assert sizes(loaded) == (282, 71, 89)
    assert loaded.input_shape == (10,)
    assert loaded.outputs == 1
    assert loaded.unit == "disease progression score"
    assert loaded.feature_names[:4] == ("age", "sex", "bmi", "bp")
    assert loaded.train.x.dtype == loaded.train.y.dtype == np.float64
    assert loaded.train.x[:, 0].min() > 18  # years, so not scikit-learn's scaled form


@pytest.mark.parametrize("task", ["regression", "classification"])
@pytest.mark.parametrize("holdout", [0.2, 7])
def test_parts_are_disjoint_and_cover_set(task, holdout):
    train, validation, test = rows_of(numbered(50, task, holdout=holdout)(3))
    assert sorted(train + validation + test) == list(range(50))
    assert (len(validation), len(test)) == ((8, 10) if holdout == 0.2 else (7, 7))


def test_rows_stay_with_their_targets():
    loaded = numbered()(5)
    for part in PARTS:
        np.testing.assert_array_equal(getattr(loaded, part).x[:, 0], getattr(loaded, part).y)


def test_split_depends_on_seed():
    source = numbered()
    assert rows_of(source(3)) == rows_of(source(3))
    for mine, other in zip(rows_of(source(3)), rows_of(source(4)), strict=True):
        assert mine != other


def test_split_seed_replaces_seed():
    source = numbered()
    assert rows_of(source(3, split_seed=9)) == rows_of(source(4, split_seed=9)) == rows_of(source(9))


def test_train_size_keeps_first_shuffled_rows():
    source = numbered()
    train, validation, test = rows_of(source(3))
    assert rows_of(source(3, train_size=5)) == [train[:5], validation, test]
    assert rows_of(source(3, train_size=len(train))) == [train, validation, test]


@pytest.mark.parametrize("size", [0, -1, 33, 2.5, "5", True])
def test_invalid_train_size_names_range(size):
    with pytest.raises(ValueError, match=r"^train_size of numbered is .*\. Give an integer from 1 to 32\.$"):
        numbered()(0, train_size=size)


@pytest.mark.parametrize("seed", [-1, 1.5, 2**32, None])
def test_invalid_seed_names_range(seed):
    with pytest.raises(ValueError, match=r"^seed is .* integer from 0 to 4294967295\.$"):
        numbered()(seed)
    with pytest.raises(ValueError, match=r"^split_seed is -1\."):
        numbered()(0, split_seed=-1)


def test_arrays_are_read_only():
    loaded = digits(0)
    for array in (loaded.train.x, loaded.test.y, digits.load().x, digits.load().y):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 0


def test_set_is_read_once_per_process():
    assert digits.load() is digits.load()


def test_hashes_cover_dtype_shape_and_bytes():
    x = np.arange(6, dtype=np.int32)
    assert len(sha256(x)) == 64
    assert sha256(x) == sha256(x.copy())
    assert (
        len({sha256(x), sha256(x.astype(np.int64)), sha256(x.reshape(2, 3)), sha256(x + 1), sha256(x[:3], x[3:])}) == 5
    )
    table = x.reshape(2, 3)
    assert sha256(np.asfortranarray(table)) == sha256(table)  # memory layout is not content


def test_training_hash_depends_on_training_part():
    source = numbered()
    first, second = source(0), source(1)
    assert first.sha256 == second.sha256
    assert first.train_sha256 == source(0).train_sha256 != second.train_sha256
    longer = dataclasses.replace(first, train=Split(second.train.x, second.train.y))
    assert longer.train_sha256 == second.train_sha256


@pytest.mark.parametrize(
    "source", [fashion_mnist, california_housing, digits, diabetes], ids=lambda source: source.name
)
def test_sources_can_be_pickled_hashed_and_compared(source):
    twin = pickle.loads(pickle.dumps(source))
    assert twin == source
    assert hash(twin) == hash(source)
    assert twin.load is source.load
    assert len({fashion_mnist, california_housing, digits, diabetes, twin}) == 4
    assert " at 0x" not in repr(source)


def test_stand_ins_are_bundled_and_have_same_task():
    for source in (fashion_mnist, california_housing):
        assert source.source == "real"
        assert source.stand_in.source == "bundled"
        assert source.stand_in.task == source.task
    assert digits.stand_in is diabetes.stand_in is None


def failing(error: Exception) -> Source:
    def load() -> Whole:
        raise error

    return Source(name="far_away", task="regression", source="real", load=load, stand_in=diabetes)


def test_resolve_uses_available_real_set():
    source = numbered(stand_in=diabetes)
    assert resolve(source, "real") == (source, None)
    assert resolve(source, "auto") == (source, None)
    assert resolve(source, "bundled") == (diabetes, None)


def test_resolve_falls_back_only_under_auto_with_reason():
    source = failing(UnavailableError("far_away is far away."))
    assert resolve(source, "auto") == (diabetes, "diabetes stands in for far_away. far_away is far away.")
    assert resolve(source, "bundled") == (diabetes, None)
    with pytest.raises(DataError, match="far away"):
        resolve(source, "real")


def test_resolve_never_hides_damage():
    source = failing(DataError("far_away is damaged."))
    for choice in ("auto", "real"):
        with pytest.raises(DataError, match="damaged"):
            resolve(source, choice)


def test_bundled_source_is_its_own_stand_in():
    for choice in ("auto", "real", "bundled"):
        assert resolve(digits, choice) == (digits, None)


def test_resolve_names_choices():
    with pytest.raises(ValueError, match=r"'bundeld'\. Give one of: auto, real, bundled\.$"):
        resolve(digits, "bundeld")


def test_errors_can_be_pickled():
    assert str(pickle.loads(pickle.dumps(UnavailableError("Gone.")))) == "Gone."


@pytest.mark.process
def test_importing_data_imports_nothing_heavy():
    heavy = "{'numpy', 'pandas', 'scipy', 'sklearn', 'keras', 'tensorflow', 'joblib'}"
    code = f"import sys, data; from data import california_housing; print(sorted({heavy} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_data_is_package_of_this_repository():
    assert Path(data.__file__).resolve() == ROOT / "data" / "__init__.py"


def test_all_public_names_exist():
    assert all(hasattr(data, name) for name in data.__all__)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("what", ["x", "y"])
def test_nan_and_infinity_are_refused_with_place(what, value):
    x, y = np.ones((9, 2)), np.ones(9)
    {"x": x, "y": y}[what][4] = value
    source = Source(name="mine", task="regression", source="bundled", load=lambda: Whole(x, y, sha256(x, y)))
    place = "(4, 0)" if what == "x" else "(4,)"
    expected = f"mine: {what} holds NaN or infinity in 1 of 9 rows; the first is {value} at {place}."
    with pytest.raises(DataError, match=re.escape(expected)):
        source(0)
