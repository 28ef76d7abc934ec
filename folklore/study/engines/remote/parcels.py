"""A run's directory on its way between machines: what has changed since the last time, put in place whole."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from callbacks.files import replacing, write_bytes
from folklore.storage.run_directory import CHECKPOINTS

_EVENTS = "events.out.tfevents."
_LAST = ("run.json", "DONE")  # in this order, after all else
_HIDDEN = ".tmp-"  # files that are being written


@dataclass(frozen=True)
class Parcel:
    """Changes to a run's directory.

    Attributes:
        names: every file that the directory now has; others are to be removed.
        files: those that are new or have changed, by name: where the content begins, and the content. It begins beyond
            0 where an event file has grown.
    """

    names: tuple[str, ...]
    files: Mapping[str, tuple[int, bytes]]

    @property
    def size(self) -> int:
        """Bytes of content."""
        return sum(len(content) for _, content in self.files.values())

    def header(self) -> dict[str, Any]:
        """The parcel without its contents, as data for JSON: with their SHA-256 instead."""
        return {
            "names": list(self.names),
            "files": [
                [name, begin, len(content), hashlib.sha256(content).hexdigest()]
                for name, (begin, content) in self.files.items()
            ],
        }

    @classmethod
    def of(cls, header: Mapping[str, Any], contents: memoryview) -> Parcel:
        """The parcel of a header and the contents that follow it.

        Raises:
            ValueError: a content is not that of the header, or a name leads out of the directory.
        """
        files, at = {}, 0
        for name, begin, length, digest in header["files"]:
            content = bytes(contents[at : at + length])
            at += length
            if hashlib.sha256(content).hexdigest() != digest:
                raise ValueError(f"{name} was changed on its way: its SHA-256 differs")
            files[name] = (begin, content)
        for name in (*header["names"], *files):
            if not _is_inside(name):
                raise ValueError(f"{name!r} is not the name of a run's file")
        return cls(tuple(header["names"]), files)


def _is_inside(name: str) -> bool:
    path = PurePosixPath(name)
    return bool(name) and not path.is_absolute() and ".." not in path.parts and "\\" not in name


@dataclass
class Packer:
    """Packs what has changed in a directory since it last did.

    Args:
        path: the run's directory.
    """

    path: Path
    _known: dict[str, tuple[int, int, int]] = field(default_factory=dict)  # inode, size, time of change

    def pack(self) -> Parcel:
        """All changes; the first time, all files."""
        files, names = {}, []
        for name, file in _files(self.path):
            stat = file.stat()
            now, before = (stat.st_ino, stat.st_size, stat.st_mtime_ns), self._known.get(name)
            names.append(name)
            if now == before:
                continue
            grown = before is not None and _EVENTS in name and before[0] == now[0] and before[1] < now[1]
            begin = before[1] if grown and before else 0
            with file.open("rb") as stream:
                stream.seek(begin)
                files[name] = (begin, stream.read(now[1] - begin))
            self._known[name] = now
        return Parcel(tuple(names), files)

    def skip(self) -> None:
        """Take what is there as known to the other side."""
        self.pack()


def unpack(parcel: Parcel, path: Path) -> None:
    """Put a parcel's files into a directory: run.json and DONE after all else, each file and each checkpoint whole.

    Raises:
        OSError: the directory cannot be written.
        ValueError: the parcel does not continue what is there.
    """
    checkpoints: dict[str, dict[str, bytes]] = {}
    others: dict[str, tuple[int, bytes]] = {}
    for name, (begin, content) in parcel.files.items():
        parts = PurePosixPath(name).parts
        if parts[0] == CHECKPOINTS:
            checkpoints.setdefault(parts[1], {})[parts[2]] = content
        else:
            others[name] = (begin, content)
    for name in sorted(others.keys() - set(_LAST)):
        _write(path / name, *others[name])
    for name, files in sorted(checkpoints.items()):
        with replacing(path / CHECKPOINTS / name) as temporary:
            temporary.mkdir()
            for file, content in files.items():
                (temporary / file).write_bytes(content)
    for name in _LAST:
        if name in others:
            _write(path / name, *others[name])
    _remove_others(path, set(parcel.names))


def _write(file: Path, begin: int, content: bytes) -> None:
    if not begin:
        write_bytes(file, content)
        return
    if not file.is_file() or file.stat().st_size < begin:
        raise ValueError(f"{file} is shorter than the part that it was sent before")
    with file.open("r+b") as stream:
        stream.truncate(begin)
        stream.seek(begin)
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())


def _remove_others(path: Path, names: set[str]) -> None:
    for name, file in _files(path):
        if name not in names and PurePosixPath(name).parts[0] != CHECKPOINTS:
            file.unlink()
    kept = {PurePosixPath(name).parts[1] for name in names if PurePosixPath(name).parts[0] == CHECKPOINTS}
    for folder in (path / CHECKPOINTS).glob("*"):
        if folder.name not in kept:
            shutil.rmtree(folder)
    if not kept and (path / CHECKPOINTS).exists():
        (path / CHECKPOINTS).rmdir()


def _files(path: Path) -> list[tuple[str, Path]]:
    found = (file for file in sorted(path.rglob("*")) if file.is_file() and not file.is_symlink())
    named = ((file.relative_to(path).as_posix(), file) for file in found)
    return [(name, file) for name, file in named if not any(p.startswith(_HIDDEN) for p in PurePosixPath(name).parts)]
