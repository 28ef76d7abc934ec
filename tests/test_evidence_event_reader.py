"""Event files of several writers, whole and damaged."""

import struct

import numpy as np
import pytest
import tensorboardX
from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.plugins.scalar.summary_v2 import scalar_pb
from tensorboard.util.tensor_util import make_tensor_proto

from callbacks.event_file import EventFile, record
from folklore.evidence.logs.event_reader import read_scalars


def simple(tag, value, step, seconds=5.0):
    return Event(wall_time=seconds, step=step, summary=Summary(value=[Summary.Value(tag=tag, simple_value=value)]))


def write(file, *events):
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(b"".join(record(event.SerializeToString()) for event in events))
    return file


@pytest.fixture
def file(tmp_path):
    """Three events of one tag, 0.5, 1.5 and 2.5 at steps 1, 2 and 3."""
    return write(tmp_path / "events.out.tfevents.1.host", *(simple("loss", step - 0.5, step) for step in (1, 2, 3)))


def test_event_file_writer_and_reader_agree(tmp_path):
    file = EventFile(tmp_path, clock=lambda: 7.0)
    for step in (1, 2):
        file.add_scalars({"loss": 0.5 * step, "mae": 3.0}, step)
    file.close()
    found = read_scalars(tmp_path)
    assert found.problems == []
    assert (found.series["loss"].steps, found.series["loss"].values) == ([1, 2], [0.5, 1.0])
    assert found.series["mae"].seconds == [7.0, 7.0]


def test_simple_values_are_read(file):
    series = read_scalars(file.parent).series["loss"]
    assert (series.steps, series.values, series.seconds) == ([1, 2, 3], [0.5, 1.5, 2.5], [5.0] * 3)


def test_tensorboardx_files_are_read(tmp_path):
    with tensorboardX.SummaryWriter(str(tmp_path)) as writer:
        for step in range(3):
            writer.add_scalar("loss/train", step / 4, step)
            writer.add_scalar("lr", 2.0, step)
        writer.add_histogram("weights", np.arange(10), 0)
    found = read_scalars(tmp_path)
    assert {tag: series.values for tag, series in found.series.items()} == {
        "loss/train": [0, 0.25, 0.5],
        "lr": [2, 2, 2],
    }


@pytest.mark.compile
def test_tf_summary_and_keras_files_are_read(tmp_path):
    import keras
    import tensorflow as tf

    with tf.summary.create_file_writer(str(tmp_path / "tf")).as_default():
        tf.summary.scalar("loss", 0.25, step=3)
        tf.summary.text("note", "no scalar", step=3)
    assert read_scalars(tmp_path / "tf").series["loss"].values == [0.25]
    assert list(read_scalars(tmp_path / "tf").series) == ["loss"]

    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    x, y = np.ones((8, 2)), np.ones(8)
    board = keras.callbacks.TensorBoard(tmp_path / "keras", write_graph=False)
    history = model.fit(x, y, epochs=2, validation_data=(x, y), callbacks=[board], verbose=0).history
    found = read_scalars(tmp_path / "keras" / "validation").series["epoch_loss"]
    assert (found.steps, found.values) == ([0, 1], pytest.approx(history["val_loss"]))


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int64, np.float16])
def test_tensors_of_any_numeric_type_are_read(tmp_path, dtype):
    value = scalar_pb("x", 0.0).value[0]
    value.tensor.CopyFrom(make_tensor_proto(np.array(3, dtype=dtype)))
    write(tmp_path / "tfevents", Event(step=1, summary=Summary(value=[value])))
    assert read_scalars(tmp_path).series["x"].values == [3]


def test_tensor_metadata_may_appear_only_once(tmp_path):
    first, second = scalar_pb("x", 1.0).value[0], scalar_pb("x", 2.0).value[0]
    second.ClearField("metadata")
    write(tmp_path / "tfevents", *(Event(step=i, summary=Summary(value=[v])) for i, v in enumerate((first, second))))
    assert read_scalars(tmp_path).series["x"].values == [1, 2]


def test_files_of_resumed_run_are_merged(file):
    write(file.parent / "events.out.tfevents.2.host", simple("loss", 9, 3), simple("loss", 8, 4))
    series = read_scalars(file.parent).series["loss"]
    assert (series.steps, series.values) == ([1, 2, 3, 4], [0.5, 1.5, 9, 8])


@pytest.mark.parametrize("cut", range(1, 25))
def test_truncated_file_is_named_and_readable_part_used(file, cut):
    file.write_bytes(file.read_bytes()[:-cut])
    found = read_scalars(file.parent)
    assert found.series["loss"].values == [0.5, 1.5]
    assert found.problems == [f"{file} ends in the middle of a record; the 2 complete ones are used"]


def test_flipped_bit_loses_only_its_record(file):
    contents = bytearray(file.read_bytes())
    size = len(contents) // 3
    contents[size + 20] ^= 4
    file.write_bytes(contents)
    found = read_scalars(file.parent)
    assert found.series["loss"].values == [0.5, 2.5]
    assert found.problems == [f"{file} has 1 damaged records, which are left out; 2 are used"]


def test_flipped_bit_in_length_loses_rest_of_file(file):
    contents = bytearray(file.read_bytes())
    size = len(contents) // 3
    contents[size] ^= 4
    file.write_bytes(contents)
    found = read_scalars(file.parent)
    assert found.series["loss"].values == [0.5]
    assert found.problems == [f"{file} is damaged from byte {size} on; the 1 records before it are used"]


def test_absurd_length_allocates_no_memory(tmp_path):
    import google_crc32c

    head = struct.pack("<Q", 2**62)
    crc = google_crc32c.value(head)
    masked = ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF
    (tmp_path / "tfevents").write_bytes(head + struct.pack("<I", masked) + b"x" * 100)
    assert "middle of a record" in read_scalars(tmp_path).problems[0]


def test_empty_file_and_foreign_record_are_named(tmp_path):
    (tmp_path / "a.tfevents").touch()
    (tmp_path / "b.tfevents").write_bytes(record(b"\xff\xff\xff"))
    assert [problem.split("tfevents")[1] for problem in read_scalars(tmp_path).problems] == [
        " is empty",
        " holds a record that is not an event",
    ]


@pytest.mark.parametrize("dtype", [20, 21, 7])
def test_tensors_without_numbers_are_skipped(tmp_path, dtype):
    value = scalar_pb("x", 0.0).value[0]
    value.tensor.Clear()
    value.tensor.dtype = dtype
    event = Event(step=1, summary=Summary(value=[value, scalar_pb("y", 1.0).value[0]]))
    (tmp_path / "tfevents").write_bytes(record(event.SerializeToString()))
    assert list(read_scalars(tmp_path).series) == ["y"]


def test_tensor_claiming_enormous_shape_allocates_nothing(tmp_path):
    value = scalar_pb("x", 0.0).value[0]
    value.tensor.Clear()
    value.tensor.dtype = 2
    value.tensor.tensor_shape.dim.add(size=10**12)
    value.tensor.double_val.append(1.0)
    (tmp_path / "tfevents").write_bytes(record(Event(summary=Summary(value=[value])).SerializeToString()))
    assert read_scalars(tmp_path).series == {}
