"""What probes compute on labelled rows, against hand calculation, Keras' own tape and full matrices."""

import keras
import numpy as np
import pytest

import folklore
from callbacks import Probes
from callbacks.probes import PROBES
from callbacks.probes.batch_statistics import BatchStatistics
from callbacks.probes.curvature import HessianExtremes, NegativeCurvature, lanczos
from callbacks.probes.gradients import ClipFraction, GradientNorms, log_ratio, would_clip
from callbacks.probes.network import Network, norm
from data import digits
from folklore import epoch
from folklore.epoch.checks import TRAIN_HOOKS, wants
from models import mlp

pytestmark = pytest.mark.compile
CROSS_ENTROPY = keras.losses.SparseCategoricalCrossentropy(from_logits=True)


def network(model, x, y, batch_size=32, validation=None):
    placed = epoch.place((np.asarray(x, "float32"), np.asarray(y)))
    labelled = epoch.LabelledRows(model, placed, placed if validation is None else epoch.place(validation), batch_size)
    return Network(model, np.asarray(x, "float32"), labelled=labelled)


def linear(*kernels):
    """A linear network without biases, whose loss is the squared error."""
    inputs = x = keras.Input((len(kernels[0]),))
    for number, kernel in enumerate(kernels, start=1):
        name = "outputs" if number == len(kernels) else f"hidden_{number}"
        x = keras.layers.Dense(np.shape(kernel)[1], use_bias=False, name=name)(x)
        if name != "outputs":
            x = keras.layers.Activation("linear", name=f"{name}_activation")(x)
    model = keras.Model(inputs, x)
    model.set_weights([np.array(kernel, dtype="float32") for kernel in kernels])
    model.compile("sgd", "mse")
    return model


# Gradients


def test_gradients_match_hand_calculation():
    # Two rows (1, 0) and (0, 1); the network is 2 x + 3 y, the targets 0: errors 2 and 3.
    model = linear([[2.0], [3.0]], [[1.0]], [[1.0]])
    found = GradientNorms().measure(network(model, np.eye(2), np.zeros((2, 1))))
    # By the first kernel: the mean of 2·2·(1, 0) and 2·3·(0, 1); by the others: the mean of 2·2·2 and 2·3·3.
    assert found["gradient_norm/hidden_1"] == pytest.approx(np.hypot(2, 3))
    assert found["gradient_norm/hidden_2"] == found["gradient_norm/outputs"] == pytest.approx(13)
    assert found["gradient_norm"] == pytest.approx(np.sqrt(13 + 13**2 + 13**2))
    assert found["gradient_ratio"] == pytest.approx(np.log10(np.hypot(2, 3) / 13))
    # A row's own loss has the gradients 4 and 6 by what enters each layer.
    assert found["backward_norm/hidden_1"] == found["backward_norm/hidden_2"] == pytest.approx(np.sqrt((16 + 36) / 2))
    assert found["backward_ratio"] == pytest.approx(0, abs=1e-6)


def test_backward_ratio_of_orthogonal_linear_network_is_gain_to_depth():
    gain, rotation = 0.5, np.linalg.qr(np.random.default_rng(0).normal(size=(4, 4)))[0]
    model = linear(*[gain * rotation] * 5, np.ones((4, 1)))
    x = np.random.default_rng(1).normal(size=(64, 4))
    found = GradientNorms().measure(network(model, x, np.ones((64, 1))))
    assert found["backward_ratio"] == pytest.approx(4 * np.log10(gain), abs=1e-4)
    assert found["gradient_ratio"] == pytest.approx(0, abs=1e-4)


def test_vanished_gradient_has_finite_ratio():
    assert log_ratio([0.0, 1.0]) == pytest.approx(-38)
    assert np.isnan(log_ratio([np.nan, 1.0])) and np.isnan(log_ratio([1.0, np.inf]))


def test_norm_of_vanishing_numbers_is_not_zero():
    numbers = np.array([[3e-30], [4e-30]], "float32")  # whose squares float32 rounds to 0
    assert norm(numbers) == pytest.approx(5e-30)
    assert norm(np.array([3e30, 4e30], "float32")) == pytest.approx(5e30)
    assert norm(np.zeros(3, "float32")) == 0 and np.isnan(norm(np.array([np.nan, 1], "float32")))


def test_gradient_is_mean_of_training_batches():
    x, y = digits(0).train.x[:70] / np.float32(16), digits(0).train.y[:70]
    model = mlp(x.shape[1:], 10, widths=(8, 6), normalization="before", l2=0.01)
    model.compile("adam", CROSS_ENTROPY)
    import tensorflow as tf

    expected, weights = [], [variable.numpy() for variable in model.variables]
    for start in (0, 32):  # the last six rows fill no batch
        with tf.GradientTape() as tape:
            loss = CROSS_ENTROPY(y[start : start + 32], model(x[start : start + 32], training=True)) + sum(model.losses)
        expected.append(tape.gradient(loss, model.get_layer("hidden_1").kernel.value).numpy())
    for variable, value in zip(model.variables, weights, strict=True):
        variable.assign(value)
    found = network(model, x, y).gradients
    np.testing.assert_allclose(found.kernels["hidden_1"], np.mean(expected, axis=0), rtol=1e-4, atol=1e-6)
    assert found.norms.shape == (2, len(model.trainable_variables))


