"""Data that is scaled on the device, or streamed to it."""

import keras
import numpy as np
import pytest

from folklore import epoch
from models import mlp

pytestmark = pytest.mark.compile

RNG = np.random.default_rng(5)
PIXELS = RNG.integers(0, 256, size=(70, 4, 4, 1)).astype("uint8")
CLASSES = RNG.integers(0, 3, size=70).astype("int32")
SHIFT, SCALE = 100.0, 50.0
SCALED = (PIXELS.astype("float32") - np.float32(SHIFT)) / np.float32(SCALE)


def classifier():
    keras.utils.set_random_seed(2)
    model = mlp((4, 4, 1), 3, widths=(6,), dropout=0.2)
    model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True), metrics=["accuracy"])
    return model


def fitted(data, mode="graph", **options):
    model = classifier()
    history = epoch.fit(model, data, epochs=2, batch_size=16, mode=mode, validation_data=data, **options)
    return model, history.history


def assert_same(one, other, tolerance=0.0):
    for a, b in zip(one[0].get_weights(), other[0].get_weights(), strict=True):
        np.testing.assert_allclose(a, b, atol=tolerance)
    for name, values in one[1].items():
        np.testing.assert_allclose(values, other[1][name], rtol=1e-5)


@pytest.mark.parametrize("mode", ["xla", "graph", "step"])
def test_scaling_in_graph_trains_like_scaling_before(mode):
    placed = epoch.place((PIXELS, CLASSES), (SHIFT, SCALE))
    assert placed.arrays[0].dtype == "uint8"
    assert_same(fitted(placed, mode), fitted((SCALED, CLASSES), mode), tolerance=1e-6)


@pytest.mark.parametrize(
    "callbacks", [[], [keras.callbacks.LambdaCallback(on_train_batch_end=lambda batch, logs: None)]]
)
def test_data_too_large_for_device_streams_and_trains_the_same(callbacks):
    streamed = epoch.place((PIXELS, CLASSES), (SHIFT, SCALE), room=100)
    assert not streamed.resident
    assert isinstance(streamed.arrays[0], np.ndarray)
    resident = epoch.place((PIXELS, CLASSES), (SHIFT, SCALE))
    assert_same(fitted(streamed, "auto", callbacks=callbacks), fitted(resident), tolerance=1e-6)
    assert epoch.choose_mode(classifier(), streamed, 16, 1000).mode == "step"


def test_file_larger_than_memory_is_read_by_batch(tmp_path):
    mapped = np.memmap(tmp_path / "x", dtype="uint8", mode="w+", shape=PIXELS.shape)
    mapped[:] = PIXELS
    streamed = epoch.place((mapped, CLASSES), (SHIFT, SCALE), room=100)
    assert isinstance(streamed.arrays[0], np.memmap)
    model = classifier()
    assert epoch.evaluate(model, streamed) == pytest.approx(epoch.evaluate(model, (SCALED, CLASSES)), rel=1e-5)


def test_placed_data_is_placed_once():
    placed = epoch.place((PIXELS, CLASSES))
    assert epoch.place(placed) is placed


def test_tables_are_scaled_by_column():
    x = RNG.normal(size=(20, 3))
    placed = epoch.place((x, x[:, 0]), (np.array([1.0, 2.0, 3.0]), np.array([2.0, 2.0, 4.0])))
    np.testing.assert_allclose(placed.example(20)[0], (x - [1, 2, 3]) / [2, 2, 4], rtol=1e-5)
