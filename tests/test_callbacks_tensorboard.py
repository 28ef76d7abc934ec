"""Event files, read back with TensorBoard's reader and, record by record, with TensorFlow's."""

import math
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.backend.event_processing.event_file_loader import EventFileLoader
from tensorboard.compat.proto.graph_pb2 import GraphDef
from tensorboard.util import tensor_util

import folklore
from callbacks import TensorBoard, TrainMetrics
from callbacks.event_file import EventFile
from models import mlp

pytestmark = pytest.mark.compile

ROOT = Path(__file__).parents[1]
X = np.random.default_rng(4).normal(size=(24, 3)).astype("float32")
Y = X.sum(axis=1)
LOGS = {"loss": 9.0, "train_loss": 2.0, "val_loss": 3.0, "val_mae": 4.0}


def small(**params):
    keras.utils.set_random_seed(3)
    model = mlp((3,), 1, **({"widths": (4, 4)} | params))
    model.compile(keras.optimizers.SGD(0.25), "mse", metrics=[keras.metrics.MeanAbsoluteError(name="mae")])
    return model


def write(directory, logs, model=None, **options):
    """Call the callback as a training with these logs would."""
    callback = TensorBoard(directory, **options)
    callback.set_model(model or small())
    callback.on_train_begin()
    for epoch, log in enumerate(logs):
        callback.on_epoch_end(epoch, log)
    callback.on_train_end()


def read(directory):
    """The events of a directory, as TensorBoard loads them."""
    events = EventAccumulator(str(directory), size_guidance={"tensors": 0})
    events.Reload()
    return events


def scalars(directory):
    """Tag to (step, value) pairs."""
    events = read(directory)
    return {
        tag: [(event.step, tensor_util.make_ndarray(event.tensor_proto).item()) for event in events.Tensors(tag)]
        for tag in events.Tags()["tensors"]
        if plugin(events, tag) == "scalars"
    }


def plugin(events, tag):
    return events.SummaryMetadata(tag).plugin_data.plugin_name


def event_files(directory):
    return sorted(directory.rglob("events.out.tfevents.*"))


def test_train_and_validation_share_tags(tmp_path):
    write(tmp_path, [LOGS, {name: value / 2 for name, value in LOGS.items()}])
    assert scalars(tmp_path / "train") == {
        "loss": [(1, 2.0), (2, 1.0)],
        "running/loss": [(1, 9.0), (2, 4.5)],
        "learning_rate": [(1, 0.25), (2, 0.25)],
    }
    assert scalars(tmp_path / "validation") == {"loss": [(1, 3.0), (2, 1.5)], "mae": [(1, 4.0), (2, 2.0)]}


def test_training_without_validation_has_no_validation_directory(tmp_path):
    write(tmp_path, [{"loss": 1.0}])
    assert [path.name for path in tmp_path.iterdir()] == ["train"]


def test_event_times_come_from_clock(tmp_path):
    callback = TensorBoard(tmp_path, clock=lambda: now)
    callback.set_model(small())
    now = 100.5
    callback.on_train_begin()
    for epoch, now in enumerate([200.25, 1e9]):  # noqa: B007
        callback.on_epoch_end(epoch, {"train_loss": 1.0})
    callback.on_train_end()
    (file,) = event_files(tmp_path)
    assert file.name.startswith("events.out.tfevents.0000000100.")
    assert [event.wall_time for event in read(tmp_path / "train").Tensors("loss")] == [200.25, 1e9]
    assert [event.wall_time for event in EventFileLoader(str(file)).Load()][:2] == [100.5, 200.25]


def test_nonfinite_values_are_kept(tmp_path):
    values = [float("nan"), float("inf"), -float("inf"), 1.0]
    write(tmp_path, [{"train_loss": value, "val_loss": value} for value in values])
    for split in ("train", "validation"):
        steps, read_back = zip(*scalars(tmp_path / split)["loss"], strict=True)
        assert steps == (1, 2, 3, 4)
        assert math.isnan(read_back[0])
        assert read_back[1:] == (math.inf, -math.inf, 1.0)


