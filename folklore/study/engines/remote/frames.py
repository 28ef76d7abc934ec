"""Messages between a worker on another machine and the driver.

What a worker says is data only: JSON, and the bytes of files. Nothing of it is unpickled, so that a machine of the
cluster cannot run code on the driver's. What the driver says is pickled: it brings the code that the machine is to run.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping
from multiprocessing.connection import Connection
from typing import Any

from folklore.study.engines.remote.parcels import Parcel

# What the driver says beside jobs, which begin otherwise.
STOP, ALIVE, DATA = b"stop", b"alive", b"data:"  # the last one before a JSON object
_LENGTH = struct.Struct(">I")


def send(connection: Connection, header: Mapping[str, Any], parcel: Parcel | None = None) -> None:
    """Send data, and a parcel where there is one.

    Raises:
        OSError: the connection is closed.
    """
    if parcel is not None:
        header = {**header, "parcel": parcel.header()}
    text = json.dumps(header, default=float).encode()
    contents = [content for _, content in parcel.files.values()] if parcel is not None else []
    connection.send_bytes(b"".join([_LENGTH.pack(len(text)), text, *contents]))


def receive(connection: Connection) -> tuple[dict[str, Any], Parcel | None]:
    """The next message: its data, and its parcel.

    Raises:
        EOFError, OSError: the connection is closed.
        ValueError: it is not a message, or was changed on its way.
    """
    message = memoryview(connection.recv_bytes())
    if len(message) < _LENGTH.size:
        raise ValueError("it is shorter than its own length")
    end = _LENGTH.size + _LENGTH.unpack(message[: _LENGTH.size])[0]
    header = json.loads(bytes(message[_LENGTH.size : end]))
    if not isinstance(header, dict):
        raise ValueError("it does not hold a JSON object")
    parcel = header.pop("parcel", None)
    return header, None if parcel is None else Parcel.of(parcel, message[end:])
