"""The order of rows: fresh for each epoch, replayed, or as given; the same in every mode and after an interruption."""

import keras
import numpy as np
import pytest

import data
from folklore import Recipe, epoch
from folklore.epoch.device_data import Rows, place
from folklore.task import Task
from folklore.training.train import train
from models import mlp

X = np.arange(7, dtype="float32")[:, None]
Y = X[:, 0] ** 2
BATCH = 3  # 7 = 2 × 3 + 1: the last batch is partial


def orders(shuffle, steps=None, epochs=4):
    rows = Rows(place((X, Y)), BATCH, seed=5, shuffle=shuffle, steps=steps)
    return [rows.order(number).tolist() for number in range(epochs)]


def test_fresh_order_differs_from_epoch_to_epoch():
    found = orders(True)
    assert found == [epoch.epoch_order(5, number, 7).tolist() for number in range(4)]
    assert len(set(map(tuple, found))) == 4


def test_replayed_order_is_that_of_first_epoch():
    assert orders("replayed") == [orders(True)[0]] * 4
    assert orders(False) == [list(range(7))] * 4


def test_replayed_order_of_partial_epochs_repeats_each_pass():
    first = orders(True)[0]
    assert orders("replayed", steps=2) == [first[:6], first[6:]] * 2


@pytest.mark.compile
@pytest.mark.parametrize("mode", ["xla", "graph", "step"])
@pytest.mark.parametrize("shuffle", [True, "replayed", False])
def test_weights_equal_keras_on_said_batches(mode, shuffle):
    def compiled():
        keras.utils.set_random_seed(1)
        model = mlp((1,), 1, widths=(4,))
        model.compile(keras.optimizers.SGD(1e-3), "mse")
        return model

    ours, theirs = compiled(), compiled()
    epoch.fit(ours, (X, Y), epochs=3, batch_size=BATCH, seed=5, shuffle=shuffle, mode=mode)
    for order in orders(shuffle, epochs=3):
        theirs.fit(X[order], Y[order], batch_size=BATCH, shuffle=False, verbose=0)
    for one, other in zip(ours.get_weights(), theirs.get_weights(), strict=True):
        np.testing.assert_allclose(one, other, rtol=2e-5, atol=1e-6)


class Seen(keras.utils.PyDataset):
    """A batch for each row; remembers which were read."""

    def __init__(self):
        super().__init__()
        self.read = []

    num_batches = 7

    def __getitem__(self, index):
        self.read.append(index)
        return X[index : index + 1], Y[index : index + 1]


@pytest.mark.compile
def test_batches_of_dataset_with_length_are_replayed():
    model = mlp((1,), 1, widths=(4,))
    model.compile("sgd", "mse")
    batches = Seen()
    epoch.fit(model, batches, epochs=2, seed=5, shuffle="replayed", mode="graph")
    order = epoch.epoch_order(5, 0, 7).tolist()
    assert batches.read[-14:] == order * 2


@pytest.mark.compile
def test_pipeline_with_order_of_its_own_is_not_replayed():
    model = mlp((1,), 1, widths=(4,))
    model.compile("sgd", "mse")
    with pytest.raises(
        ValueError, match=r"shuffle is 'replayed', and data has an order of its own\. .* folklore\.place"
    ):
        epoch.fit(model, iter([(X, Y)]), epochs=1, shuffle="replayed")


@pytest.mark.compile
def test_recipe_determines_order_of_its_runs(tmp_path):
    base = Recipe(mlp, data.diabetes, params=dict(widths=(3,)), epochs=2, mode="graph", data_params=dict(train_size=40))

    def losses(name, recipe):
        train(Task("topic.name", name, 0, recipe, tmp_path / name / "seed-0", {}))
        rows = (tmp_path / name / "seed-0" / "history.csv").read_text().splitlines()
        column = rows[0].split(",").index("train/loss")
        return [row.split(",")[column] for row in rows[1:]]

    fresh, replayed = losses("fresh", base), losses("replayed", base.but(order="replayed"))
    assert fresh[0] == replayed[0]  # the first epoch has one order in both
    assert fresh[1] != replayed[1]
