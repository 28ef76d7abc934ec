"""Images with two labels, and networks that are trained on them with sigmoids or a softmax."""

import numpy as np
import pytest

from data import DataError, Source, Whole, diabetes, digits, fashion_mnist, two_labels
from folklore import Recipe
from folklore.errors import DeclarationError
from folklore.task import Task
from models import mlp


def images():
    x = np.arange(24.0).reshape(12, 2, 1, 1)
    return Whole(x, np.arange(12) % 3, published_test=4)


SOURCE = Source(
    name="made", task="classification", source="bundled", load=images, class_names=("a", "b", "c"), images=True
)


def test_images_are_overlaid_with_labels_of_both():
    whole, pairs = images(), two_labels(SOURCE).read()
    assert pairs.y.shape == (12, 3)
    for row in range(12):
        others = range(8) if row < 8 else range(8, 12)  # partners are of the same part
        fitting = [
            other for other in others
            if (np.maximum(whole.x[row], whole.x[other]) == pairs.x[row]).all()
            and set(np.flatnonzero(pairs.y[row])) == {whole.y[row], whole.y[other]}
        ]  # fmt: skip
        assert fitting


def test_set_is_same_for_all_seeds_and_has_stand_in():
    pairs = two_labels(fashion_mnist)
    assert pairs.stand_in == two_labels(digits)
    one, two = pairs.stand_in(0), pairs.stand_in(1)
    assert one.sha256 == two.sha256
    assert one.outputs == 10


def test_tables_have_no_two_labels():
    with pytest.raises(DataError, match="diabetes has no images with a class each"):
        two_labels(diabetes)


@pytest.mark.parametrize("y", [np.zeros((4, 2), int), np.full((4, 3), 2), np.zeros((4, 3))])
def test_targets_that_are_no_labels_are_refused(y):
    source = Source(
        name="made", task="multilabel", source="bundled", load=lambda: Whole(np.zeros((4, 2)), y),
        class_names=("a", "b", "c"),
    )  # fmt: skip
    with pytest.raises(DataError, match=r"Give integers, 0 or 1 for each class, of shape \(4, 3\)"):
        source(0)


@pytest.mark.compile
@pytest.mark.parametrize("loss", ["sigmoid", "softmax"])
def test_network_learns_labels(tmp_path, loss):
    from folklore.training.train import train

    recipe = Recipe(
        model=mlp, params=dict(widths=(64,)), data=two_labels(digits), loss=loss, epochs=12, mode="graph",
        monitor="validation/r_precision",
    )  # fmt: skip
    record = train(Task("topic.labels", "arm", 0, recipe, tmp_path / "logs" / "topic.labels" / "arm" / "seed-0", {}))
    assert record["status"] == "done", record.get("traceback")
    assert record["metrics"]["test/r_precision"] > 0.6  # by chance .2
    assert record["collapse"] is None


def test_loss_that_labels_cannot_have_is_refused():
    with pytest.raises(DeclarationError, match="The loss for multilabel is 'softmax twice'"):
        Recipe(model=mlp, data=two_labels(digits), loss="softmax twice")