def test_graph_has_operations_on_numbers_and_shapes(tmp_path):
    inputs = keras.Input((3,), name="inputs")
    x = keras.ops.concatenate([keras.ops.reshape(inputs * 2.0, (-1, 3)), 1.0 - inputs])
    model = keras.Model(inputs, keras.layers.Dense(1, name="outputs")(x))
    model.compile("sgd", "mse")
    write(tmp_path, [LOGS], model)
    graph = GraphDef.FromString(read(tmp_path / "train").Graph().SerializeToString())
    inputs_of = {node.name.split("/")[-1].split("_")[0]: len(node.input) for node in graph.node}
    assert inputs_of == {"inputs": 0, "multiply": 1, "reshape": 1, "subtract": 1, "concatenate": 2, "outputs": 1}


def test_graph_has_layers_without_scope_of_model(tmp_path):
    model = small(residual=True, normalization="before", dropout=0.5)
    write(tmp_path, [LOGS], model)
    graph = GraphDef.FromString(read(tmp_path / "train").Graph().SerializeToString())
    inputs = {node.name: list(node.input) for node in graph.node}
    assert inputs.keys() == {layer.name for layer in model.layers}
    assert inputs["block_1_add"] == ["hidden_2_bn", "block_1_projection_bn"]
    assert inputs["block_1_projection"] == inputs["hidden_1"] == ["inputs"]


def test_text_is_written_once(tmp_path):
    write(tmp_path, [LOGS, LOGS], text="# A title\n\n| a | b |")
    events = read(tmp_path / "train")
    ((step, tensor),) = [(event.step, event.tensor_proto) for event in events.Tensors("recipe")]
    assert plugin(events, "recipe") == "text"
    assert (step, tensor_util.make_ndarray(tensor).item()) == (0, b"# A title\n\n| a | b |")


def test_no_text_is_written_by_default(tmp_path):
    write(tmp_path, [LOGS])
    assert "recipe" not in read(tmp_path / "train").Tags()["tensors"]


@pytest.mark.parametrize(("every", "steps"), [(1, [1, 2, 3, 4, 5]), (2, [2, 4]), (5, [5]), (6, []), (0, [])])
def test_histograms_of_all_weights_are_written_every_few_epochs(tmp_path, every, steps):
    model = small(normalization="before")
    write(tmp_path, [{}] * 5, model, histograms=every)
    events = read(tmp_path / "train")
    tags = [tag for tag in events.Tags()["tensors"] if plugin(events, tag) == "histograms"]
    assert sorted(tags) == (sorted(weight.path for weight in model.weights) if steps else [])
    for weight in model.weights if steps else ():
        assert [event.step for event in events.Tensors(weight.path)] == steps
        buckets = tensor_util.make_ndarray(events.Tensors(weight.path)[0].tensor_proto)
        assert buckets[:, 2].sum() == weight.numpy().size
        assert (buckets[0, 0], buckets[-1, 1]) == (weight.numpy().min(), weight.numpy().max())


@pytest.mark.parametrize(("bad", "finite"), [([np.nan, np.inf], 10), ([np.nan] * 12, 0)])
def test_histograms_of_diverged_network_hold_finite_values(tmp_path, bad, finite):
    model = small()
    kernel = model.get_layer("hidden_1").kernel
    values = np.arange(12, dtype="float32")
    values[: len(bad)] = bad
    kernel.assign(values.reshape(3, 4))
    write(tmp_path, [{"train_loss": float("nan")}], model, histograms=1)
    buckets = tensor_util.make_ndarray(read(tmp_path / "train").Tensors(kernel.path)[0].tensor_proto)
    assert buckets.shape == (30, 3)
    assert buckets[:, 2].sum() == finite
    assert np.isfinite(buckets).all()


def test_events_are_flushed_at_intervals(tmp_path):
    now = [0.0]
    callback = TensorBoard(tmp_path, every=10, clock=lambda: now[0])
    callback.set_model(small())
    callback.on_train_begin()
    seen = []
    for epoch in range(5):
        now[0] += 4
        callback.on_epoch_end(epoch, LOGS)
        seen.append([len(scalars(tmp_path / split).get("loss", [])) for split in ("train", "validation")])
    callback.on_train_end()
    assert seen == [[0, 0], [0, 0], [3, 3], [3, 3], [3, 3]]  # due at 12 seconds; read while still being written
    assert [len(scalars(tmp_path / split)["loss"]) for split in ("train", "validation")] == [5, 5]


