"""Cached files that are truncated or altered are errors that name the file; missing ones are left to Keras."""

import gzip
import importlib
import os
import struct
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace

import joblib
import numpy as np
import pytest
from sklearn.datasets import fetch_california_housing

from data import DataError, cache, california_housing, digits, fashion, fashion_mnist, resolve
from data.dataset import sha256

SHAPES = dict(zip(fashion.FILES, [(6, 28, 28), (6,), (3, 28, 28), (3,)], strict=True))
REAL_HOUSING = Path(os.environ.get("SCIKIT_LEARN_DATA", "unset"), "cal_housing_py3.pkz")  # before a fixture hides it


@pytest.fixture(autouse=True)
def nothing_loaded():
    """Clear the caches of sources, so that data from one test's folders does not reach other tests."""
    sources = (fashion_mnist, california_housing)
    for source in sources:
        source.load.cache_clear()
    yield
    for source in sources:
        source.load.cache_clear()


@pytest.fixture
def folder(tmp_path, monkeypatch) -> Path:
    """Keras' cache with a tiny set in the form of Fashion-MNIST, whose hashes count as the known ones."""
    folder = tmp_path / "datasets" / "fashion-mnist"
    folder.mkdir(parents=True)
    known = {}
    for name, shape in SHAPES.items():
        array = np.random.default_rng(len(name)).integers(0, 10, shape, np.uint8)
        (folder / name).write_bytes(packed(array))
        known[name] = (shape, sha256(array))
    monkeypatch.setattr(fashion, "FILES", known)
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    return folder


@pytest.fixture
def housing_file(tmp_path, monkeypatch) -> Path:
    monkeypatch.setenv("SCIKIT_LEARN_DATA", str(tmp_path))
    return tmp_path / "cal_housing_py3.pkz"


def packed(array: np.ndarray) -> bytes:
    """The array in the IDX format, compressed."""
    header = struct.pack(f">BBBB{array.ndim}I", 0, 0, 8, array.ndim, *array.shape)
    return gzip.compress(header + array.tobytes())


def flipped(content: bytes) -> bytes:
    middle = len(content) // 2
    return content[:middle] + bytes([content[middle] ^ 255]) + content[middle + 1 :]


def altered(content: bytes) -> bytes:
    """A sound archive with one value changed."""
    plain = bytearray(gzip.decompress(content))
    plain[-1] ^= 1
    return gzip.compress(bytes(plain))


