"""The pictures that a run drew, from its event files: filters, feature maps, confusion, mistakes."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from google.protobuf.message import DecodeError
from tensorboard.compat.proto.event_pb2 import Event

from folklore.evidence.logs.event_reader import PATTERN, records


@dataclass(frozen=True)
class Drawn:
    """What a run drew last under one tag, such as "filters/conv2d"; each of `files` is a PNG."""

    tag: str
    epoch: int
    files: list[bytes]


def last_pictures(run: Path) -> list[Drawn]:
    """The last pictures under each tag in a run's directory, by tag. What is damaged is left out."""
    found: dict[str, Drawn] = {}
    for file in sorted(file for part in ("train", "validation") for file in (run / part).glob(PATTERN)):
        for record in records(file.read_bytes(), problems=[]):
            try:
                event = Event.FromString(record)
            except DecodeError:
                continue
            for value in event.summary.value:
                if value.metadata.plugin_data.plugin_name != "images":
                    continue
                files = list(value.tensor.string_val)[2:]  # width and height come first
                if value.tag not in found or event.step >= found[value.tag].epoch:
                    found[value.tag] = Drawn(value.tag, event.step, files)
    return [found[tag] for tag in sorted(found)]
