"""Networks and images to draw in tests, and a reader of drawn pictures."""

import io

import keras
import numpy as np
from PIL import Image
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from callbacks import ConfidentMistakes, ConfusionMatrix, Embedding, FeatureMaps, Filters

LOGITS = np.array([[4, 0, 0], [0, 1, 3], [0, 3, 0], [9, 0, 1], [0, 0, 2]], dtype="float32")
LABELS = np.array([0, 1, 1, 2, 0])  # predicted: 0, 2, 1, 0, 2
NAMES = ("cat", "dog", "hen")


def network(image_shape=(4, 4, 1)):
    """A convolution with ReLU, one followed by a separate ReLU layer, and a linear output of three logits."""
    keras.utils.set_random_seed(0)
    inputs = keras.Input(image_shape)
    x = keras.layers.Conv2D(2, 3, padding="same", activation="relu", name="first")(inputs)
    x = keras.layers.Conv2D(3, 3, padding="same", name="second")(x)
    x = keras.layers.ReLU(name="second_activation")(x)
    x = keras.layers.Flatten()(x)
    model = keras.Model(inputs, keras.layers.Dense(3, name="outputs")(x), name="small")
    model.compile("sgd", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    return model


def passing(units=3):
    """A network whose logits are its inputs."""
    inputs = keras.Input((units,))
    return keras.Model(inputs, keras.layers.Dense(units, kernel_initializer="identity")(inputs))


def act(callback, model, epoch=1):
    callback.set_model(model)
    callback.on_train_begin()
    callback.on_epoch_end(epoch - 1, {})
    callback.on_train_end()


def all_of(path, x, y):
    return [
        Filters(path),
        FeatureMaps(path, x[:2]),
        ConfusionMatrix(path, x, y),
        ConfidentMistakes(path, x, y),
        Embedding(path, x, y),
    ]


def read(directory):
    """Tag to (step, pictures) pairs, as TensorBoard reads them."""
    events = EventAccumulator(str(directory), size_guidance={"tensors": 0})
    events.Reload()
    found = {}
    for tag in events.Tags()["tensors"]:
        if events.SummaryMetadata(tag).plugin_data.plugin_name == "images":
            found[tag] = [(event.step, decoded(event.tensor_proto.string_val)) for event in events.Tensors(tag)]
    return found


def decoded(values):
    width, height, *files = values
    shown = [np.asarray(Image.open(io.BytesIO(file))) for file in files]
    assert all(picture.shape == (int(height), int(width), 3) for picture in shown)
    return shown


def images(n=12, shape=(4, 4, 1)):
    rng = np.random.default_rng(5)
    return rng.normal(size=(n, *shape)).astype("float32"), rng.integers(0, 3, n)