DAMAGE = {
    "truncated": lambda content: content[: len(content) // 2],
    "flipped": flipped,
    "altered": altered,
    "empty": lambda _: b"",
    "a page of HTML": lambda _: b"<html>Please log in to the network.</html>",
    "shorter inside": lambda content: gzip.compress(gzip.decompress(content)[:-1]),
}


def test_intact_cache_loads(folder):
    whole = fashion_mnist.load()
    assert whole.x.shape == (9, 28, 28, 1)
    assert whole.published_test == 3
    assert not whole.x.flags.writeable


@pytest.mark.parametrize("damage", DAMAGE)
@pytest.mark.parametrize("name", SHAPES)
def test_damaged_fashion_mnist_file_is_named(folder, name, damage):
    file = folder / name
    file.write_bytes(DAMAGE[damage](file.read_bytes()))
    for choice in ("real", "auto"):
        with pytest.raises(DataError) as caught:
            resolve(fashion_mnist, choice)
        message = str(caught.value)
        assert f"Delete {file} and run again" in message
        assert "--data bundled" in message
        assert "\n" not in message
        assert not any(other in message for other in SHAPES if other != name)


def test_damage_is_reported_before_anything_is_downloaded(folder, monkeypatch):
    monkeypatch.setattr(fashion, "download", lambda *_: pytest.fail("a download began"))
    missing, broken = list(SHAPES)[:2]
    (folder / missing).unlink()
    (folder / broken).write_bytes(b"")
    with pytest.raises(DataError, match=broken):
        fashion_mnist.load()


def test_failure_to_load_is_not_cached(folder):
    file = folder / "t10k-labels-idx1-ubyte.gz"
    sound = file.read_bytes()
    file.write_bytes(sound[:20])
    with pytest.raises(DataError):
        fashion_mnist.load()
    file.write_bytes(sound)
    assert len(fashion_mnist.load().y) == 9


def test_damaged_set_leaves_stand_in_usable(folder):
    (folder / "t10k-labels-idx1-ubyte.gz").write_bytes(b"")
    assert resolve(fashion_mnist, "bundled") == (digits, None)


def test_read_only_cache_can_be_read(folder, monkeypatch):
    access = os.access  # root ignores permissions
    monkeypatch.setattr(os, "access", lambda path, mode: mode != os.W_OK and access(path, mode))
    assert len(fashion_mnist.load().y) == 9


def fake_keras(monkeypatch, load_data) -> None:
    """Keras as a module whose download is `load_data`, at an address that can be reached."""
    keras = SimpleNamespace(datasets=SimpleNamespace(fashion_mnist=SimpleNamespace(load_data=load_data)))
    monkeypatch.setitem(sys.modules, "keras", keras)
    monkeypatch.setattr(cache, "_why_unreachable", lambda *_: "")


def test_keras_downloads_missing_files(folder, monkeypatch, capsys):
    file = folder / "t10k-images-idx3-ubyte.gz"
    content = file.read_bytes()
    file.unlink()

    def load_data() -> None:
        print("Downloading data")
        file.write_bytes(content)

    fake_keras(monkeypatch, load_data)
    assert len(fashion_mnist.load().x) == 9
    printed = capsys.readouterr()
    assert (printed.out, printed.err) == ("", "Downloading data\n")


def test_damaged_download_is_named(folder, monkeypatch):
    file = folder / "t10k-images-idx3-ubyte.gz"
    file.unlink()

    def load_data() -> None:
        file.write_bytes(b"<html>")
        raise OSError("Not a gzipped file")

    fake_keras(monkeypatch, load_data)
    with pytest.raises(DataError, match=f"Delete {file}"):
        resolve(fashion_mnist, "auto")


def test_failed_keras_download_is_reported(folder, monkeypatch):
    (folder / "t10k-images-idx3-ubyte.gz").unlink()

    def load_data() -> None:
        raise Exception("URL fetch failure")  # as Keras does

    fake_keras(monkeypatch, load_data)
    with pytest.raises(DataError, match="failed: URL fetch failure"):
        resolve(fashion_mnist, "real")
    assert resolve(fashion_mnist, "auto")[0] is digits


def test_keras_cache_in_another_folder_is_reported(folder, monkeypatch):
    (folder / "t10k-images-idx3-ubyte.gz").unlink()
    fake_keras(monkeypatch, lambda: None)
    with pytest.raises(DataError, match="KERAS_HOME must be set before Python starts"):
        resolve(fashion_mnist, "real")


@pytest.fixture
def real_keras() -> ModuleType:
    """Keras' own loader, imported before `folder` sets KERAS_HOME: Keras would keep that for good."""
    return importlib.import_module("keras.src.datasets.fashion_mnist")


def test_keras_reads_same_arrays_from_same_files(real_keras, folder, monkeypatch):
    asked = []

    def get_file(name: str, origin: str, cache_subdir: str) -> str:
        asked.append((name, origin, cache_subdir))
        return str(folder / name)

    monkeypatch.setattr(real_keras, "get_file", get_file)
    (train_x, train_y), (test_x, test_y) = real_keras.load_data()
    whole = fashion_mnist.load()
    np.testing.assert_array_equal(whole.x[..., 0], np.concatenate([train_x, test_x]))
    np.testing.assert_array_equal(whole.y, np.concatenate([train_y, test_y]))
    place = os.path.join("datasets", "fashion-mnist")  # noqa: PTH118
    assert sorted(asked) == sorted((name, fashion.URL + name, place) for name in SHAPES)


@pytest.mark.parametrize("damage", ["truncated", "flipped", "empty", "not a pickle"])
def test_damaged_california_file_is_named(housing_file, damage):
    joblib.dump(np.arange(90.0).reshape(10, 9), housing_file, compress=6)
    damages = {**DAMAGE, "not a pickle": lambda _: b"\x00" * 100}
    housing_file.write_bytes(damages[damage](housing_file.read_bytes()))
    assert_housing_is_damaged(housing_file)


@pytest.mark.parametrize("content", [np.arange(1.0, 91.0).reshape(10, 9), np.zeros((10, 9)), np.zeros(3), "text"])
def test_other_contents_are_not_accepted_as_california(housing_file, content):
    joblib.dump(content, housing_file, compress=6)
    assert_housing_is_damaged(housing_file)


def test_single_changed_value_is_detected(housing_file):
    if not REAL_HOUSING.exists():
        pytest.skip(f"SCIKIT_LEARN_DATA does not name a folder with {REAL_HOUSING.name}")
    content = joblib.load(REAL_HOUSING)
    joblib.dump(content, housing_file, compress=1)
    assert len(california_housing.load().y) == 20640  # compressed differently, but the same set
    california_housing.load.cache_clear()
    content[77, 3] += 1
    joblib.dump(content, housing_file, compress=1)
    assert_housing_is_damaged(housing_file)


def test_cached_pickle_is_not_run(housing_file, tmp_path):
    class Trap:
        def __reduce__(self):
            return Path.touch, (tmp_path / "run",)

    joblib.dump(Trap(), housing_file, compress=6)
    assert_housing_is_damaged(housing_file)
    joblib.load(housing_file)
    assert (tmp_path / "run").exists()  # as it does here


def test_california_equals_scikit_learn():
    if not REAL_HOUSING.exists():
        pytest.skip(f"SCIKIT_LEARN_DATA does not name a folder with {REAL_HOUSING.name}")
    theirs = fetch_california_housing(data_home=REAL_HOUSING.parent, download_if_missing=False)
    whole = california_housing.load()
    np.testing.assert_array_equal(whole.x, theirs.data)
    np.testing.assert_array_equal(whole.y, theirs.target)
    assert list(whole.feature_names) == theirs.feature_names


def test_download_does_not_write_through_link(housing_file, tmp_path):
    outside = tmp_path / "outside"
    housing_file.symlink_to(outside)
    with pytest.raises(DataError, match=r"is a broken link: .*outside does not exist"):
        california_housing.load()
    assert not outside.exists()


def assert_housing_is_damaged(file: Path) -> None:
    for choice in ("real", "auto"):
        with pytest.raises(DataError) as caught:
            resolve(california_housing, choice)
        assert f"Delete {file} and run again" in str(caught.value)
        assert "--data bundled" in str(caught.value)
