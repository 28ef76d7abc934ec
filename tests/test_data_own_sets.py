"""Data sets of the user's own: what is wrong with them is said before anything is trained."""

from pathlib import Path

import numpy as np
import pytest

from data import DataError, Source
from data.source import Whole


@pytest.mark.parametrize(
    ("task", "names", "y", "message"),
    [
        ("regression", (), np.zeros(39), "x has 40 rows and y has 39"),
        ("regression", (), np.zeros((40, 1)), r"y has the shape \(40, 1\). Give one number for each row"),
        ("regression", (), np.array(["a"] * 40), "y has the type <U1. Give numbers"),
        ("classification", ("no", "yes"), np.arange(40) % 2 + 1, "y holds 1, 2, and class_names has 2 names"),
        ("classification", ("no", "yes"), np.zeros(40), "y holds 0.0, and class_names has 2 names.*from 0 to 1"),
    ],
)
def test_targets_that_cannot_be_trained_are_refused(task, names, y, message):
    whole = Whole(np.ones((40, 2)), y)
    with pytest.raises(DataError, match=message):
        Source(name="wine", task=task, source="real", load=lambda: whole, class_names=names)(0)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"task": "regresion"}, "task='regresion'. Give one of: classification, regression"),
        ({"source": "mine"}, "source='mine'. Give one of: real, bundled"),
        ({"task": "classification"}, "names no classes. Give class_names"),
        ({"load": 3}, "Give load=load, not load=load"),
    ],
)
def test_contradictory_source_is_refused(fields, message):
    with pytest.raises(DataError, match=message):
        Source(**{"name": "wine", "task": "regression", "source": "real", "load": absent} | fields)


def absent():
    return Path("absent.csv").read_text()


def test_data_set_that_cannot_be_loaded_is_named():
    source = Source(name="wine", task="regression", source="real", load=absent)
    with pytest.raises(DataError, match=r"data set wine cannot be loaded: FileNotFoundError.*'absent.csv'.*absent"):
        source(0)


@pytest.mark.parametrize("published", [0, 10])
def test_row_numbers_are_those_of_whole_set(published):
    x = np.arange(50.0)[:, None]
    whole = Whole(x, x[:, 0], published_test=published)
    source = Source(name="numbered", task="regression", source="real", load=lambda: whole)
    for loaded in (source(5), source(5, train_size=7)):
        for part in ("train", "validation", "test"):
            split = getattr(loaded, part)
            np.testing.assert_array_equal(split.rows, split.x[:, 0])
            assert split.rows.dtype == np.int64 and not split.rows.flags.writeable
