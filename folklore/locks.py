"""One process at a time for each experiment of a logdir."""

from __future__ import annotations

import contextlib
import errno
import fcntl
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

FOLDER = ".locks"


@contextlib.contextmanager
def locked(logdir: Path, experiments: Iterable[str], say: Callable[[str], None]) -> Iterator[None]:
    """Hold the experiments of a logdir; wait, and say so, while another process holds one of them.

    The operating system lets go of what a process held when it ends, however it ends. Locks are taken in the order of
    their names, so that two processes never wait for each other.

    Args:
        logdir: of the runs; made if it is missing.
        experiments: their names.
        say: told once for each experiment that is waited for.

    Raises:
        OSError: the logdir cannot be written.
    """
    folder = logdir / FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    with contextlib.ExitStack() as held:
        for name in sorted(experiments):
            file = held.enter_context((folder / f"{name}.lock").open("w"))
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                say(f"Another process trains {name} into {logdir}; waiting until it ends.")
                fcntl.flock(file, fcntl.LOCK_EX)
            except OSError as error:
                if error.errno not in (errno.ENOLCK, errno.ENOTSUP):  # a file system without locks
                    raise
        yield
