"""One checkpoint on disk: a directory with arrays, data, and a manifest with their SHA-256."""

from __future__ import annotations

import hashlib
import io
import json
import shutil
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from callbacks.files import replacing

KEPT = 2
_MANIFEST = "manifest.json"
_PARTS = ("arrays.npz", "state.json")


class DamagedError(Exception):
    """A checkpoint from which training cannot be resumed; says why."""


@dataclass(frozen=True)
class Found:
    """The content of a checkpoint.

    Attributes:
        path: its directory.
        epoch: the one after which it was saved, counted from 0.
        arrays: by name.
        state: data, as it was given to `write`.
    """

    path: Path
    epoch: int
    arrays: dict[str, np.ndarray]
    state: dict[str, Any]


def write(
    directory: Path, epoch: int, arrays: Mapping[str, np.ndarray], state: Mapping[str, Any], belongs: Mapping[str, Any]
) -> None:
    """Write a checkpoint under a temporary name, sync it, rename it; then remove those before the last two.

    Args:
        directory: of all checkpoints; made if it is missing.
        epoch: the one after which this is the state, counted from 0.
        arrays: by name.
        state: data for JSON; floats come back to the bit.
        belongs: that on which the state depends, as data for JSON: a checkpoint is only used where all of it is equal.
    """
    final = directory / _name(epoch)
    packed = io.BytesIO()
    np.savez(packed, **arrays)  # type: ignore[arg-type]
    contents = {"arrays.npz": packed.getvalue(), "state.json": json.dumps(state).encode()}
    digests = {name: hashlib.sha256(content).hexdigest() for name, content in contents.items()}
    manifest = {"epoch": epoch, "belongs": belongs, "sha256": digests}
    with replacing(final) as temporary:  # replaces a damaged one whose epoch has been trained again
        temporary.mkdir()
        for name, content in (contents | {_MANIFEST: json.dumps(manifest, indent=1).encode()}).items():
            (temporary / name).write_bytes(content)
    before = sorted(path for path in directory.glob("epoch-*") if path.name <= final.name)
    after = [path for path in directory.glob("epoch-*") if path.name > final.name]  # damaged ones of later epochs
    for old in (*before[:-KEPT], *after):
        shutil.rmtree(old, ignore_errors=True)


def read(path: Path, belongs: Mapping[str, Any]) -> Found:
    """The content of a checkpoint, once its SHA-256 sums are verified.

    Raises:
        DamagedError: a part is missing or changed, or it belongs to another run.
    """
    try:
        manifest = json.loads((path / _MANIFEST).read_bytes())
        epoch, whose, digests = (manifest[name] for name in ("epoch", "belongs", "sha256"))
        if type(epoch) is not int or path.name != _name(epoch):
            raise DamagedError(f"it says that it was saved after epoch {epoch!r}, counted from 0")
        contents = {name: (path / name).read_bytes() for name in _PARTS}
        for name, content in contents.items():
            if hashlib.sha256(content).hexdigest() != digests[name]:
                raise DamagedError(f"{name} is damaged: its SHA-256 is not that of its manifest")
        if whose != json.loads(json.dumps(belongs)):
            differing = [key for key in {*whose, *belongs} if whose.get(key) != belongs.get(key)]
            raise DamagedError(f"it was saved with another {' and '.join(sorted(differing))}")
        with np.load(io.BytesIO(contents["arrays.npz"]), allow_pickle=False) as packed:
            found = Found(path, epoch, dict(packed), dict(json.loads(contents["state.json"])))
        sizes = found.state["event_files"]
        if not all(type(size) is int and size >= 0 for size in sizes.values()):
            raise DamagedError(f"it says that event files have the sizes {sizes}")
        return found
    except FileNotFoundError as error:
        raise DamagedError(f"{Path(error.filename).name} is missing") from error
    except (ValueError, KeyError, TypeError, AttributeError, OSError, RecursionError, zipfile.BadZipFile) as error:
        raise DamagedError(f"it cannot be read: {type(error).__name__}: {error}") from error


def newest(directory: Path, belongs: Mapping[str, Any]) -> tuple[Found | None, list[str]]:
    """The newest undamaged checkpoint that belongs here, and for each newer one a sentence on why it is not used."""
    rejected: list[str] = []
    for path in sorted(directory.glob("epoch-*"), reverse=True):
        try:
            return read(path, belongs), rejected
        except DamagedError as error:
            rejected.append(f"{path.name}: {error}")
    return None, rejected


def reject(found: Found, why: str) -> DamagedError:
    """Remove a checkpoint that does not fit the training to be resumed; return the error to raise."""
    shutil.rmtree(found.path, ignore_errors=True)
    return DamagedError(f"{found.path.name}: {why}")


def _name(epoch: int) -> str:
    return f"epoch-{epoch + 1:06d}"
