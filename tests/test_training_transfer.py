"""Training from a trained network: weights, head, frozen layers, preprocessing."""

import json

import keras
import numpy as np
import pytest

import data
from data import Preprocessing
from folklore import Recipe
from folklore.errors import DeclarationError, ProblemError
from folklore.study import plan
from folklore.task import Task
from folklore.training.initial_weights import seed_weights
from folklore.training.preflight import examine_arm
from folklore.training.train import train
from folklore.training.transfer import freeze, from_run, new_head
from models import application, cnn, googlenet, mlp

pytestmark = pytest.mark.compile

IMAGES = Recipe(
    model=cnn,
    params=dict(filters=(4, 6), convolutions=1, normalization="before", head="average"),
    data=data.digits,
    data_params=dict(train_size=64),
    epochs=2,
    mode="graph",
)
GO_ON = IMAGES.but(transfer=dict(start="topic.before/arm"), data_params=dict(train_size=32))


def task(recipe, logdir, experiment="topic.after", seed=3):
    return Task(experiment, "arm", seed, recipe, logdir / experiment / "arm" / f"seed-{seed}", {"code": {}})


def run(recipe, logdir, **options):
    record = train(task(recipe, logdir, **options))
    assert record["status"] == "done", record
    return record


@pytest.fixture(scope="module")
def logdir(tmp_path_factory):
    folder = tmp_path_factory.mktemp("logs")
    run(IMAGES, folder, experiment="topic.before")
    return folder


def source(logdir):
    return from_run(logdir / "topic.before" / "arm" / "seed-3")


def weights(model):
    return {layer.name: [np.array(weight) for weight in layer.weights] for layer in model.layers if layer.weights}


def changed(before, after):
    pairs = {name: zip(before[name], after[name], strict=True) for name in before}
    return {name for name, arrays in pairs.items() if any((a != b).any() for a, b in arrays)}


def test_run_is_loaded_with_preprocessing(logdir):
    loaded = source(logdir)
    raw = data.digits(3, train_size=64)
    model = loaded.model
    model.compile(loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True), metrics=["accuracy"])
    found = model.evaluate(loaded.preprocess(raw.test.x), raw.test.y, verbose=0, return_dict=True)
    for name in ("loss", "accuracy"):
        assert found[name] == pytest.approx(loaded.record["metrics"][f"test/{name}"], rel=1e-5)


@pytest.mark.parametrize(
    ("transfer", "learns"),
    [
        ({"frozen": "all but the head"}, {"outputs"}),
        ({"frozen": "stage_1_dropout_or_pool"}, None),
        ({"frozen": "stage_1_pool"}, {"stage_2_conv_1", "stage_2_conv_1_bn", "outputs"}),
        ({}, {"stage_1_conv_1", "stage_1_conv_1_bn", "stage_2_conv_1", "stage_2_conv_1_bn", "outputs"}),
        (
            {"head_epochs": 2, "head_learning_rate": 0.1},
            {"stage_1_conv_1", "stage_1_conv_1_bn", "stage_2_conv_1", "stage_2_conv_1_bn", "outputs"},
        ),
    ],
)
def test_only_unfrozen_layers_learn_from_loaded_weights(transfer, learns, logdir, tmp_path):
    (tmp_path / "topic.before").symlink_to(logdir / "topic.before")
    recipe = GO_ON.but(transfer=transfer)
    if learns is None:
        with pytest.raises(ProblemError, match="neither 'nothing' nor 'all but the head' nor a layer of cnn"):
            examine_arm(task(recipe, tmp_path))
        return
    record = run(recipe, tmp_path)
    after = from_run(tmp_path / "topic.after" / "arm" / "seed-3")
    assert changed(weights(source(logdir).model), weights(after.model)) == learns
    assert after.preprocessing == source(logdir).preprocessing  # not fitted to the 32 rows
    assert after.preprocessing != Preprocessing.fit("standard", data.digits(3, train_size=32))
    assert record["start"]["run"].endswith("topic.before/arm/seed-3") and len(record["start"]["sha256"]) == 64


def test_head_is_trained_first_at_its_own_rate(logdir, tmp_path):
    (tmp_path / "topic.before").symlink_to(logdir / "topic.before")
    still = GO_ON.but(epochs=1, optimizer={"learning_rate": 1e-12})
    first = run(still.but(transfer={"head_epochs": 40, "head_learning_rate": 0.05}), tmp_path, experiment="topic.first")
    cold = run(still, tmp_path, experiment="topic.cold")
    assert first["metrics"]["train/loss"] < 0.9 * cold["metrics"]["train/loss"]
    body = weights(from_run(tmp_path / "topic.first" / "arm" / "seed-3").model)
    moved = weights(source(logdir).model)
    np.testing.assert_allclose(body["stage_1_conv_1"][0], moved["stage_1_conv_1"][0], rtol=1e-4)


