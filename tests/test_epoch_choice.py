"""The mode that "auto" chooses: measured with an injected clock, stored, and without effect on the model."""

import json

import keras
import numpy as np
import pytest

from folklore import epoch
from folklore.epoch import choice
from folklore.epoch.program import Program, program_of
from models import mlp

pytestmark = pytest.mark.compile

X = np.random.default_rng(3).normal(size=(70, 5)).astype("float32")
Y = X.sum(axis=1)


@pytest.fixture
def nothing_evident(monkeypatch):
    """As if no network were so small, and no training so short, that its mode is evident."""
    monkeypatch.setattr(choice, "FEW_STEPS", 0)
    monkeypatch.setattr(choice, "FEW_PRODUCTS", 0)


measured = pytest.mark.usefixtures("nothing_evident")


def compiled(model=None, **options):
    model = model or mlp((5,), 1, widths=(4,), dropout=0.5)
    model.compile("adam", "mse", **options)
    return model


class Clock:
    """A clock that advances as steps are trained: given seconds a step for each mode, and ten for a first call."""

    def __init__(self, monkeypatch, seconds):
        self.now, self.calls = 0.0, []

        def train(program, data, order, batch_size, mode, hooks=None, steps=None):
            if isinstance(seconds[mode], Exception):
                raise seconds[mode]
            self.now += seconds[mode] * steps + (10 if mode not in self.calls else 0)
            self.calls.append(mode)

        monkeypatch.setattr(Program, "train", train)

    def __call__(self):
        return self.now


def choose(model, monkeypatch, seconds, folder, steps=1000, data=(X, Y)):
    clock = Clock(monkeypatch, seconds)
    return choice.choose_mode(model, epoch.place(data), 8, steps, clock=clock, folder=folder), clock


@pytest.mark.parametrize(("steps", "mode"), [(20, "graph"), (300, "graph"), (301, "xla")])
def test_mode_of_small_dense_network_is_evident(monkeypatch, tmp_path, steps, mode):
    monkeypatch.setattr(choice, "devices", lambda: "cpu")
    model = compiled(mlp((5,), 1, widths=(4,), normalization="before"))
    chosen, clock = choose(model, monkeypatch, {}, tmp_path, steps=steps)
    assert (chosen, clock.calls) == (choice.Choice(mode, {}), [])


@pytest.mark.parametrize("where", ["large", "not dense", "gpu"])
def test_mode_of_other_networks_is_measured_from_21_steps_on(monkeypatch, tmp_path, where):
    monkeypatch.setattr(choice, "devices", lambda: "gpu" if where == "gpu" else "cpu")
    if where == "large":
        monkeypatch.setattr(choice, "FEW_PRODUCTS", 8 * 29)  # a step of eight rows; 29 weights
    if where == "not dense":
        pixels = keras.Input((5, 1))
        model = keras.Model(pixels, keras.layers.Dense(1)(keras.layers.Flatten()(keras.layers.Conv1D(2, 3)(pixels))))
    else:
        model = mlp((5,), 1, widths=(4,))
    seconds, data = {"graph": 0.004, "step": 0.002, "xla": 0.008}, (X[..., None] if where == "not dense" else X, Y)
    few, _ = choose(compiled(model), monkeypatch, seconds, tmp_path, steps=20, data=data)
    assert few == choice.Choice("graph", {})
    more, _ = choose(compiled(model), monkeypatch, seconds, tmp_path, steps=21, data=data)
    assert (more.mode, more.timings.keys()) == ("step", {"graph", "xla", "step"})


@measured
@pytest.mark.parametrize("fastest", ["graph", "step", "xla"])
def test_mode_with_fastest_step_is_chosen(monkeypatch, tmp_path, fastest):
    seconds = dict.fromkeys(["graph", "step", "xla"], 0.002) | {fastest: 0.001}
    chosen, _ = choose(compiled(), monkeypatch, seconds, tmp_path)
    assert chosen.mode == fastest
    tried = {"graph", "xla"} if fastest == "xla" else {"graph", "xla", "step"}
    assert {mode: timing.step for mode, timing in chosen.timings.items()} == {
        m: pytest.approx(seconds[m]) for m in tried
    }
    assert all(timing.first >= 10 for timing in chosen.timings.values())


@measured
def test_measurement_is_shared_by_models_of_equal_structure(monkeypatch, tmp_path):
    seconds = {"graph": 0.002, "step": 0.003, "xla": 0.001}
    first, _ = choose(compiled(), monkeypatch, seconds, tmp_path)
    again, clock = choose(compiled(mlp((5,), 1, widths=(4,), dropout=0.2)), monkeypatch, seconds, tmp_path)
    assert (again, clock.calls) == (first, [])
    other, clock = choose(compiled(mlp((5,), 1, widths=(5,))), monkeypatch, seconds | {"graph": 0.0001}, tmp_path)
    assert (other.mode, "graph" in clock.calls) == ("graph", True)
    assert len(list(tmp_path.iterdir())) == 2


