"""One process at a time for each experiment of a logdir."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import IO

FOLDER = ".locks"


@contextlib.contextmanager
def locked(logdir: Path, experiments: Iterable[str], say: Callable[[str], None]) -> Iterator[None]:
    """Hold the experiments of a logdir; wait, and say so, while another process holds one of them.

    The operating system lets go of what a process held when it ends, however it ends. Locks are taken in the order of
    their names, so that two processes never wait for each other. Afterwards the directories that were made for them
    are gone, unless something was written there.

    Args:
        logdir: of the runs; made if it is missing.
        experiments: their names.
        say: told once for each experiment that is waited for.

    Raises:
        OSError: the logdir cannot be written.
    """
    folder = logdir / FOLDER
    made = [path for path in (folder, *folder.parents) if not path.exists()]
    with contextlib.ExitStack() as held:
        held.callback(_remove, made)
        for name in sorted(experiments):
            waiting = f"Another process trains {name} into {logdir}; waiting until it ends."
            path = folder / f"{name}.lock"
            held.enter_context(_hold(path, lambda text=waiting: say(text)))  # type: ignore[misc]
            held.callback(path.unlink, missing_ok=True)
        yield


def _hold(path: Path, say: Callable[[], None]) -> IO[str]:
    """The file, locked, which is still the one of that name: who held it before may have removed it."""
    while True:
        path.parent.mkdir(parents=True, exist_ok=True)
        file = os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o666), "w")  # a link is not followed
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say()
            fcntl.flock(file, fcntl.LOCK_EX)
        except OSError as error:
            if error.errno not in (errno.ENOLCK, errno.ENOTSUP):  # a file system without locks
                raise
        with contextlib.suppress(FileNotFoundError):
            if os.path.samestat(os.fstat(file.fileno()), path.stat()):
                return file
        file.close()


def _remove(directories: Iterable[Path]) -> None:
    """Those that are empty, the innermost first."""
    with contextlib.suppress(OSError):
        for directory in directories:
            directory.rmdir()
