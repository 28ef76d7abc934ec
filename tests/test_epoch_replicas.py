"""Training on several devices, in a process that splits its CPU into two logical devices."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SETUP = """
import keras, numpy as np, tensorflow as tf
from folklore import epoch
(cpu,) = tf.config.list_physical_devices("CPU")
tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
rng = np.random.default_rng(0)
x = rng.normal(size=(76, 5)).astype("float32")  # 76 = 4 * 16 + 12: replicas share the last batch too
y = x.sum(axis=1)

def build():
    keras.utils.set_random_seed(1)
    inputs = keras.Input((5,))
    hidden = keras.layers.Dense(8, activation="relu")(inputs)
    model = keras.Model(inputs, keras.layers.Dense(1)(hidden))
    model.compile(keras.optimizers.Adam(0.01), "mse", metrics=["mae"])
    return model

def mirrored():
    names = [device.name for device in tf.config.list_logical_devices("CPU")]
    with tf.distribute.MirroredStrategy(names).scope():
        return build()
"""
SAME = """
single = build()
options = dict(epochs=3, batch_size=16, validation_data=(x, y))
expected = epoch.fit(single, (x, y), mode="graph", **options).history
for mode in ("auto", "graph", "step"):
    model = mirrored()
    assert model.distribute_strategy.num_replicas_in_sync == 2
    history = epoch.fit(model, (x, y), mode=mode, **options).history
    for name, values in expected.items():
        np.testing.assert_allclose(history[name], values, rtol=1e-5)
    for a, b in zip(model.get_weights(), single.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-5)
"""
STREAMED = """
few, whole = (x[:65], y[:65]), tf.data.Dataset.from_tensor_slices((x[:65], y[:65])).batch(16)  # the last batch: one row
single, rows, stream = build(), mirrored(), mirrored()
options = dict(epochs=2, mode="graph")
epoch.fit(single, few, batch_size=16, shuffle=False, **options)
for model, data, arrays in ((rows, few, dict(batch_size=16, shuffle=False)), (stream, whole, {})):
    assert np.isfinite(epoch.fit(model, data, **options, **arrays).history["loss"]).all()
    for a, b in zip(model.get_weights(), single.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-5)
"""
REFUSED = """
try:
    epoch.fit(mirrored(), (x, y), epochs=1, batch_size=15)
except ValueError as error:
    assert "15, which 2 replicas cannot share equally" in str(error), error
else:
    raise AssertionError("not refused")
"""


@pytest.mark.process
def test_replicas_train_like_one_device_and_refuse_uneven_batches():
    code = SETUP + SAME + STREAMED + REFUSED
    ended = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
