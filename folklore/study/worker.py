"""A worker process: this end of it, and what runs at the other."""

from __future__ import annotations

import json
import logging
import math
import multiprocessing
import os
import signal
import threading
import traceback
from collections.abc import Callable
from dataclasses import asdict
from functools import partial
from multiprocessing.connection import Connection
from typing import TYPE_CHECKING, Any

import psutil

from data import DataError, Source, resolve
from folklore.errors import ProblemError
from folklore.tf_stderr import quietly

if TYPE_CHECKING:
    from folklore.task import Task


def serve(connection: Connection) -> None:
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
    from folklore.training.preflight import check

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
    from folklore.training.train import train

    try:
        return train(task, lambda rows: say("row", rows[-1]), stop, checkpoint_seconds())
    except OSError as error:  # the run's directory cannot be written: there is nowhere to keep this but here
        return {"status": "failed", "error": str(error), "traceback": traceback.format_exc()}
