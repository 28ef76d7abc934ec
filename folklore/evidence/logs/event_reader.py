"""Scalars and HParams from TensorBoard's event files, whoever wrote them. Checksums are checked, damage is reported.

Files of Keras' callback, `tf.summary`, PyTorch's SummaryWriter and tensorboardX hold a scalar as `simple_value` or as a
tensor; both are read. TensorBoard itself silently drops everything after a damaged record.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from google.protobuf.message import DecodeError
from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.compat.proto.tensor_pb2 import TensorProto
from tensorboard.compat.proto.types_pb2 import DT_FLOAT
from tensorboard.util.tensor_util import make_ndarray

from callbacks.event_file import masked_crc

PATTERN = "*tfevents*"
_HEAD = struct.Struct("<QI")  # a record's length and its checksum
_FOOT = struct.Struct("<I")
_FLOAT = struct.Struct("<f")
_HPARAM_KINDS = ("bool_value", "number_value", "string_value")
Hparam = bool | int | float | str


@dataclass
class Series:
    """One tag's course. `seconds` are wall times, since 1970."""

    steps: list[int] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    values: list[float] = field(default_factory=list)


@dataclass
class Scalars:
    """The content of one directory's event files.

    Attributes:
        series: tag to course, by step. If a step was written twice, as after resuming, the last value counts.
        hparams: name to value, as a program gave them to TensorBoard's HParams tab.
        problems: a sentence for each damaged file: its name, where it is damaged, how much of it was used.
    """

    series: dict[str, Series] = field(default_factory=dict)
    hparams: dict[str, Hparam] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)


def records(data: bytes, problems: list[str]) -> Iterator[bytes]:
    """The records of a file's contents. Damage is appended to `problems`.

    A record with a wrong checksum is skipped. After a wrong length, the start of the next record is unknown.
    """
    offset, good, bad = 0, 0, 0
    view = memoryview(data)
    while offset < len(data):
        if offset + _HEAD.size > len(data):
            break
        length, checksum = _HEAD.unpack_from(data, offset)
        if masked_crc(data[offset : offset + 8]) != checksum:
            problems.append(f"is damaged from byte {offset} on; the {good} records before it are used")
            return
        end = offset + _HEAD.size + length
        if end + _FOOT.size > len(data):
            break
        record = bytes(view[offset + _HEAD.size : end])
        offset, good = end + _FOOT.size, good + 1
        if masked_crc(record) == _FOOT.unpack_from(data, end)[0]:
            yield record
        else:
            good, bad = good - 1, bad + 1
    if bad:
        problems.append(f"has {bad} damaged records, which are left out; {good} are used")
    if offset < len(data):
        problems.append(f"ends in the middle of a record; the {good} complete ones are used")


def read_scalars(directory: Path) -> Scalars:
    """The scalars of all event files in a directory, without its subdirectories."""
    found = Scalars()
    courses: dict[str, dict[int, tuple[float, float]]] = {}
    tensors: set[str] = set()  # tags of tensors that are scalars: some writers say so only once
    for file in sorted(path for path in directory.glob(PATTERN) if path.is_file()):
        problems: list[str] = []
        try:
            contents = file.read_bytes()
        except OSError as error:
            found.problems.append(f"{file} cannot be read: {error.strerror}")
            continue
        if not contents:
            problems.append("is empty")
        for record in records(contents, problems):
            try:
                event = Event.FromString(record)
            except DecodeError:
                problems.append("holds a record that is not an event")
                continue
            for value in event.summary.value:
                if value.metadata.plugin_data.plugin_name == "hparams":
                    found.hparams |= _hparams(value.metadata.plugin_data.content)
                number = _scalar(value, tensors)
                if number is not None:
                    courses.setdefault(value.tag, {})[event.step] = event.wall_time, number
        found.problems += [f"{file} {problem}" for problem in dict.fromkeys(problems)]
    for tag, course in courses.items():
        steps = sorted(course)
        found.series[tag] = Series(steps, [course[step][0] for step in steps], [course[step][1] for step in steps])
    return found


def _hparams(content: bytes) -> dict[str, Hparam]:
    """The settings with which a session started; {} of another record of the HParams tab."""
    from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData

    try:
        given = HParamsPluginData.FromString(content).session_start_info.hparams
    except DecodeError:
        return {}
    kinds = ((name, value, value.WhichOneof("kind")) for name, value in given.items())
    values = {name: getattr(value, kind) for name, value, kind in kinds if kind in _HPARAM_KINDS}
    # All numbers are stored as floats: 32.0 was 32.
    return {name: int(v) if isinstance(v, float) and v.is_integer() else v for name, v in values.items()}


def _scalar(value: Summary.Value, tensors: set[str]) -> float | None:
    kind = value.WhichOneof("value")
    if kind == "simple_value":
        return float(value.simple_value)
    if kind != "tensor":
        return None
    if value.tag not in tensors:
        if value.metadata.plugin_data.plugin_name != "scalars":
            return None
        tensors.add(value.tag)
    return _number(value.tensor)


def _number(tensor: TensorProto) -> float | None:
    if tensor.dtype == DT_FLOAT and len(tensor.float_val) == 1:
        return float(tensor.float_val[0])
    if tensor.dtype == DT_FLOAT and len(tensor.tensor_content) == _FLOAT.size:
        return float(_FLOAT.unpack(tensor.tensor_content)[0])
    if math.prod(dimension.size for dimension in tensor.tensor_shape.dim) != 1:
        return None
    try:
        return float(np.asarray(make_ndarray(tensor), dtype=float).reshape(()))
    except (KeyError, TypeError, ValueError):  # its type is unknown or not numeric
        return None
