"""Every network and recipe that docs/instruments.md names for a claim can be declared and built."""

import re
from pathlib import Path
from types import SimpleNamespace

import keras
import numpy as np
import pytest

import data
from folklore import Recipe, epoch
from models import BUILDERS, cnn, matched_widths, mlp

PAGE = (Path(__file__).parents[1] / "docs" / "instruments.md").read_text(encoding="utf-8")
ROWS = re.findall(r"^\| ([a-z]+\.[\w., ]+) \| (.*) \| (.*) \|$", PAGE, re.M)
CALLS = sorted({call for _, cell, _ in ROWS for call in re.findall(r"`((?:Recipe|\w+)\(.*?\))`", cell)})
NETWORKS = [call for call in CALLS if not call.startswith("Recipe(")]
BASE = Recipe(model=mlp, data=data.digits)
IMAGE = (28, 28, 1)


def test_page_has_rows_of_every_topic():
    topics = "activations initializers normalization regularization optimization preprocessing measurement convolution"
    assert {claim.split(".")[0] for claim, *_ in ROWS} == {*topics.split(), "depth"}
    assert len(ROWS) > 70 and len(NETWORKS) > 80


@pytest.mark.parametrize("call", NETWORKS)
def test_network_of_claim_is_built(call):
    name, arguments = call.split("(", 1)
    params = eval(f"dict({arguments}")
    assert Recipe(model=BUILDERS[name], data=data.digits, params=params).params == params
    assert BUILDERS[name](IMAGE, 10, **params).output_shape == (None, 10)


@pytest.mark.parametrize("call", [call for call in CALLS if call.startswith("Recipe(")])
def test_recipe_of_claim_is_declared(call):
    changes = eval(f"dict({call.removeprefix('Recipe(')}")
    recorded = BASE.but(**changes).to_dict()
    assert {name: recorded[name] for name in changes} == changes


def test_widths_on_page_have_equal_parameters():
    for shape in ((4, 2, 1), (1, 1, 1), (1, 2, 4), (4, 1, 4)):
        widths = matched_widths(shape, 100_000, inputs=784, outputs=10)
        assert f"mlp(widths={widths})" in PAGE
    parameters = cnn(IMAGE, 10, filters=(16, 32), head="average").count_params()
    assert f"mlp(widths={matched_widths((1, 1), parameters, inputs=784, outputs=10)})" in PAGE


def test_spike_on_page_is_one_step():
    space = {"keras": keras}
    exec(re.search(r"```python\n(def spike.*?)```", PAGE, re.S)[1], space)
    callback = space["spike"]()
    callback.set_model(SimpleNamespace(optimizer=keras.optimizers.SGD(0.5)))
    callback.set_state({"step": 497})
    rates = []
    for batch in range(4):
        callback.on_train_batch_begin(batch)
        rates.append(float(callback.model.optimizer.learning_rate))
        callback.on_train_batch_end(batch)
    assert rates == [0.5, 0.5, 50, 0.5]
    assert callback.get_state() == {"step": 501}


@pytest.mark.compile
def test_l2_is_weight_decay_of_kernels_under_sgd():
    x = np.random.default_rng(1).normal(size=(12, 3)).astype("float32")

    def trained(optimizer, decay, **params):
        keras.utils.set_random_seed(1)
        model = mlp((3,), 1, widths=(4,), use_bias=False, **params)
        model.compile(keras.optimizers.get({"class_name": optimizer, "config": decay | {"learning_rate": 0.1}}), "mse")
        epoch.fit(model, (x, x[:, 0] + 1), epochs=1, batch_size=12, mode="graph")  # one step: the biases are still 0
        return model.get_layer("hidden_1").kernel.numpy()

    for optimizer, tolerance in (("sgd", 1e-6), ("adam", None)):
        one, other = trained(optimizer, {}, l2=0.05), trained(optimizer, {"weight_decay": 0.1})
        assert np.allclose(one, other, atol=tolerance or 1e-3) == (tolerance is not None)
