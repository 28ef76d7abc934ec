"""Data sets from the user's own arrays."""

import pickle

import numpy as np
import pandas as pd
import pytest

import data
from data import DataError

X = np.arange(120.0).reshape(60, 2)


def test_table_of_numbers_is_split_by_seed():
    sums = data.arrays(X, X.sum(axis=1), name="sums", feature_names=("a", "b"), unit="points")
    loaded = sums(seed=0)
    assert (loaded.name, loaded.task, loaded.unit, loaded.feature_names) == ("sums", "regression", "points", ("a", "b"))
    assert (len(loaded.train), len(loaded.validation), len(loaded.test)) == (38, 10, 12)
    np.testing.assert_array_equal(loaded.train.y, loaded.train.x.sum(axis=1))


def test_frame_gives_its_column_names():
    frame = pd.DataFrame(X, columns=["size", "age"])
    assert data.arrays(frame, frame["age"], name="ages")(seed=0).feature_names == ("size", "age")


def test_class_labels_may_be_text():
    kinds = data.arrays(X, np.where(X[:, 0] < 60, "small", "large"), name="kinds", task="classification")
    assert kinds.class_names == ("large", "small")
    loaded = kinds(seed=0)
    np.testing.assert_array_equal(loaded.test.y, loaded.test.x[:, 0] < 60)


def test_images_without_channels_get_one():
    images = data.arrays(np.zeros((30, 4, 5), np.uint8), np.arange(30) % 2, name="images", task="classification")
    assert images.images
    assert images(seed=0).train.x.shape == (19, 4, 5, 1)


def test_later_changes_of_arrays_do_not_reach_source():
    x = X.copy()
    sums = data.arrays(x, x.sum(axis=1), name="sums")
    before = sums(seed=0).train.x
    x[:] = 0
    np.testing.assert_array_equal(sums(seed=0).train.x, before)
    assert x.flags.writeable


def test_equal_arrays_are_equal_sources_in_another_process_too():
    sums = data.arrays(X, X.sum(axis=1), name="sums")
    assert pickle.loads(pickle.dumps(sums)) == sums == data.arrays(X, X.sum(axis=1), name="sums")
    assert data.arrays(X + 1, X.sum(axis=1), name="sums") != sums


@pytest.mark.parametrize(
    ("x", "y", "given", "message"),
    [
        ([["a", "b"]], [1], {}, "The inputs of mine are of type <U1. Give numbers"),
        ([1.0, 2.0], [1, 2], {}, r"have the shape \(2,\). Give a table \(n, columns\)"),
        (X, X[:, 0], dict(feature_names=("a",)), "mine has 2 columns and 1 feature_names"),
        (X[:2], ["a", None], dict(task="classification"), "mine has 1 rows without a class"),
        (X, X[:50, 0], {}, "x has 60 rows and y has 50"),
        (X[:1], [1.0], {}, "The 1 rows of mine cannot be split with holdout=0.2"),
        (X, [0] * 59 + [1], dict(task="classification"), "The 60 rows of mine cannot be split.*of each class too"),
    ],
)
def test_unusable_arrays_are_refused(x, y, given, message):
    with pytest.raises(DataError, match=message):
        data.arrays(x, y, name="mine", **given)(seed=0)