def test_every_record_has_valid_checksums(tmp_path):
    write(tmp_path, [LOGS] * 3, text="text", histograms=1)
    files = event_files(tmp_path)
    # TensorFlow's reader checks the sums of header and body. Train: version, graph, text, and for each epoch its
    # scalars and six weights; validation: version, and the scalars of each epoch.
    counts = [sum(1 for _ in tf.data.TFRecordDataset(str(file))) for file in files]
    assert counts == [3 + 3 * (1 + 6), 1 + 3]
    damaged = bytearray(files[0].read_bytes())
    damaged[len(damaged) // 2] ^= 1
    files[0].write_bytes(damaged)
    with pytest.raises(tf.errors.DataLossError):
        list(tf.data.TFRecordDataset(str(files[0])))


def test_event_file_begins_with_version(tmp_path):
    file = EventFile(tmp_path / "new", clock=lambda: 7.0)
    file.close()
    (event,) = EventFileLoader(str(file.path)).Load()
    assert (event.file_version, event.wall_time) == ("brain.Event:2", 7.0)


def test_event_files_of_same_second_have_distinct_names(tmp_path):
    files = [EventFile(tmp_path, clock=lambda: 7.0) for _ in range(2)]
    for file in files:
        file.close()
    assert len({file.path for file in files}) == len(event_files(tmp_path)) == 2


@pytest.mark.parametrize("how", ["folklore", "keras"])
def test_curves_match_history_in_both_fits(tmp_path, how):
    model = small(dropout=0.2)
    honest = TrainMetrics(lambda: folklore.evaluate(model, (X, Y)))
    options = {"epochs": 3, "batch_size": 8, "validation_data": (X[:9], Y[:9])}
    options["callbacks"] = [honest, TensorBoard(tmp_path, histograms=2)]
    if how == "keras":
        history = model.fit(X, Y, verbose=0, **options).history
    else:
        history = folklore.fit(model, (X, Y), mode="graph", **options).history
    for split, prefix in (("train", "train_"), ("validation", "val_")):
        curves = scalars(tmp_path / split)
        for name in ("loss", "mae"):
            assert [step for step, _ in curves[name]] == [1, 2, 3]
            assert [value for _, value in curves[name]] == pytest.approx(history[prefix + name], rel=1e-6)
    running = [value for _, value in scalars(tmp_path / "train")["running/loss"]]
    assert running == pytest.approx(history["loss"], rel=1e-6)


def test_second_training_keeps_earlier_event_files(tmp_path):
    write(tmp_path, [{"train_loss": 1.0}])
    write(tmp_path, [{"train_loss": 2.0}])
    assert len(event_files(tmp_path)) == 2


def test_learning_rate_follows_schedule(tmp_path):
    model = small()
    model.compile(keras.optimizers.SGD(keras.optimizers.schedules.PiecewiseConstantDecay([3], [0.5, 0.25])), "mse")
    folklore.fit(model, (X, Y), epochs=2, batch_size=8, mode="graph", callbacks=[TensorBoard(tmp_path)])
    assert scalars(tmp_path / "train")["learning_rate"] == [(1, 0.5), (2, 0.25)]


@pytest.mark.process
def test_event_file_needs_neither_tensorflow_nor_keras(tmp_path):
    code = (
        "import sys, pathlib\nfrom callbacks.event_file import EventFile\nfrom callbacks import log_name\n"
        "from tensorboard.plugins.scalar.summary_v2 import scalar_pb\n"
        f"file = EventFile(pathlib.Path({str(tmp_path)!r}))\nfile.add_summary(scalar_pb('a', 5.0), 3)\nfile.close()\n"
        "print([name for name in ('tensorflow', 'keras') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.stdout.strip(), done.returncode) == ("[]", 0), done.stderr
    assert scalars(tmp_path) == {"a": [(3, 5.0)]}
