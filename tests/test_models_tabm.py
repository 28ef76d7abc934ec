"""TabM: members share a kernel and have factors, biases and heads of their own."""

import keras
import numpy as np
import pytest

import folklore
from data import Dataset, Preprocessing, Split, diabetes
from folklore import Recipe
from models import tabm

X = np.random.default_rng(0).normal(size=(6, 3)).astype(np.float32)
Y = np.arange(6, dtype=np.float32)


def members_of(model):
    return keras.Model(model.input, model.get_layer("outputs").output)(X).numpy()


def randomised(model):
    generator = np.random.default_rng(1)
    model.set_weights([generator.normal(size=weight.shape) for weight in model.get_weights()])
    return model


@pytest.mark.parametrize(("widths", "members"), [((4,), 3), ((5, 2), 2)])
def test_parameters_are_those_of_formula(widths, members):
    sizes = [3, *widths]
    hidden = sum(a * b + members * (a + 2 * b) for a, b in zip(sizes, widths, strict=False))
    assert tabm((3,), 1, widths=widths, members=members).count_params() == hidden + members * (widths[-1] + 1)


def test_each_member_is_network_of_its_own():
    model = randomised(tabm((3,), 1, widths=(4,), members=2))
    kernel, scale_in, scale_out, bias, heads, head_bias = model.get_weights()
    expected = np.stack([
        np.maximum((X * scale_in[m]) @ kernel * scale_out[m] + bias[m], 0) @ heads[:, m] + head_bias[m]
        for m in range(2)
    ], axis=1)  # fmt: skip
    np.testing.assert_allclose(members_of(model), expected, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(model(X), expected.mean(axis=1, keepdims=True), rtol=1e-4, atol=1e-5)


def test_members_differ_from_first_step_on_by_signs():
    model = tabm((50,), 1, widths=(4, 4), members=8)
    signs = model.get_layer("hidden_1").scale_in.numpy()
    assert set(np.unique(signs)) == {-1.0, 1.0}
    assert (model.get_layer("hidden_2").scale_in.numpy() == 1).all()
    assert abs(signs.mean()) < 0.3


@pytest.mark.compile
@pytest.mark.parametrize("mode", ["graph", "xla", "step"])
def test_training_averages_losses_of_members(mode):
    model = randomised(tabm((3,), 1, widths=(4,), members=2))
    before, members = model.get_weights(), members_of(model)
    model.compile(keras.optimizers.SGD(0.1), "mse")
    history = folklore.fit(model, (X, Y), epochs=1, batch_size=6, mode=mode)
    assert history.history["loss"][0] == pytest.approx(((members - Y[:, None]) ** 2).mean(), rel=1e-4)
    # The last biases' gradients are those of each member's own error, over the number of members.
    slopes = 2 * (members - Y[:, None]).mean(axis=0) / 2
    np.testing.assert_allclose(model.get_weights()[-1], before[-1] - 0.1 * slopes, rtol=1e-3)


@pytest.mark.parametrize(("shape", "outputs"), [((3,), 2), ((3, 3, 1), 1)])
def test_other_data_than_table_with_one_target_are_refused(shape, outputs):
    with pytest.raises(ValueError, match="it is for regression on a table"):
        tabm(shape, outputs)


def test_piecewise_linear_encoding_is_share_of_each_bin():
    raw = diabetes(0)
    fitted = Preprocessing.fit("piecewise linear", raw)
    column, bounds = raw.test.x[:, 2], np.array(fitted.quantiles[2])
    start = sum(len(edges) - 1 for edges in fitted.quantiles[:2])
    found = fitted.apply(raw).test.x[:, start : start + len(bounds) - 1]
    inside = (column > bounds[0]) & (column < bounds[-1])
    # The sum of the shares, weighted with the widths of the bins, gives the value back.
    np.testing.assert_allclose((found * np.diff(bounds)).sum(axis=1) + bounds[0], column, atol=1e-5)
    assert inside.sum() > 50
    assert (np.diff(found[inside]) <= 1e-6).all()  # full bins, then one in part, then empty ones


def test_network_is_as_wide_as_encoding():
    recipe = Recipe(model=tabm, data=diabetes, scaler="piecewise linear", params=dict(widths=(4,), members=2))
    columns = Preprocessing.fit(recipe.scaler, diabetes(0)).apply(diabetes(0)).input_shape
    assert columns[0] > 10 * 10


def test_constant_column_is_encoded_as_zero():
    part = Split(np.full((40, 1), 0.1), np.arange(40.0))
    raw = Dataset("made", "regression", "bundled", part, part, part, (), (), "", "0")
    np.testing.assert_array_equal(Preprocessing.fit("piecewise linear", raw).apply(raw).test.x, np.zeros((40, 1)))
