"""What runs leave to look at: the pictures that they drew, and the diagrams of their networks."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from folklore.evidence.logs.pictures import last_pictures
from folklore.storage import files, run_directory
from folklore.storage.run_paths import NETWORK
from folklore.storage.schema import Record


class Picture(Record):
    """What the first run of an arm drew last under one tag; `files` are PNGs in base64."""

    arm: str
    seed: int
    tag: str
    epoch: int
    files: list[str]


def pictures(runs: Sequence[run_directory.Run]) -> list[Picture]:
    """What the first run of each arm drew last: with every seed's, a page would be too large to read."""
    first: dict[str, run_directory.Run] = {}
    for run in runs:
        if run.status == "done" and run.record and run.record.recipe.get("pictures"):
            first.setdefault(run.arm, run)
    return [
        Picture(arm=arm, seed=run.seed, tag=drawn.tag, epoch=drawn.epoch, files=list(map(_as_text, drawn.files)))
        for arm, run in first.items()
        for drawn in last_pictures(run.path)
    ]


def networks(path: Path, arms: Iterable[str]) -> dict[str, str]:
    """Arm to the diagram of its network, an SVG, of an experiment's directory; without arms that have none."""
    stored = {arm: path / arm / NETWORK for arm in arms}
    return {arm: files.read_text(file) for arm, file in stored.items() if file.is_file()}


def _as_text(png: bytes) -> str:
    return base64.b64encode(png).decode()


@dataclass(frozen=True)
class LaidOut:
    """What a page shows of them.

    Attributes:
        files: the path of each file in the report's folder, and its content.
        pictures: for each tag, its pictures with `caption` and the paths of their `files`.
        networks: arms that share a network, as text, and the path of its diagram.
    """

    files: dict[str, bytes]
    pictures: list[tuple[str, list[dict[str, Any]]]]
    networks: list[tuple[str, str]]


def lay_out(stem: str, drawn: Sequence[Picture], networks: Mapping[str, str]) -> LaidOut:
    """Give pictures and diagrams a file each, in the folder assets/`stem`/."""
    files: dict[str, bytes] = {}

    def kept(content: bytes, ending: str) -> str:
        path = f"assets/{stem}/{len(files)}.{ending}"
        files[path] = content
        return path

    by_tag: dict[str, list[dict[str, Any]]] = {}
    for picture in drawn:
        paths = [kept(base64.b64decode(file), "png") for file in picture.files]
        caption = f"{picture.arm}, seed {picture.seed}, epoch {picture.epoch}"
        by_tag.setdefault(picture.tag, []).append({"caption": caption, "files": paths})
    arms: dict[str, list[str]] = {}
    for arm, diagram in networks.items():
        arms.setdefault(diagram, []).append(arm)
    return LaidOut(
        files,
        [(tag.replace("_", " ").replace("/", ": "), shown) for tag, shown in by_tag.items()],
        [(", ".join(names), kept(diagram.encode(), "svg")) for diagram, names in arms.items()],
    )
