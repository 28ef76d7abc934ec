"""Data sets that come from the driver, where a node cannot load them."""

import contextlib
import json
from pathlib import Path

import numpy as np
import pytest

import data
from data import DataError, Source, Whole
from folklore import Recipe
from folklore.study.engines.remote import cargo, frames
from folklore.study.worker import UnfitError
from folklore.task import Task
from models import mlp
from tests.hand_written_nodes import Nodes, connected, job, new_engine

X, Y = np.arange(12, dtype=np.float32).reshape(6, 2), np.arange(6)
ARRAYS = data.arrays(X, Y, name="made", feature_names=("a", "b"))


def missing():
    raise DataError("The file is not on this machine.")


LACKING = Source(name="made", task="regression", source="real", load=missing)


@pytest.fixture
def nodes():
    return Nodes()


@pytest.fixture
def engine(nodes, tmp_path):
    with contextlib.closing(new_engine(nodes, tmp_path / "logs")) as made:
        yield made


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "set.npz"
    cargo.keep(cargo.pack(ARRAYS.read()), path)
    return path


def test_set_arrives_as_it_was(file):
    whole, found = ARRAYS.read(), cargo.unpack(file, ARRAYS.read().sha256)
    np.testing.assert_array_equal(found.x, whole.x)
    np.testing.assert_array_equal(found.y, whole.y)
    assert (found.sha256, found.feature_names, found.x.dtype) == (whole.sha256, ("a", "b"), np.float32)


def test_source_that_node_cannot_load_is_the_drivers(file):
    at_hand = cargo.AtHand(lambda: (file, ARRAYS.read().sha256))
    found = at_hand(LACKING)
    np.testing.assert_array_equal(found.read().x, X)
    assert found.name == "made"


def test_source_that_node_can_load_is_its_own():
    def ask():
        raise AssertionError("The driver was asked.")

    assert cargo.AtHand(ask)(data.diabetes) is data.diabetes
    assert cargo.AtHand(ask)("auto") == "auto"


def test_driver_is_asked_once_for_each_source(file):
    asked = []
    at_hand = cargo.AtHand(lambda: asked.append(1) or (file, ARRAYS.read().sha256))
    assert at_hand(LACKING) is at_hand(LACKING)
    assert len(asked) == 1


def test_source_that_driver_lacks_too_fails_as_here():
    found = cargo.AtHand(lambda: None)(LACKING)
    with pytest.raises(DataError, match="not on this machine"):
        found.read()


def test_task_keeps_its_recipe_with_data_of_driver(file):
    recipe = Recipe(model=mlp, data=ARRAYS, params=dict(widths=(3,)))
    task = Task("topic.made", "arm", 0, recipe, file.parent, {})
    sent = cargo.light(task)
    with pytest.raises(DataError):
        sent.recipe.data.read()
    found = cargo.AtHand(lambda: (file, ARRAYS.read().sha256))(sent)
    assert found.recipe.identity() == recipe.identity()
    assert found.recipe.data(0).sha256 == ARRAYS(0).sha256


@pytest.mark.parametrize("given", [data.diabetes, "auto", 7])
def test_what_holds_no_arrays_is_sent_as_it_is(given):
    assert cargo.light(given) is given


def test_another_set_than_named_is_refused(file):
    with pytest.raises(UnfitError, match="received data with the SHA-256"):
        cargo.unpack(file, "0" * 64)


def test_damaged_file_is_refused(file):
    file.write_bytes(b"PK\x03\x04 cut")
    with pytest.raises(UnfitError, match="cannot be read"):
        cargo.unpack(file, ARRAYS.read().sha256)


def test_set_that_never_arrives_is_given_up(file, monkeypatch):
    monkeypatch.setattr(cargo, "FETCH_SECONDS", 0.0)
    with pytest.raises(UnfitError, match="did not receive its data"):
        cargo.unpack(file.with_name("other.npz"), "")


def test_objects_are_not_sent():
    with pytest.raises(ValueError, match="cannot be sent"):
        cargo.pack(Whole(np.array([[{}]], dtype=object), np.ones(1), "0"))


def told(far):
    """What the driver says of data, between its signs of life."""
    while (message := far.recv_bytes()) == frames.ALIVE:
        pass
    return json.loads(message.removeprefix(frames.DATA))


def test_driver_puts_set_where_nodes_fetch_it_once(engine, nodes, tmp_path):
    source = data.arrays([[1.0], [2.0]], [3.0, 4.0], name="made")
    for number in range(2):
        near, far = connected(engine, nodes, number)
        near.give(job(arguments=(source, "auto")))
        sent = far.recv_bytes()
        assert b"WithDriver" in sent
        frames.send(far, {"kind": "need", "folder": str(tmp_path)})
        frames.send(far, {"kind": "row", "answer": {}})
        engine.wait([near])
        answer = told(far)
        whole = cargo.unpack(Path(answer["file"]), answer["sha256"])
        assert whole.sha256 == source.read().sha256
        far.close()
    assert len(nodes.stored) == 1


def test_node_is_told_where_driver_has_no_copy_either(engine, nodes):
    near, far = connected(engine, nodes)
    near.give(job(arguments=(LACKING, "auto")))
    far.recv_bytes()
    frames.send(far, {"kind": "need", "folder": "/tmp"})
    frames.send(far, {"kind": "row", "answer": {}})
    engine.wait([near])
    assert told(far) is None
    far.close()
