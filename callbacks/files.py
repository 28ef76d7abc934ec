"""Files and directories that are written completely or not at all. Imports neither Keras nor anything of this suite."""

from __future__ import annotations

import contextlib
import csv
import io
import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A temporary path for a new file or directory. If the block succeeds, it is synced and renamed to `path`.

    A reader sees either the old content or all of the new content, even after a crash. Missing parents are created.

    Raises:
        OSError: it cannot be written; the error names `path`, even if the system names the temporary path or no path.

    Example:
        >>> import tempfile
        >>> folder = Path(tempfile.mkdtemp())
        >>> with replacing(folder / "verdict.txt") as temporary:
        ...     _ = temporary.write_text("supported")
        >>> [file.name for file in folder.iterdir()]
        ['verdict.txt']
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".tmp-{os.getpid()}.{path.name}")
    _remove(temporary)
    try:
        yield temporary
        if temporary.is_dir():
            for part in (*temporary.iterdir(), temporary):
                _sync(part)
            _remove(path)  # renaming replaces a directory only if it is empty
            temporary.rename(path)
            _sync(path.parent)  # the rename survives a crash only once its directory is synced
        else:
            _sync(temporary)
            temporary.replace(path)
    except OSError as error:
        if error.errno is None or error.filename not in (None, str(temporary)):
            raise
        raise OSError(error.errno, error.strerror, str(path)) from error
    finally:
        _remove(temporary)


def write_bytes(path: Path, content: bytes) -> None:
    """Write a file completely or not at all, see `replacing`."""
    with replacing(path) as temporary:
        temporary.write_bytes(content)


def as_csv(rows: Sequence[Mapping[str, Any]]) -> str:
    """Rows as CSV with a header: columns in the order in which they first appear, nothing where a row has no value."""
    text = io.StringIO()
    writer = csv.DictWriter(text, list(dict.fromkeys(name for row in rows for name in row)), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)
