"""XLA's compiled programs, kept from process to process: a program that was compiled once is only loaded again.

TensorFlow writes and reads such files, but it runs what it reads: a truncated file makes every training fail, and a
flipped bit may be run as machine code. So no process shows TensorFlow a file whose checksum it has not verified. The
store has one file for each program, named after its content's SHA-256:

store/<program>.pb.<sha256>
store/process-<random>/<program>.pb   what one process shows to TensorFlow: copies of verified files, and its own

The processes of one store share a processor, a version of TensorFlow and all flags, see `kept_programs`.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import platform
import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import tensorflow as tf

from callbacks.files import write_bytes

LIMIT = 64 * 2**20  # bytes in a store, of which every process reads all; the oldest programs are dropped
ROOM = 2**30  # bytes that must be free: TensorFlow fails where it cannot write a program
_MONTH = 30 * 86_400  # seconds
_FLAGS = "TF_XLA_FLAGS"
_ONLY_CPU = "--tf_xla_persistent_cache_device_types=CPU"


class KeptPrograms:
    """The programs of a store, for this process, within a `with` statement. Without room for them, none are kept.

    Args:
        store: the folder of all processes' programs.
        room: bytes that must be free there.
    """

    def __init__(self, store: Path, room: int = ROOM) -> None:
        self.store, self.folder = store, store / "process-none"
        self._room = room
        self._seen: set[str] = set()  # programs that this process has loaded or stored, each once: others drop old ones

    def __enter__(self) -> KeptPrograms:
        """To be called before TensorFlow first looks for devices, which is when it reads its flags."""
        with contextlib.suppress(OSError):
            self.store.mkdir(parents=True, exist_ok=True)
            _remove_forgotten(self.store)
            # Not by the process's number, which another machine or container with this cache folder may have too.
            self.folder = Path(tempfile.mkdtemp(prefix="process-", dir=self.store))
            if shutil.disk_usage(self.store).free >= self._room:
                quoted = str(self.folder).replace("\\", "\\\\").replace('"', '\\"')  # as TensorFlow reads flags
                own = f'--tf_xla_persistent_cache_directory="{quoted}" {_ONLY_CPU}'
                os.environ[_FLAGS] = f"{os.environ.get(_FLAGS, '')} {own}".strip()
        return self

    def __exit__(self, *_: object) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)

    @contextlib.contextmanager
    def shared(self) -> Iterator[None]:
        """Share programs with other processes: load theirs before the block, and store afterwards what it compiled."""
        with contextlib.suppress(OSError):
            self._load()
        try:
            yield
        finally:
            with contextlib.suppress(OSError):
                self._save()

    def _load(self) -> None:
        """Show TensorFlow the programs that were stored since. If one is damaged, all are removed."""
        os.utime(self.folder)  # it is in use
        for file in self._stored():
            name, _, digest = file.name.rpartition(".")
            if name in self._seen:
                continue
            content = file.read_bytes()
            if hashlib.sha256(content).hexdigest() != digest:
                self._remove_all()
                return
            self._seen.add(name)
            if not (self.folder / name).exists():
                (self.folder / name).write_bytes(content)  # what was verified: the stored file may be damaged later

    def _save(self) -> None:
        stored = {file.name.rpartition(".")[0] for file in self._stored()}
        for file in self.folder.glob("*.pb"):
            if file.name not in self._seen | stored:
                content = file.read_bytes()
                write_bytes(self.store / f"{file.name}.{hashlib.sha256(content).hexdigest()}", content)
            self._seen.add(file.name)
        _drop_oldest(self._stored())

    def _stored(self) -> list[Path]:
        return sorted(self.store.glob("[!.]*.pb.*"))

    def _remove_all(self) -> None:
        """A disk that damaged one file may have damaged any: none of them is used, not even those verified before."""
        for file in (*self._stored(), *self.folder.glob("*.pb")):
            file.unlink(missing_ok=True)
        self._seen.clear()


def kept_programs(folder: Path) -> KeptPrograms:
    """The programs that this process may use of those in `folder`: made on such a processor, with such flags."""
    flags = sorted((name, value) for name, value in os.environ.items() if name.startswith(("TF_", "XLA_")))
    parts = repr((tf.version.VERSION, tf.version.GIT_VERSION, platform.machine(), _instructions(), flags))
    return KeptPrograms(folder / hashlib.sha256(parts.encode()).hexdigest()[:16])


def _instructions() -> str:
    """The instruction sets of this processor."""
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8")
        return next(line for line in text.splitlines() if line.startswith(("flags", "Features")))
    except (OSError, StopIteration):
        return ""


def _drop_oldest(files: list[Path]) -> None:
    by_age = sorted(((file.stat(), file) for file in files), key=lambda pair: pair[0].st_mtime, reverse=True)
    total = 0
    for status, file in by_age:
        total += status.st_size
        if total > LIMIT:
            file.unlink(missing_ok=True)


def _remove_forgotten(store: Path) -> None:
    """Remove the folders of processes that were killed: those in which no job has begun for a month."""
    for folder in store.glob("process-*"):
        if folder.stat().st_mtime < time.time() - _MONTH:
            shutil.rmtree(folder, ignore_errors=True)
