"""A model's outputs on all rows, compared with `keras.Model.predict`."""

import keras
import numpy as np
import pytest

from folklore import epoch
from folklore.epoch import program
from models import mlp
from models.auxiliary import WithAuxiliaries

pytestmark = pytest.mark.compile

RNG = np.random.default_rng(3)
IMAGES = RNG.integers(0, 256, (70, 4, 4, 1), np.uint8)
CLASSES = RNG.integers(0, 3, 70).astype(np.int32)
SCALING = 100.0, 50.0
SCALED = (IMAGES - np.float32(100)) / np.float32(50)


def network(eagerly=False):
    keras.utils.set_random_seed(1)
    # Dropout and batch statistics would show that it is not in inference mode.
    model = mlp((4, 4, 1), 3, widths=(8,), normalization="before", dropout=0.5)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile("adam", loss, run_eagerly=eagerly)
    return model


@pytest.mark.parametrize("batch", [7, 10, 16, 70, 256])  # ten of them, seven, with a rest, one, less than one
@pytest.mark.parametrize("room", [None, 10])
def test_outputs_equal_those_of_keras(batch, room, monkeypatch):
    monkeypatch.setattr(program, "evaluation_batch", lambda model: batch)
    model, placed = network(), epoch.place((IMAGES, CLASSES), SCALING, room=room)
    assert placed.resident == (room is None)
    found = epoch.predict(model, placed)
    assert (found.dtype, found.shape) == (np.float32, (70, 3))
    np.testing.assert_allclose(found, model.predict(SCALED, verbose=0), rtol=1e-5, atol=1e-6)


def test_model_that_runs_eagerly_predicts():
    model = network(eagerly=True)
    found = epoch.predict(model, epoch.place((IMAGES, CLASSES), SCALING))
    np.testing.assert_allclose(found, model.predict(SCALED, verbose=0), rtol=1e-5, atol=1e-6)


def test_program_is_traced_once_and_takes_new_weights():
    model, calls = network(), []
    placed = epoch.place((IMAGES, CLASSES), SCALING)
    first, step = epoch.predict(model, placed), model.predict_step
    object.__setattr__(model, "predict_step", lambda batch: calls.append(batch) or step(batch))
    model.set_weights([weights * 2 for weights in model.get_weights()])
    again = epoch.predict(model, epoch.place((IMAGES[::-1].copy(), CLASSES), SCALING))
    assert calls == [] and not np.allclose(first, again[::-1])


def test_first_output_of_several_counts():
    inputs = keras.Input((16,))
    model = keras.Model(inputs, [keras.layers.Dense(2)(inputs), keras.layers.Dense(5)(inputs)])
    model.compile("sgd", ["mse", "mse"])
    x = SCALED.reshape(70, 16)
    found = epoch.predict(model, (x, (np.zeros((70, 2)), np.zeros((70, 5)))))
    np.testing.assert_allclose(found, model.predict(x, verbose=0)[0], rtol=1e-5, atol=1e-6)


def test_auxiliary_outputs_are_left_out():
    inputs = keras.Input((16,))
    model = WithAuxiliaries(inputs, [keras.layers.Dense(3)(inputs), keras.layers.Dense(3)(inputs)])
    model.compile("sgd", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    x = SCALED.reshape(70, 16)
    epoch.fit(model, (x, CLASSES), epochs=1, mode="graph")
    np.testing.assert_allclose(
        epoch.predict(model, (x, CLASSES)), keras.ops.convert_to_numpy(model.layers[1](x)), rtol=1e-5, atol=1e-6
    )


def test_outputs_are_float32_under_any_precision():
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        model = network()
    finally:
        keras.config.set_dtype_policy(before)
    assert epoch.predict(model, epoch.place((IMAGES, CLASSES), SCALING)).dtype == np.float32
