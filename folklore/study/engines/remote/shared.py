"""Log directories on a file system that a node shares with the driver: a run is trained in place, and nothing copied.

Two workers must never write into one run's directory, though the first may only seem to be gone. So a worker is bound
to the directory itself and not to its name: it opens the directory and writes through that. Whoever is given the run
next gets a copy of the directory under its name. What the first still writes then goes where nobody looks.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
from pathlib import Path

from folklore.storage.locks import FOLDER

OPEN_FILES = Path("/proc/self/fd")


class Mark:
    """A file in a log directory by which a node finds out whether it sees the same directory.

    Args:
        logdir: made by the locks that the command holds.
    """

    def __init__(self, logdir: Path) -> None:
        self.token = secrets.token_hex(16)
        self.file = logdir.absolute() / FOLDER / f"mark-{self.token[:8]}"
        self.file.parent.mkdir(parents=True, exist_ok=True)
        self.file.write_text(self.token, encoding="utf-8")

    def remove(self) -> None:
        """Remove the file."""
        with contextlib.suppress(OSError):
            self.file.unlink()


def is_seen(file: str, token: str) -> bool:
    """Whether this machine sees the mark, and can bind a worker to a directory."""
    try:
        return OPEN_FILES.is_dir() and Path(file).read_text(encoding="utf-8") == token
    except (OSError, UnicodeDecodeError):
        return False


def bind(directory: Path, name: Path) -> int:
    """Make `name` a link to the directory itself, whatever becomes of the directory's own name.

    Returns:
        The file descriptor that keeps it open. The link is of use to this process only.

    Raises:
        OSError: the directory cannot be made or opened.
    """
    directory.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    name.parent.mkdir(parents=True, exist_ok=True)
    name.symlink_to(OPEN_FILES / str(descriptor))
    return descriptor


def renew(directory: Path) -> None:
    """Put a copy of a directory in its place, so that no process which is bound to the old one writes into it.

    Raises:
        OSError: it cannot be copied, for example because the disk is full; the directory is then as it was.
    """
    if not directory.exists():
        return
    old, new = (directory.with_name(f".{kind}-{secrets.token_hex(4)}.{directory.name}") for kind in ("old", "tmp"))
    try:
        shutil.copytree(directory, new, ignore=shutil.ignore_patterns(".tmp-*"))
        directory.rename(old)
        new.rename(directory)
    finally:
        shutil.rmtree(new, ignore_errors=True)
    shutil.rmtree(old, ignore_errors=True)