@measured
@pytest.mark.parametrize("damage", ["", "{", "[1]", '{"xla": 5}', '{"xla": {"first": 1}}'])
def test_damaged_measurement_is_repeated(monkeypatch, tmp_path, damage):
    seconds = {"graph": 0.002, "step": 0.003, "xla": 0.001}
    choose(compiled(), monkeypatch, seconds, tmp_path)
    (file,) = tmp_path.iterdir()
    file.write_text(damage)
    chosen, clock = choose(compiled(), monkeypatch, seconds, tmp_path)
    assert (chosen.mode, bool(clock.calls)) == ("xla", True)
    assert json.loads(file.read_text()).keys() == {"graph", "xla"}


@measured
def test_unwritable_cache_measures_each_time(monkeypatch, tmp_path):
    (tmp_path / "file").write_text("")
    chosen, _ = choose(compiled(), monkeypatch, {"graph": 1.0, "step": 1.0, "xla": 0.1}, tmp_path / "file" / "modes")
    assert chosen.mode == "xla"


@measured
def test_little_work_uses_graph(monkeypatch, tmp_path):
    seconds = {"graph": 0.002, "step": 0.001, "xla": 0.001}
    chosen, clock = choose(compiled(), monkeypatch, seconds, tmp_path, steps=20)
    assert (chosen.mode, set(clock.calls), list(tmp_path.iterdir())) == ("graph", {"graph"}, [])


@measured
def test_xla_is_skipped_if_it_cannot_compile(monkeypatch, tmp_path):
    error = choice._CANNOT[0](None, None, "no such operation")
    chosen, _ = choose(compiled(), monkeypatch, {"graph": 0.002, "step": 0.003, "xla": error}, tmp_path)
    assert (chosen.mode, chosen.timings.keys()) == ("graph", {"graph", "step"})


def test_xla_is_skipped_for_large_convolutions_on_cpu(monkeypatch, tmp_path):
    pixels = keras.Input((5, 1))
    model = keras.layers.Dense(1)(keras.layers.Flatten()(keras.layers.Conv1D(2, 3)(pixels)))
    data, seconds = (X[..., None], Y), {"graph": 0.1, "step": 0.2, "xla": 0.01}
    monkeypatch.setattr(choice, "devices", lambda: "cpu")
    large, clock = choose(compiled(keras.Model(pixels, model)), monkeypatch, seconds, tmp_path / "a", data=data)
    assert (large.mode, "xla" in clock.calls) == ("graph", False)
    quick = seconds | {"graph": 0.004}
    small, _ = choose(
        compiled(keras.Model(pixels, model)), monkeypatch, quick | {"xla": 0.001}, tmp_path / "b", data=data
    )
    assert small.mode == "xla"
    monkeypatch.setattr(choice, "devices", lambda: "gpu")
    on_gpu, _ = choose(compiled(keras.Model(pixels, model)), monkeypatch, seconds, tmp_path / "c", data=data)
    assert on_gpu.mode == "xla"


def test_custom_train_step_is_not_measured():
    class Own(keras.Model):
        def train_step(self, data):
            return super().train_step(data)

    inputs = keras.Input((5,))
    model = Own(inputs, keras.layers.Dense(1)(inputs))
    assert choice.choose_mode(compiled(model), epoch.place((X, Y)), 8, 1000) == choice.Choice("xla", {})


def test_layer_that_xla_cannot_compile_uses_graph():
    words = keras.Input((1,), dtype="string")
    lookup = keras.layers.StringLookup(vocabulary=["a", "b"], output_mode="multi_hot")
    model = compiled(keras.Model(words, keras.layers.Dense(1)(lookup(words))))
    data = (np.array([["a"], ["b"], ["c"]]), Y[:3])
    assert choice.choose_mode(model, epoch.place(data), 2, 1000).mode == "graph"
    assert np.isfinite(epoch.fit(model, data, epochs=2).history["loss"]).all()


@measured
def test_measuring_does_not_change_model(tmp_path):
    ours, theirs = compiled(), compiled()
    theirs.set_weights(ours.get_weights())
    for one, other in zip(ours.variables, theirs.variables, strict=True):
        other.assign(one)
    data = epoch.place((X, Y))
    program_of(ours).build("train", data, 8)
    choice.choose_mode(ours, data, 8, steps=10**6, folder=tmp_path)
    epoch.fit(ours, data, epochs=2, batch_size=8, mode="graph")
    epoch.fit(theirs, data, epochs=2, batch_size=8, mode="graph")
    for a, b in zip(ours.get_weights(), theirs.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
