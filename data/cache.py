"""The caches of downloaded data sets, and downloads into them that never hang.

Keras and scikit-learn do the downloading. This module adds what they lack: it notices an unreachable network within
seconds, names a cache that cannot be written, and reports a damaged file as damaged.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

PROBE_SECONDS = 6.0  # limit for the server's first answer, including the name look-up
STALL_SECONDS = 8.0  # limit without a byte during a download; both together stay below 15 s

_BUNDLED = "pass `--data bundled` to use the small set that ships inside scikit-learn instead"


class DataError(Exception):
    """A data set cannot be used. The message is one paragraph: what was asked for, what is wrong, what to do.

    Example:
        >>> from data import DataError, Source
        >>> def load():
        ...     raise DataError("prices.csv is empty. Download it again.")
        >>> prices = Source(name="prices", task="regression", source="bundled", load=load)
        >>> try:
        ...     prices(seed=0)
        ... except DataError as error:
        ...     print(error)
        prices.csv is empty. Download it again.
    """


class UnavailableError(DataError):
    """A data set is not in the cache and cannot be downloaded. Nothing is damaged, so a stand-in may be used."""


def keras_home() -> Path:
    """The folder of Keras' cache: `KERAS_HOME`, or else `.keras` in the user's home."""
    return Path(os.environ.get("KERAS_HOME") or "~/.keras").expanduser()


def sklearn_home() -> Path:
    """The folder of scikit-learn's cache: `SCIKIT_LEARN_DATA`, or else `scikit_learn_data` in the user's home."""
    return Path(os.environ.get("SCIKIT_LEARN_DATA") or "~/scikit_learn_data").expanduser()


def missing(files: Sequence[Path]) -> list[Path]:
    """The files that do not exist or cannot be read."""
    return [file for file in files if not os.access(file, os.R_OK)]


def damaged(name: str, file: Path, reason: object) -> DataError:
    """The error for a cached file that is truncated or altered."""
    return DataError(
        f"{name} is cached in {file}, but this file is damaged: {reason}. Delete {file} and run again to download a "
        f"new copy, or {_BUNDLED}."
    )


def download(
    name: str, files: Sequence[Path], home: Path, variable: str, url: str, fetch: Callable[[], object]
) -> None:
    """Let a library download files into its cache.

    A download that fails but leaves all files in place raises nothing here: reading the files shows what is wrong.

    Args:
        name: the data set's name.
        files: the missing files, all in one folder.
        home: the library's cache, which contains that folder.
        variable: the environment variable that sets `home`.
        url: the address of the first file.
        fetch: downloads the files; may raise anything.

    Raises:
        DataError: one of the files is a broken link: the download would be written to its target.
        UnavailableError: the cache cannot be written, the network cannot be reached, or the download failed.
    """
    for file in files:
        if file.is_symlink() and not file.exists():
            raise DataError(f"{name}: {file} is a broken link: {file.readlink()} does not exist. Delete the link.")
    folder = files[0].parent
    wanted = f"{name} was requested, but {', '.join(file.name for file in files)} cannot be read from {folder}"
    advice = f"Set {variable} to a folder that holds the set, or {_BUNDLED}."
    for place in (folder, home):
        if reason := _why_unwritable(place):
            raise UnavailableError(
                f"{wanted}, and the cache {place} cannot be written: {reason}. Set {variable} to a writable folder or "
                f"to one that holds the set, or {_BUNDLED}."
            )
    if reason := _why_unreachable(url, PROBE_SECONDS):
        raise UnavailableError(f"{wanted}, and {url} cannot be reached: {reason}. {advice}")
    reason = f"the files were written elsewhere; {variable} must be set before Python starts"
    try:
        with _stall_limit(STALL_SECONDS):
            fetch()
    except Exception as error:
        reason = str(error.__context__ or error)  # the libraries wrap the error that gives the cause
    if missing(files):
        raise UnavailableError(f"{wanted}, and the download from {url} failed: {reason}. {advice}")


def _why_unwritable(folder: Path) -> str:
    """The reason why the folder cannot be written; "" if it can. A missing folder is created."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        return str(error)
    return "" if os.access(folder, os.W_OK) else "it is read-only"


def _why_unreachable(url: str, seconds: float) -> str:
    """The reason why the server does not answer within `seconds`; "" if it does, even with an error status.

    Runs in a thread, because no timeout limits the name look-up. Proxies are used.
    """
    import queue
    import threading
    import urllib.error
    import urllib.request

    answers: queue.SimpleQueue[str] = queue.SimpleQueue()

    def ask() -> None:
        try:
            request = urllib.request.Request(url, method="HEAD")
            urllib.request.build_opener().open(request, timeout=seconds).close()
        except urllib.error.HTTPError as error:
            error.close()
        except Exception as error:
            answers.put(str(error))
        answers.put("")

    threading.Thread(target=ask, daemon=True).start()
    try:
        return answers.get(timeout=seconds)
    except queue.Empty:
        return f"no answer within {seconds:g} seconds"


@contextmanager
def _stall_limit(seconds: float) -> Iterator[None]:
    """Time out connections opened inside the block that receive nothing for `seconds`; the libraries set no limit."""
    import socket  # not at the top: `list` would import it too

    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(seconds)
    try:
        yield
    finally:
        socket.setdefaulttimeout(before)