def test_training_after_that_of_head_has_its_own_rate_and_unit(tmp_path):
    table = Recipe(model=mlp, params=dict(widths=(4,)), data=data.diabetes, epochs=2, mode="graph")
    assert run(table, tmp_path, experiment="topic.before")["status"] == "done"
    # With only the head left to learn, both trainings could share one program.
    only_head = {"start": "topic.before/arm", "frozen": "all but the head"}
    still = table.but(transfer=only_head, optimizer={"learning_rate": 1e-12})
    heads = still.but(transfer={"head_epochs": 1, "head_learning_rate": 1e-9})
    cold, headed = (run(recipe, tmp_path, experiment=name) for recipe, name in ((still, "t.cold"), (heads, "t.headed")))
    assert headed["metrics"]["test/rmse"] == pytest.approx(cold["metrics"]["test/rmse"], rel=1e-3)
    rows = (tmp_path / "t.headed" / "arm" / "seed-3" / "history.csv").read_text().splitlines()[1:]
    assert [float(row.split(",")[2]) for row in rows] == pytest.approx([1e-12] * 2)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (dict(scaler="minmax"), "scaled by 'standard'.*has scaler='minmax'. Give scaler='standard'"),
        (dict(params=dict(filters=(4, 8))), "stage_2_conv_1 has weights of shapes .*only the head may differ"),
        (dict(params=dict(convolutions=2)), "stage_1_conv_2 .* has no such layer"),
        (dict(model=mlp, params={}), "cannot be loaded"),
    ],
)
def test_incompatible_start_is_refused_before_training(changes, message, logdir):
    recipe = GO_ON.but(**changes) if "model" not in changes else Recipe(
        model=mlp, data=data.digits, transfer=GO_ON.transfer
    )  # fmt: skip
    with pytest.raises(ProblemError, match=message):
        examine_arm(task(recipe, logdir))


def test_untrained_start_names_command_to_run(logdir):
    with pytest.raises(ProblemError, match=r"seed-0, and there is no finished.*run topic.before --seeds 1 --logdir"):
        plan.refuse_missing_starts(plan.tasks_of("topic.after", {"arm": GO_ON}, 1, logdir, {}), logdir)


@pytest.mark.parametrize(
    ("transfer", "message"),
    [
        ({"strat": "topic.before/arm"}, "did you mean 'start'|Did you mean 'start'"),
        ({"start": "logs"}, "an experiment and one of its arms"),
        ({"start": "topic.before/../../x"}, "cannot be a directory's name"),
        ({"start": "topic.before/arm", "head_epochs": 3}, "head_epochs and head_learning_rate together"),
        ({"head_epochs": 0, "head_learning_rate": 0.1}, "head_epochs is 0"),
        ({"head_epochs": 1, "head_learning_rate": -1}, "head_learning_rate is -1"),
        ({"frozen": 3}, "frozen is 3"),
        ({"frozen": "everything"}, "so nothing would learn"),
    ],
)
def test_invalid_transfer_is_refused(transfer, message):
    with pytest.raises(DeclarationError, match=message):
        IMAGES.but(transfer=transfer)


def test_builder_named_by_record_is_not_imported(logdir, tmp_path):
    directory = tmp_path / "seed-3"
    directory.mkdir()
    for file in (logdir / "topic.before" / "arm" / "seed-3").iterdir():
        if file.is_file():
            (directory / file.name).write_bytes(file.read_bytes())
    record = json.loads((directory / "run.json").read_text())
    for name in ("os.system", "models.blocks.linear", "elsewhere.cnn"):
        record["recipe"]["model"] = name
        (directory / "run.json").write_text(json.dumps(record))
        with pytest.raises(ProblemError, match="which is not a function of models/"):
            from_run(directory)
    assert from_run(directory, cnn).model.name == "cnn"


def test_new_head_shares_other_layers():
    for model in (
        mlp((8,), 3),
        cnn((8, 8, 1), 3, head="convolution"),
        googlenet((20, 20, 1), 3, stem="small", width=0.02),
    ):
        renewed = new_head(model, 5)
        assert renewed.output_shape == (None, 5)
        kept = [layer for layer in renewed.layers if layer.weights and layer.name != "outputs"]
        assert kept and all(layer is model.get_layer(layer.name) for layer in kept)
    with pytest.raises(ProblemError, match="has no layer called 'outputs'"):
        new_head(keras.Sequential([keras.Input((2,)), keras.layers.Dense(3, name="last")]), 2)


