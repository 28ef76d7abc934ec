"""A worker process: this end of it, and what runs at the other."""

from __future__ import annotations

import contextlib
import json
import logging
import math
import multiprocessing
import os
import signal
import threading
import traceback
from collections.abc import Callable, Mapping
from dataclasses import asdict
from functools import partial
from multiprocessing.connection import Connection
from multiprocessing.reduction import ForkingPickler
from typing import TYPE_CHECKING, Any

import psutil

from data import DataError, Source, resolve
from folklore.errors import ProblemError
from folklore.layout import exported
from folklore.quiet import quietly

if TYPE_CHECKING:
    from folklore.task import Task

# A worker that is replaced must import TensorFlow and compile anew. So many runs are far apart, and memory does not
# grow from run to run; where a model's own code leaks, growth replaces its worker.
RUNS = 500
GROWTH = 2 * 2**30  # bytes beyond what the worker had after its first run


class Worker:
    """The near end of a worker process.

    Attributes:
        number: its place in the pool.
        job: what it works on; None while it is idle.
        arms: those that it has taken up, and so compiled.
        connection: has something to read when the worker answers, or has died.
    """

    def __init__(self, context: Any, number: int, environment: Mapping[str, str]) -> None:
        self.number, self.job, self.runs = number, None, 0  # type: int, Any, int
        self.arms: set[tuple[str, ...]] = set()
        self.first_bytes = self.bytes = 0
        self.connection, theirs = context.Pipe()
        self.process = context.Process(target=_serve, args=(theirs,), name=f"folklore-{number}", daemon=True)
        with exported(environment):  # TensorFlow reads them when it is imported
            self.process.start()
        theirs.close()

    def give(self, job: Any) -> None:
        """Hand over a job."""
        message = ForkingPickler.dumps((job.work, job.arguments))
        self.job = job
        self.arms.add(job.arm)
        with contextlib.suppress(OSError):  # it died a moment ago, and `read` will tell
            self.connection.send_bytes(message)

    def ask_to_stop(self) -> None:
        """Let the run that it trains be saved, and left, at the end of the epoch."""
        self.process.terminate()

    def read(self) -> tuple[str, Any]:
        """What the worker says: ("row", a row), ("done", an answer), ("problem", a message), ("died", how)."""
        try:
            kind, answer, self.bytes = self.connection.recv()
        except (EOFError, OSError):
            self.process.join()
            code, self.job = self.process.exitcode, None
            name = signal.Signals(-code).name if code < 0 else f"status {code}"
            return "died", f"ended with {name}, perhaps for lack of memory"
        if kind == "died":
            self.process.join()
        if kind != "row":
            self.runs += self.job.work == "train"
            self.job = None
            self.first_bytes = self.first_bytes or (self.bytes if self.runs else 0)
        return kind, answer

    def is_worn(self) -> bool:
        """Whether it should be replaced: after many runs, or when its memory has grown."""
        return self.runs >= RUNS or (self.runs > 0 and self.bytes > self.first_bytes + GROWTH)

    def end(self, *, kill: bool = False) -> None:
        """End the process: after its work, or at once."""
        if kill or not self.arms:  # one without work may still be importing TensorFlow
            self.process.kill()
        else:
            with contextlib.suppress(OSError):
                self.connection.send(None)
        self.process.join()
        self.connection.close()


def _serve(connection: Connection) -> None:
    """What a worker does from beginning to end."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the parent decides
    stopping = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stopping.set())
    threading.Thread(target=_end_with_parent, daemon=True).start()
    with quietly():
        from folklore import epoch

        epoch.devices()
    # Its warning that functions are traced anew: an arm is a new model, so they are.
    logging.getLogger("tensorflow").setLevel(logging.ERROR)
    process = psutil.Process()

    def say(kind: str, answer: Any) -> None:
        connection.send((kind, answer, process.memory_info().rss))

    works: dict[str, Callable[..., Any]] = {
        "resolve": _resolve,
        "facts": _facts,
        "check": _check,
        "train": partial(_train, say, stopping.is_set),
    }
    while True:
        try:
            if (message := connection.recv()) is None:
                return
            work, arguments = message
            answer = works[work](*arguments)
            if stopping.is_set():  # what was under way is saved; another worker may go on with it
                return
            say("done", answer)
        except (ProblemError, DataError) as problem:
            say("problem", str(problem))
        except EOFError:  # the parent is gone
            return
        except epoch.OUT_OF_MEMORY as error:
            say("died", f"ran out of memory ({type(error).__name__})")
            return
        except Exception as error:  # a recipe that cannot be read here, say
            say("problem", f"A worker process could not do its work: {type(error).__name__}: {error}")


def _end_with_parent() -> None:
    """A worker whose parent was killed would go on writing runs that nobody waits for."""
    if (parent := multiprocessing.parent_process()) is not None:
        parent.join()
        os._exit(1)


def _resolve(source: Source, choice: Any) -> tuple[Source, str | None]:
    return resolve(source, choice)


def _facts(name: str, check: Callable[[], Any]) -> list[dict[str, Any]]:
    try:
        found = [asdict(fact) | {"holds": fact.holds} for fact in check()]
        return json.loads(json.dumps(found))
    except (Exception, SystemExit) as error:  # a check is its author's, and may raise anything
        raise ProblemError(f"The check of {name} cannot be run: {type(error).__name__}: {error}") from error


def _check(name: str, task: Task) -> tuple[dict[str, Any], int]:
    from folklore.train import check

    try:
        return check(task)
    except (DataError, ProblemError):
        raise
    except (Exception, SystemExit) as error:  # a model's function is its author's, and may raise anything
        raise ProblemError(f"{name} cannot be trained: {type(error).__name__}: {error}") from error


def checkpoint_seconds() -> float:
    """Seconds between two checkpoints.

    Raises:
        ProblemError: the environment does not say a number.
    """
    given = os.environ.get("FOLKLORE_CHECKPOINT_SECONDS", "30")
    try:
        seconds = float(given)
    except ValueError:
        seconds = math.nan
    if not seconds >= 0:  # so it is for NaN
        raise ProblemError(f"FOLKLORE_CHECKPOINT_SECONDS is {given!r}. Give seconds, such as 30, or inf for none.")
    return seconds


def _train(say: Callable[[str, Any], None], stop: Callable[[], bool], task: Task) -> dict[str, Any]:
    from folklore.train import train

    try:
        return train(task, lambda rows: say("row", rows[-1]), stop, checkpoint_seconds())
    except OSError as error:  # the run's directory cannot be written: there is nowhere to keep this but here
        return {"status": "failed", "error": str(error), "traceback": traceback.format_exc()}
