"""Where downloaded sets are kept, and how they get there without ever hanging.

Keras and scikit-learn do the downloading. What they leave out is done here: an unreachable network is noticed within
seconds, a cache that cannot be written is named, and a damaged file is called one.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

PROBE_SECONDS = 6.0  # for the server's first answer, name look-up included
STALL_SECONDS = 8.0  # without a byte during a download; both together stay below 15 s

_BUNDLED = "pass `--data bundled` to use the small set that ships inside scikit-learn instead"


class DataError(Exception):
    """A data set cannot be used. The message is one paragraph: what was asked for, what is wrong, what to do."""


class UnavailableError(DataError):
    """A data set is not in the cache and cannot be downloaded: nothing is damaged, so a stand-in may be used."""


def keras_home() -> Path:
    """The folder under which Keras caches: `KERAS_HOME`, or else `.keras` in the user's home."""
    return Path(os.environ.get("KERAS_HOME") or "~/.keras").expanduser()


def sklearn_home() -> Path:
    """The folder in which scikit-learn caches: `SCIKIT_LEARN_DATA`, or else `scikit_learn_data` in the user's home."""
    return Path(os.environ.get("SCIKIT_LEARN_DATA") or "~/scikit_learn_data").expanduser()


def missing(files: Sequence[Path]) -> list[Path]:
    """Those of the files that are not there or may not be read."""
    return [file for file in files if not os.access(file, os.R_OK)]


def damaged(name: str, file: Path, reason: object) -> DataError:
    """The error for a cached file that is truncated or altered."""
    return DataError(
        f"{name} is cached in {file}, but this file is damaged: {reason}. Delete {file} and run again to download it "
        f"anew, or {_BUNDLED}."
    )


def download(
    name: str, files: Sequence[Path], home: Path, variable: str, url: str, fetch: Callable[[], object]
) -> None:
    """Let a library download files into its cache.

    A download that fails but leaves all files behind is no error here: reading them tells what is wrong with them.

    Args:
        name: the data set's.
        files: the missing files, all in one folder.
        home: the library's cache, of which that folder is a part.
        variable: the environment variable that sets `home`.
        url: from where the first of the files comes.
        fetch: downloads them; may raise anything.

    Raises:
        DataError: one of the files is a link to nowhere: what is downloaded would be written there.
        UnavailableError: the cache cannot be written, the network cannot be reached, or the download failed.
    """
    for file in files:
        if file.is_symlink() and not file.exists():
            raise DataError(f"{name}: {file} is a link to {file.readlink()}, where there is no file: delete it.")
    folder = files[0].parent
    wanted = f"{name} was asked for, but {', '.join(file.name for file in files)} cannot be read from {folder}"
    advice = f"Set {variable} to a folder that holds the set, or {_BUNDLED}."
    for place in (folder, home):
        if reason := _why_unwritable(place):
            raise UnavailableError(
                f"{wanted}, and the cache {place} cannot be written: {reason}. Set {variable} to a folder that can be "
                f"written or one that holds the set, or {_BUNDLED}."
            )
    if reason := _why_unreachable(url, PROBE_SECONDS):
        raise UnavailableError(f"{wanted}, and {url} cannot be reached: {reason}. {advice}")
    reason = f"the files went elsewhere; {variable} must be set before Python starts"
    try:
        with _stall_limit(STALL_SECONDS):
            fetch()
    except Exception as error:
        reason = str(error.__context__ or error)  # the libraries wrap the error that says what happened
    if missing(files):
        raise UnavailableError(f"{wanted}, and the download from {url} failed: {reason}. {advice}")


def _why_unwritable(folder: Path) -> str:
    """Why files cannot be put into the folder, which is made if need be; "" if they can."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        return str(error)
    return "" if os.access(folder, os.W_OK) else "it is read-only"


def _why_unreachable(url: str, seconds: float) -> str:
    """Why the server does not answer within so many seconds; "" if it does, be it with an error status.

    Asked in a thread, since no timeout bounds the look-up of a name. Proxies are honoured.
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
    """Give up on connections opened meanwhile that bring nothing for so many seconds: the libraries set no limit."""
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(seconds)
    try:
        yield
    finally:
        socket.setdefaulttimeout(before)