def test_frozen_layers_have_no_gradient():
    model = mlp((2,), 1, widths=(3, 3))
    model.get_layer("hidden_1").trainable = False
    model.compile("sgd", "mse")
    found = GradientNorms().measure(network(model, np.eye(2), np.zeros((2, 1))))
    assert "gradient_norm/hidden_1" not in found and "gradient_norm/hidden_2" in found


def test_gradients_in_16_bits_do_not_vanish():
    keras.config.set_dtype_policy("mixed_float16")
    try:
        model = mlp((2,), 1, widths=(3,))
    finally:
        keras.config.set_dtype_policy("float32")
    model.compile(keras.optimizers.SGD(0.1), "mse")
    x, y = np.eye(2), np.full((2, 1), 1e-3)
    model.get_layer("outputs").set_weights([np.full((3, 1), 1e-4), np.full(1, 1e-3)])
    norm = GradientNorms().measure(network(model, x, y))["gradient_norm/hidden_1"]
    assert 0 < norm < 1e-6


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"global_clipnorm": 5.0}, [False, True, True]),  # norms over all weights: 5, 13, √50
        ({"clipnorm": 5.0}, [False, True, False]),  # by variable: at most 4, 12, 5
        ({"clipvalue": 2.0}, [False, False, True]),
        ({}, None),
    ],
)
def test_batches_that_optimizer_clips(options, expected):
    norms, largest = np.array([[3.0, 4], [5, 12], [5, 5]]), np.array([1.0, 2, 3])
    found = would_clip(keras.optimizers.SGD(0.1, **options), norms, largest)
    assert found is None if expected is None else found.tolist() == expected


def test_clip_fraction_counts_fixed_batches():
    # One row a batch, gradients 2·3·x of the mean error: x is .1 in half of the batches and 1 in the others.
    x = np.array([[0.1], [1.0], [0.1], [1.0]])
    model = linear([[3.0]])
    model.compile(keras.optimizers.SGD(0.1, clipnorm=4.0), "mse")
    assert ClipFraction().measure(network(model, x, np.zeros((4, 1)), batch_size=1)) == {"clip_fraction": 0.5}
    model.compile("sgd", "mse")
    assert ClipFraction().measure(network(model, x, np.zeros((4, 1)), batch_size=1)) == {}


# Curvature


class Surface(keras.layers.Layer):
    """A loss of its own weights: x² − y²."""

    def build(self, shape):
        self.place = self.add_weight(shape=(2,), initializer="zeros", name="place")

    def call(self, inputs):
        return 0 * inputs + keras.ops.square(self.place[0]) - keras.ops.square(self.place[1])


def test_saddle_of_x2_minus_y2_is_found():
    inputs = keras.Input((1,))
    model = keras.Model(inputs, Surface()(inputs))
    model.compile("sgd", lambda y, output: output)
    seen = network(model, np.ones((4, 1)), np.ones((4, 1)))
    assert HessianExtremes().measure(seen) == {
        "hessian_largest": pytest.approx(2), "hessian_smallest": pytest.approx(-2)
    }  # fmt: skip
    assert NegativeCurvature().measure(seen) == {"negative_eigenvalues": 1, "negative_curvature": 0.5}
    assert seen.gradients.norm == 0


@pytest.mark.parametrize(("activation", "widths"), [("tanh", (8,)), ("relu", (10, 8)), ("elu", (6, 6, 6))])
def test_lanczos_agrees_with_full_hessian(activation, widths):
    part = digits(0).train
    x, y = part.x[:256] / np.float32(16), part.y[:256]
    model = mlp(x.shape[1:], 10, widths=widths, activation=activation)
    model.compile(keras.optimizers.Adam(0.01), CROSS_ENTROPY)
    folklore.fit(model, (x, y), epochs=5, mode="graph")
    seen = network(model, x, y)
    size = seen.labelled.parameters
    hessian = seen.labelled.hessian_products(np.eye(size, dtype="float32")).astype(np.float64)
    assert np.abs(hessian - hessian.T).max() < 1e-5 * np.abs(hessian).max()
    eigenvalues = np.linalg.eigvalsh((hessian + hessian.T) / 2)
    found = HessianExtremes().measure(seen)
    assert found["hessian_largest"] == pytest.approx(eigenvalues[-1], rel=0.01)
    assert found["hessian_smallest"] == pytest.approx(eigenvalues[0], rel=0.01)
    assert eigenvalues[0] < 0


def test_lanczos_ends_where_nothing_is_left():
    assert lanczos(lambda v: 0 * v, size=5, steps=4).tolist() == [0]
    assert lanczos(lambda v: 3 * v, size=50, steps=40) == pytest.approx([3], rel=1e-6)
    assert np.isnan(lanczos(lambda v: np.nan * v, size=5, steps=4)).all()


