"""Pictures in training: when they are drawn, and which files a run leaves."""

import math

import keras
import numpy as np
import pytest

import data
import folklore
from callbacks import ConfidentMistakes, ConfusionMatrix, Embedding, Filters
from folklore import Recipe
from folklore.task import Task
from folklore.training.preflight import examine_arm
from folklore.training.train import train
from models import SMALL, mlp
from tests.drawn import LABELS, LOGITS, NAMES, act, all_of, images, network, passing, read

pytestmark = pytest.mark.compile


@pytest.mark.parametrize(("every", "steps"), [(1, [1, 2, 3, 4, 5]), (2, [2, 4, 5]), (9, [5])])
def test_pictures_are_drawn_every_few_epochs_and_after_last(tmp_path, every, steps):
    callback = Filters(tmp_path, every=every)
    callback.set_model(network())
    callback.on_train_begin()
    for epoch in range(5):
        callback.on_epoch_end(epoch, {})
    callback.on_train_end()
    assert [step for step, _ in read(tmp_path / "train")["filters/first"]] == steps


@pytest.mark.parametrize("how", ["folklore", "keras"])
def test_drawing_does_not_change_training_in_either_fit(tmp_path, how):
    x, y = images()
    weights = []
    for callbacks in (all_of(tmp_path, x, y), []):
        model = network()
        if how == "keras":
            model.fit(x, y, epochs=2, shuffle=False, verbose=0, callbacks=callbacks)
        else:
            folklore.fit(model, (x, y), epochs=2, mode="graph", callbacks=callbacks)
        weights.append(model.get_weights())
    for one, other in zip(*weights, strict=True):
        np.testing.assert_array_equal(one, other)
    drawn = read(tmp_path / "train") | read(tmp_path / "validation")
    assert set(drawn) == {
        *("filters/first", "feature_maps/first", "feature_maps/second_activation"),
        *("confusion_matrix", "confident_mistakes"),
    }
    assert all([step for step, _ in shown] == [1, 2] for shown in drawn.values())


def test_diverged_network_is_not_drawn_and_keeps_earlier_embedding(tmp_path):
    x, y = images()
    model = network()
    act(Embedding(tmp_path, x, y), model)
    points = (tmp_path / "validation" / "embedding" / "points.tsv").read_text()
    model.set_weights([np.full_like(weight, math.nan) for weight in model.get_weights()])
    for callback in all_of(tmp_path, x, y):
        act(callback, model, epoch=2)
    assert (tmp_path / "validation" / "embedding" / "points.tsv").read_text() == points
    assert not list(tmp_path.rglob("events*"))


def test_inconsistent_arguments_are_refused(tmp_path):
    one_hot = np.eye(3)[LABELS]
    with pytest.raises(ValueError, match=r"one class number per example.*argmax"):
        ConfusionMatrix(tmp_path, LOGITS, one_hot)
    with pytest.raises(ValueError, match="class_names has 2 names, but the model has 3 outputs"):
        act(ConfidentMistakes(tmp_path, LOGITS, LABELS, NAMES[:2], images(5)[0]), passing())
    with pytest.raises(ValueError, match=r"every is 0\. .* positive integer"):
        Filters(tmp_path, every=0)


def small_convolution(input_shape, outputs):
    inputs = keras.Input(input_shape)
    x = keras.layers.Conv2D(4, 3, activation="relu", name="conv")(inputs)
    return keras.Model(inputs, keras.layers.Dense(outputs)(keras.layers.Flatten()(x)), name="small_convolution")


IMAGES = Recipe(model=small_convolution, data=data.digits, data_params=dict(train_size=64), epochs=7, mode="graph")
ALL = ("filters", "feature_maps", "confusion", "mistakes", "embedding")


def test_run_leaves_pictures_and_trains_unchanged(tmp_path):
    runs = [
        train(Task("topic.name", "arm", 0, recipe, tmp_path / name, {"code": {"commit": None}}))
        for name, recipe in (("with", IMAGES.but(pictures=ALL, patience=1)), ("without", IMAGES.but(patience=1)))
    ]
    assert runs[0]["status"] == "done", runs[0].get("error")
    assert runs[0]["metrics"] == runs[1]["metrics"]
    folder = tmp_path / "with"
    drawn = read(folder / "train") | read(folder / "validation")
    assert set(drawn) == {"filters/conv", "feature_maps/conv", "confusion_matrix", "confident_mistakes"}
    assert {shown[-1][0] for shown in drawn.values()} == {runs[0]["epochs"]}
    assert (folder / "validation" / "embedding" / "classes.tsv").read_text().count("\n") == 1 + 288
    assert not read(tmp_path / "without" / "train")


def test_undrawable_network_is_refused_before_training(tmp_path):
    recipe = IMAGES.but(model=mlp, pictures=("filters", "feature_maps"))
    with pytest.raises(ValueError, match="mlp were requested, but it has no convolution"):
        examine_arm(Task("topic.name", "arm", 0, recipe, tmp_path / "topic.name" / "arm" / "seed-0", {}))


@pytest.mark.parametrize("name", ["googlenet", "lenet"])
def test_networks_with_auxiliaries_or_convolutional_heads_are_drawn(tmp_path, name):
    network = SMALL[name]
    tiny = dict(width=0.03, normalization="none") if name == "googlenet" else dict(head="convolution")
    model = network.build((28, 28, 1), 3, **network.params | tiny)
    x, y = images(shape=(28, 28, 1))
    callbacks = all_of(tmp_path, x, y)
    for callback in callbacks:
        callback.set_model(model)
        callback.on_train_begin()
        callback.on_epoch_end(0, {})
        callback.on_train_end()
    points = np.loadtxt(tmp_path / "validation" / "embedding" / "points.tsv", delimiter="\t")
    assert points.shape == (12, model.get_layer("outputs").input.shape[-1])
    assert {"confusion_matrix", "confident_mistakes"} <= set(read(tmp_path / "validation"))
