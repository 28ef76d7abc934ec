"""TensorBoard on experiments, in a process of its own, while this one writes again what it shows."""

from __future__ import annotations

import errno
import shutil
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from folklore.errors import ProblemError
from folklore.evidence import ledger
from folklore.evidence.compare import compare
from folklore.report import drawings, summary
from folklore.report.board import events, links, places, verdict_tab
from folklore.report.board.verdict_tab import Shown, Waiting
from folklore.storage import run_directory
from folklore.storage.locks import is_locked
from folklore.storage.schema import StoredExperiment

EVERY = 5.0  # seconds between two looks for runs that have ended
_NONE_ENDED = "No run has ended yet: they appear here as they end, and in `board --seeds` while they train."
ENDS_WITHIN = 5.0  # seconds, for TensorBoard to end when it is asked to


class Board:
    """What TensorBoard shows of experiments: their first tab, and event files or links to the runs.

    Args:
        paths: the experiments' directories.
        out: the log directory for TensorBoard; what an earlier board left there is removed.
        only: a pattern of the runs to link, such as "relu/*"; None shows the mean of every arm in their place.

    Attributes:
        linked: how many runs are linked, of how many.
        metrics: by which the experiments are compared.

    Raises:
        ProblemError: an experiment cannot be compared.
    """

    def __init__(self, paths: Sequence[Path], out: Path, only: str | None = None) -> None:
        _remove(out)
        self.out, self.only = out, only
        self.folders = places.folders(paths, out)
        self.seen: object = None
        self.linked = 0, 0
        self.metrics: list[str | None] = []
        self.refresh(strict=True)

    def refresh(self, *, strict: bool = False) -> bool:
        """Write what has changed since the last time; return whether anything had.

        Args:
            strict: whether an experiment that cannot be compared is an error; otherwise the first tab says why.
        """
        now = [(is_locked(path.parent, path.name), _runs(path)) for path in self.folders]
        if now == self.seen:
            return False
        shown: list[Shown | Waiting] = []
        for path, (training, _) in zip(self.folders, now, strict=True):
            try:
                shown.append(_shown(path, training))
            except ProblemError as problem:
                if strict:
                    raise
                shown.append(Waiting(path.name, str(problem)))
        self._write(shown)
        self.metrics = [one.metric if isinstance(one, Waiting) else one.result.comparison.metric for one in shown]
        self.seen = now
        return True

    def _write(self, shown: Sequence[Shown | Waiting]) -> None:
        self.out.mkdir(parents=True, exist_ok=True)
        if self.only is not None:
            self.linked = links.write(self.folders, self.only)
        else:
            for folder, one in zip(self.folders.values(), shown, strict=True):
                if isinstance(one, Shown):
                    events.write(one.result, folder)
        verdict_tab.write(shown, self.out)


def _shown(path: Path, training: bool) -> Shown | Waiting:
    """What is shown of an experiment. While it is trained no verdict is read, since each look has its price."""
    declared = run_directory.read_experiment(path)
    if isinstance(declared, StoredExperiment) and not any(path.glob("[!.]*/seed-*/DONE")):
        return Waiting(path.name, _NONE_ENDED, declared.claim or "", declared.metric.name)
    compared = compare(path)
    compared = compared.model_copy(update={"hypotheses": []}) if training else ledger.record_look(path, compared)
    result = summary.summarise(path, whole=True, compared=compared)
    return Shown(result, drawings.networks(path, compared.arms), training)


def _runs(path: Path) -> list[tuple[str, float]]:
    """The runs of an experiment, each with the time at which it ended."""
    runs = sorted(path.glob("[!.]*/seed-*"))
    done = [run / "DONE" for run in runs]
    return [(str(file), file.stat().st_mtime if file.exists() else 0.0) for file in done]


def _remove(out: Path) -> None:
    if out.is_symlink():
        out.unlink()  # the target is not ours
    elif out.exists():
        shutil.rmtree(out)


@contextmanager
def followed(board: Board, every: float = EVERY) -> Iterator[None]:
    """Refresh a board every few seconds, in a thread of its own, as long as the context lasts."""
    ended = threading.Event()

    def follow() -> None:
        while not ended.wait(every):
            with suppress(OSError):  # such as a full disk: the next time may do
                board.refresh()

    thread = threading.Thread(target=follow, name="board", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def command(logdir: Path, port: int, host: str = "127.0.0.1") -> list[str]:
    """The command that starts TensorBoard on a directory; by default only this machine can reach it."""
    # A run has an event file for each of its pictures. Without reload_multifile, TensorBoard's slow loader, which is
    # used where the fast one is unavailable, follows only the last file.
    given = ["--logdir", str(logdir), "--reload_multifile", "true", "--host", host, "--port", str(port)]
    return [sys.executable, "-m", "folklore.report.board.server", *given]


def port_for(host: str, port: int) -> int:
    """The port on which TensorBoard can listen: the given one, or for 0 one that is free.

    Raises:
        ProblemError: this machine has no such address, or the port is in use.
    """
    try:
        family, kind, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind) as trial:
            trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            trial.bind(address)
            return int(trial.getsockname()[1])
    except (OSError, UnicodeError) as error:
        if isinstance(error, OSError) and error.errno == errno.EADDRINUSE:
            raise ProblemError(
                f"Port {port} is in use, perhaps by another board. Give another --port; 0 takes a free one."
            ) from error
        raise ProblemError(
            f"The host is {host!r}, where this machine cannot listen: {error}. Give 127.0.0.1 for this machine only, "
            "or 0.0.0.0 for everyone who can reach it."
        ) from error


def serve(board: Board, port: int, host: str) -> int:
    """Run TensorBoard on a board that follows its runs, until it is interrupted; return its exit status."""
    process = subprocess.Popen(command(board.out, port, host))
    try:
        with followed(board):
            return process.wait()
    except KeyboardInterrupt:
        process.terminate()
        try:
            process.wait(timeout=ENDS_WITHIN)
        except subprocess.TimeoutExpired:  # rare: Ctrl-C also reaches TensorBoard, which may be ending already
            process.kill()
            process.wait()
        return 0
