"""Small networks: each trains in every mode, and predicts the same after saving and loading."""

import keras
import numpy as np
import pytest

import folklore
from models import SMALL

pytestmark = pytest.mark.compile

# As small as the designs allow, so that compiling takes seconds; test_models_networks.py covers the usual sizes.
TINY = {
    "alexnet": dict(width=0.05, hidden=(8,)),
    "cnn": dict(filters=(4, 8), convolutions=1),
    "densenet": dict(depth=10, growth_rate=4),
    "googlenet": dict(width=0.05, normalization="none"),
    "lenet": dict(width=0.5),
    "resnet": dict(depth=8, width=0.25),
    "vgg": dict(width=0.05, stages=2, hidden=(8,)),
}
RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(8, 28, 28, 1)).astype("float32"), RNG.integers(0, 10, 8)


def tiny(name):
    network = SMALL[name]
    keras.utils.set_random_seed(1)
    model = network.build(network.input_shape, network.outputs, **network.params | TINY[name])
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile("sgd", loss, metrics=[keras.metrics.SparseCategoricalAccuracy(name="accuracy")])
    return model


# XLA takes half a minute for GoogLeNet's sixty convolutions on a CPU, where `auto` leaves it out.
CASES = [
    (name, mode) for name in sorted(SMALL) for mode in ("xla", "graph", "step") if (name, mode) != ("googlenet", "xla")
]


@pytest.mark.parametrize(("name", "mode"), sorted(CASES))
def test_small_network_trains(name, mode):
    model = tiny(name)
    before = [np.array(weight) for weight in model.trainable_weights]
    history = folklore.fit(model, (X, Y), epochs=1, batch_size=4, validation_data=(X, Y), mode=mode)
    assert np.isfinite(history.history["loss"]).all()
    assert set(history.history) == {"loss", "accuracy", "val_loss", "val_accuracy"}
    changed = [(np.array(new) != old).any() for new, old in zip(model.trainable_weights, before, strict=True)]
    assert changed[0] and changed[-1]  # from the last layer down to the first


@pytest.mark.parametrize("name", sorted(SMALL))
def test_saved_small_network_predicts_the_same(name, tmp_path):
    model = tiny(name)
    model.set_weights([RNG.uniform(0.5, 1.5, weight.shape) * weight for weight in model.get_weights()])
    predicted = np.array(model(X, training=False))
    assert predicted.shape == (8, 10)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_allclose(loaded(X, training=False), predicted, rtol=1e-5, atol=1e-6)
    model.save_weights(tmp_path / "model.weights.h5")
    other = tiny(name)
    other.load_weights(tmp_path / "model.weights.h5")
    np.testing.assert_array_equal(other(X, training=False), predicted)
