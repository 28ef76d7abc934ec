"""One process at a time for each experiment of a log directory."""

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
    """Hold the locks of experiments; wait, and say so, while another process holds one of them.

    The operating system releases the locks of a process when it ends, however it ends. Locks are taken in the order of
    the experiments' names, so that two processes never wait for each other. Afterwards the directories that were made
    for them are removed, unless something was written there.

    Args:
        logdir: of the runs; made if it is missing.
        experiments: their names.
        say: shows a line to the user: once for each experiment that is waited for, and once if there are no locks here.

    Raises:
        OSError: the log directory cannot be written.
    """
    folder = logdir / FOLDER
    made = [path for path in (folder, *folder.parents) if not path.exists()]
    with contextlib.ExitStack() as held:
        held.callback(_remove, made)
        every_one_holds = True
        for name in sorted(experiments):
            waiting = f"Another process trains {name} into {logdir}; waiting until it ends."
            path = folder / f"{name}.lock"
            file, holds = _hold(path, lambda text=waiting: say(text))  # type: ignore[misc]
            held.enter_context(file)
            held.callback(path.unlink, missing_ok=True)
            every_one_holds &= holds
        if not every_one_holds:
            say(
                f"The file system of {logdir} cannot lock files, so two processes could train the same experiment at "
                "once and damage its runs. Start no second run command for these experiments until this one ends, or "
                "name a directory on another file system with --logdir."
            )
        yield


def is_locked(logdir: Path, experiment: str) -> bool:
    """Whether a process trains an experiment into `logdir` now; False where the file system has no locks."""
    try:
        with (logdir / FOLDER / f"{experiment}.lock").open() as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False


@contextlib.contextmanager
def exclusive(directory: Path) -> Iterator[None]:
    """Hold a directory for the moment in which one of its files is read, changed and written again.

    Where the file system has no locks, nothing is held.
    """
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        with contextlib.suppress(OSError):
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _hold(path: Path, waits: Callable[[], None]) -> tuple[IO[str], bool]:
    """The file of this name, and whether it is locked: some file systems have no locks.

    The process that held it before may have removed it: then the file that was opened is no longer the one of this
    name, and the next one is opened.
    """
    while True:
        path.parent.mkdir(parents=True, exist_ok=True)
        file = os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o666), "w")  # a link is not followed
        holds = True
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            waits()
            fcntl.flock(file, fcntl.LOCK_EX)
        except OSError as error:
            if error.errno not in (errno.ENOLCK, errno.ENOTSUP):
                file.close()
                raise
            holds = False
        with contextlib.suppress(FileNotFoundError):
            if os.path.samestat(os.fstat(file.fileno()), path.stat()):
                return file, holds
        file.close()


def _remove(directories: Iterable[Path]) -> None:
    """Remove the directories that are empty, the innermost first."""
    with contextlib.suppress(OSError):
        for directory in directories:
            directory.rmdir()