def test_only_layers_before_named_layer_are_frozen():
    model = googlenet((20, 20, 1), 3, stem="small", width=0.02)
    freeze(model, "inception_4a_3x3")
    frozen = {layer.name for layer in model.layers if layer.weights and not layer.trainable}
    assert {"conv_1", "inception_3b_5x5", "inception_4a_3x3_reduce", "inception_4a_3x3"} <= frozen
    assert not {"inception_4a_5x5", "auxiliary_1_conv", "inception_4b_1x1"} & frozen
    freeze(model, "everything")
    assert not model.trainable_weights
    freeze(model, "nothing")
    assert all(layer.trainable for layer in model.layers)


@pytest.fixture
def small_application(monkeypatch):
    """A small stand-in for Keras' function that finds weights, or fails if offline."""
    real = keras.applications.MobileNetV2

    def fake(*, include_top, weights, input_tensor):
        if weights and fake.offline:
            raise Exception("URL fetch failure on somewhere: None")  # what Keras raises
        return real(include_top=include_top, weights=None, input_tensor=input_tensor, alpha=0.35)

    fake.__module__ = real.__module__
    fake.offline = False
    monkeypatch.setattr(keras.applications, "MobileNetV2", fake)
    return fake


def test_application_preprocesses_keeps_weights_and_freezes(small_application):
    model = application((28, 28, 1), 4, resize=32)
    assert model.output_shape == (None, 4)
    before = weights(model)
    seed_weights(model, 1)
    assert changed(before, weights(model)) == {"outputs"}
    # MobileNetV2 takes -1 to 1: a grey image of 0 to 255 is brought there, three times.
    seen = keras.Model(model.inputs, model.get_layer("Conv1").input).predict(np.full((1, 28, 28, 1), 255.0), verbose=0)
    assert seen.shape == (1, 32, 32, 3)
    np.testing.assert_allclose(seen, 1.0)
    freeze(model, "all but the head")
    assert {weight.path.split("/")[0] for weight in model.trainable_weights} == {"outputs"}


def test_invalid_application_is_refused_with_remedy(small_application):
    small_application.offline = True
    with pytest.raises(ValueError, match=r"not in Keras' cache and cannot be downloaded.*KERAS_HOME"):
        application((32, 32, 3), 4)
    with pytest.raises(ValueError, match="did you mean 'MobileNetV2'"):
        application((32, 32, 3), 4, name="MobilNetV2")
    with pytest.raises(ValueError, match="has 2 channels: give 1 or 3"):
        application((32, 32, 2), 4, weights="none")
    with pytest.raises(ValueError, match="give resize="):
        application((28, 28, 3), 4, name="VGG16", weights="none")
    with pytest.raises(
        DeclarationError, match="preprocesses its inputs itself, as its weights need it: give scaler='none'"
    ):
        Recipe(model=application, data=data.digits)
    assert Recipe(model=application, data=data.digits, scaler="none").scaler == "none"


def test_from_run_names_missing_or_damaged_run(logdir, tmp_path):
    for nowhere in ("nope", "", logdir / "topic.before" / "arm" / "seed-3" / "run.json", tmp_path):
        with pytest.raises(ProblemError, match="is not a run's directory"):
            from_run(nowhere)
    path = tmp_path / "seed-3"
    path.mkdir()
    for file in (logdir / "topic.before" / "arm" / "seed-3").iterdir():
        if file.is_file():
            (path / file.name).write_bytes(file.read_bytes())
    for text in ('{"kind": "standard"}', "[1]", "{", '{"kind": "standard", "shift": [1.0], "scale": []}'):
        (path / "preprocessing.json").write_text(text)
        with pytest.raises(ProblemError, match=r"missing or damaged.*--fresh"):
            from_run(path)


@pytest.mark.parametrize("outputs", [0, -1, 2.5, "x", None, True])
def test_new_head_needs_positive_number_of_outputs(outputs):
    with pytest.raises(ProblemError, match="Give a positive integer"):
        new_head(mlp((8,), 3), outputs)


def test_experiment_cannot_start_from_itself(logdir):
    recipe = IMAGES.but(transfer=dict(start="topic.after/other"))
    with pytest.raises(ProblemError, match="starts from an arm of its own experiment"):
        plan.refuse_missing_starts(plan.tasks_of("topic.after", {"arm": recipe}, 1, logdir, {}), logdir)