def test_full_hessian_of_large_network_is_refused():
    model = mlp((100,), 1, widths=(20,))
    model.compile("sgd", "mse")
    with pytest.raises(ValueError, match="has 2,041 trainable weights: more than 2,000 take too long"):
        NegativeCurvature().measure(network(model, np.ones((4, 100)), np.ones((4, 1))))


# Batch statistics


def normalised():
    """A network that gives the normalised input itself, with moving statistics of mean 1 and variance 4."""
    inputs = keras.Input((1,))
    normalise = keras.layers.BatchNormalization(epsilon=0, name="bn")
    model = keras.Model(inputs, keras.layers.Dropout(0.5)(normalise(inputs)))
    normalise.set_weights([np.ones(1), np.zeros(1), np.ones(1), np.full(1, 4.0)])
    model.compile("sgd", "mse")
    return model


def test_batch_statistics_match_hand_calculation():
    x, y = np.array([[0.0], [2], [4], [6], [8], [10], [12], [14]], "float32"), np.zeros((8, 1), "float32")
    x, y = np.repeat(x, 2, axis=0), np.repeat(y, 2, axis=0)
    model = normalised()
    model.get_layer("bn").epsilon = 1e-3
    before = [variable.numpy() for variable in model.variables]
    found = BatchStatistics().measure(network(model, x, x[:, :1] * 0, validation=(x, y)))
    assert found["loss_in_inference_mode"] == pytest.approx((((x - 1) / 2) ** 2).mean(), rel=1e-3)
    assert found["loss_in_batches_of_1"] == pytest.approx(0, abs=1e-6)  # a row has no spread
    # Normalised values have mean 0 and variance 1, whatever the batch: their mean square is 1.
    assert found["loss_in_batches_of_256_sorted"] == pytest.approx(1, rel=1e-3)
    assert found["loss_in_batches_of_8_shuffled"] == pytest.approx(1, rel=1e-3)
    for variable, value in zip(model.variables, before, strict=True):
        if not variable.path.startswith("mean"):  # the loss's metric
            np.testing.assert_array_equal(variable.numpy(), value)


def test_sorted_batches_hide_classes_from_batch_statistics():
    # Two classes at −1 and 1: in shuffled batches the sign tells them apart, in batches of one class it does not.
    y = np.tile([0, 1], 128).astype("int32")
    x = (2 * y - 1).astype("float32")[:, None] + np.random.default_rng(0).normal(0, 0.1, (256, 1)).astype("float32")
    inputs = keras.Input((1,))
    z = keras.layers.BatchNormalization(name="bn")(inputs)
    model = keras.Model(inputs, keras.layers.Dense(2, name="outputs")(z))
    model.get_layer("outputs").set_weights([np.array([[-1.0, 1]]), np.zeros(2)])
    model.compile("sgd", CROSS_ENTROPY, metrics=["accuracy"])
    found = BatchStatistics().measure(network(model, x, y, validation=(x, y)))
    assert found["accuracy_in_batches_of_256_sorted"] == found["accuracy_in_batches_of_256_shuffled"] == 1
    assert found["accuracy_in_inference_mode"] == 1
    assert found["accuracy_in_batches_of_8_shuffled"] > 0.9 > 0.7 > found["accuracy_in_batches_of_8_sorted"]


def test_network_without_normalisation_has_no_batch_statistics():
    model = linear([[1.0]])
    assert BatchStatistics().measure(network(model, np.ones((2, 1)), np.ones((2, 1)))) == {}


# Training


def test_training_is_not_changed_by_probes():
    x, y = digits(0).train.x[:96] / np.float32(16), digits(0).train.y[:96]

    def trained(*callbacks):
        keras.utils.set_random_seed(0)
        model = mlp(x.shape[1:], 10, widths=(8, 6), normalization="before", dropout=0.3)
        model.compile(keras.optimizers.Adam(0.01, clipnorm=1.0), CROSS_ENTROPY, metrics=["accuracy"])
        history = folklore.fit(model, (x, y), epochs=3, validation_data=(x, y), callbacks=callbacks, mode="graph")
        return history, [variable.numpy() for variable in [*model.variables, *model.optimizer.variables]]

    placed = epoch.place((x, y))
    probes = Probes([*PROBES], x, lambda model: epoch.LabelledRows(model, placed, placed, 32))
    assert not wants(probes, TRAIN_HOOKS)  # which would make epochs run step by step
    history, weights = trained(probes)
    assert set(probes.before) <= {name.removeprefix("probe_") for name in history.history}
    for found, expected in zip(weights, trained()[1], strict=True):
        np.testing.assert_array_equal(found, expected)


def test_probe_without_labelled_rows_says_what_to_give():
    model = linear([[1.0]])
    with pytest.raises(ValueError, match="Give it labelled="):
        GradientNorms().measure(Network(model, np.ones((2, 1), "float32")))
