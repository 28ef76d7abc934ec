"""Event files for TensorBoard, written with TensorBoard's own protos, without TensorFlow."""

from __future__ import annotations

import itertools
import os
import socket
import struct
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import google_crc32c
from tensorboard.compat.proto.event_pb2 import Event, SessionLog
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.plugins.scalar.summary_v2 import scalar_pb

_unique = itertools.count()


class EventFile:
    """One event file in `directory`, as TensorBoard reads it. `flush` and `close` write it to disk.

    Args:
        directory: created if missing.
        clock: returns the wall time of an event, in seconds since 1970.
    """

    def __init__(self, directory: Path, clock: Callable[[], float] = time.time) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self.clock = clock
        name = f"events.out.tfevents.{int(clock()):010d}.{socket.gethostname()}.{os.getpid()}.{next(_unique)}"
        self.path = directory / name
        self._file = self.path.open("xb")
        self._scalars: dict[str, Summary.Value] = {}
        self._add(Event(file_version="brain.Event:2"))

    def add_summary(self, summary: Summary, step: int) -> None:
        """Append the values of a `Summary` proto at `step`."""
        self._add(Event(summary=summary, step=step))

    def add_scalars(self, values: Mapping[str, float], step: int) -> None:
        """Append scalars, tag to value, at `step`, as one event in the form of TensorBoard's `scalar_pb`."""
        event = Event(step=step)
        for tag, value in values.items():
            if tag not in self._scalars:
                self._scalars[tag] = scalar_pb(tag, 0.0).value[0]
            scalar = event.summary.value.add()
            scalar.CopyFrom(self._scalars[tag])
            scalar.tensor.float_val[:] = [value]
        self._add(event)

    def add_graph(self, graph_def: bytes) -> None:
        """Append a serialised GraphDef, which the Graphs tab shows."""
        self._add(Event(graph_def=graph_def))

    def start_again(self) -> None:
        """Make TensorBoard forget what it has read of this run: what follows takes its place."""
        self._add(Event(session_log=SessionLog(status=SessionLog.START), step=0))

    def flush(self) -> None:
        """Make everything so far visible to readers."""
        self._file.flush()

    def close(self) -> None:
        """Flush and close."""
        self._file.close()

    def _add(self, event: Event) -> None:
        event.wall_time = self.clock()
        self._file.write(record(event.SerializeToString()))


def record(data: bytes) -> bytes:
    """Frame `data` as a TFRecord: its length (uint64) with a checksum (uint32), `data`, its checksum; little-endian.

    TensorBoard's own writer computes checksums in Python, byte by byte. For a small network, writing an epoch's metrics
    would then cost a large part of the time of evaluating it.
    """
    length = struct.pack("<Q", len(data))
    return length + struct.pack("<I", masked_crc(length)) + data + struct.pack("<I", masked_crc(data))


def masked_crc(data: bytes) -> int:
    """CRC-32C, rotated by 15 bits plus a constant, as in TFRecords: a plain CRC is weak on data that contain CRCs."""
    crc = google_crc32c.value(data)
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF
