"""The far end of a worker process: the jobs that it does."""

from __future__ import annotations

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
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import psutil

from data import DataError, Source, resolve
from folklore.cache_folder import cache_folder
from folklore.errors import ProblemError
from folklore.own_code import place
from folklore.tf_stderr import quietly

if TYPE_CHECKING:
    import keras

    from folklore.epoch import KeptPrograms
    from folklore.task import Task


class UnfitError(Exception):
    """This machine cannot do a job, and another may."""


class Ends(Protocol):
    """What is needed of a connection to the pool."""

    def recv(self) -> Any:
        """The next job; None says that there are no more."""

    def send(self, message: Any, /) -> None:
        """Say something: its kind, the answer, and the bytes of memory that this process takes."""


def serve(connection: Connection, environment: Mapping[str, str]) -> None:
    """Do the jobs that arrive, until there are no more; with these environment variables and no others."""
    os.environ.clear()
    os.environ.update(environment)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the parent decides
    stopping = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stopping.set())
    threading.Thread(target=_end_with_parent, daemon=True).start()
    do_jobs(connection, stopping.is_set, train_run)


def do_jobs(connection: Ends, stop: Callable[[], bool], train_run: Callable[..., dict[str, Any]]) -> None:
    """Do the jobs that arrive, until there are no more.

    Args:
        connection: to the pool.
        stop: whether the run that is trained shall be saved and left unfinished.
        train_run: called with functions to say something and to ask `stop`, and a job's arguments.
    """
    with quietly():
        from folklore import epoch

        programs = epoch.kept_programs(cache_folder() / "programs")
    # It warns that functions are traced again: an arm is a new model, so they are.
    logging.getLogger("tensorflow").setLevel(logging.ERROR)
    process = psutil.Process()

    def say(kind: str, answer: Any) -> None:
        connection.send((kind, answer, process.memory_info().rss))

    works: dict[str, Callable[..., Any]] = {
        "find_source": _find_source,
        "compute_facts": _compute_facts,
        "examine_arm": _examine_arm,
        "train_run": partial(train_run, say, stop),
    }
    with programs:
        with quietly():
            epoch.devices()
        _do_each(connection, works, programs, say, stop)


def _do_each(
    connection: Ends,
    works: Mapping[str, Callable[..., Any]],
    programs: KeptPrograms,
    say: Callable[[str, Any], None],
    stop: Callable[[], bool],
) -> None:
    from folklore.epoch import OUT_OF_MEMORY

    while True:
        try:
            if (message := connection.recv()) is None:
                return
            work, arguments = message
            with programs.shared():
                answer = works[work](*arguments)
            if stop():  # the run is saved; another worker may resume it
                return
            say("done", answer)
        except (ProblemError, DataError) as problem:
            say("problem", str(problem))
        except EOFError:  # the parent is gone
            return
        except UnfitError as error:
            say("died", str(error))
            return
        except OUT_OF_MEMORY as error:
            say("died", f"ran out of memory ({type(error).__name__})")
            return
        except Exception as error:  # for example a recipe that cannot be read here
            say("problem", f"A worker process could not do its work: {type(error).__name__}: {error}")


def _end_with_parent() -> None:
    """End this process with its parent: nobody would wait for the runs that it went on writing."""
    if (parent := multiprocessing.parent_process()) is not None:
        parent.join()
        os._exit(1)


def _find_source(source: Source, choice: Any) -> tuple[bool, str | None]:
    """Whether the source's stand-in is to be used, and why; answers are plain data, whatever machine gives them."""
    found, why = resolve(source, choice)
    return found != source, why


def _compute_facts(name: str, check: Callable[[], Any]) -> list[dict[str, Any]]:
    try:
        found = [asdict(fact) | {"holds": fact.holds} for fact in check()]
        return json.loads(json.dumps(found))
    except (Exception, SystemExit) as error:  # a check is its author's, and may raise anything
        problem = f"The check of {name} cannot be run: {type(error).__name__}: {error}{place(error)}"
        raise ProblemError(problem) from error


class Examined(NamedTuple):
    """What the examination of an arm found.

    Attributes:
        choice: its mode, as `epoch.Choice.to_dict`.
        size: about how many bytes a run takes beside TensorFlow itself.
        network: the diagram of its network, an SVG; "" where it cannot be drawn.
    """

    choice: dict[str, Any]
    size: int
    network: str


def _examine_arm(name: str, task: Task) -> Examined:
    from folklore.training.preflight import examine_arm

    try:
        choice, size, model = examine_arm(task)
        return Examined(choice, size, _diagram(task.recipe.model.__name__, model))
    except (DataError, ProblemError):
        raise
    except (Exception, SystemExit) as error:  # a model's function is its author's, and may raise anything
        raise ProblemError(f"{name} cannot be trained: {type(error).__name__}: {error}{place(error)}") from error


def _diagram(name: str, model: keras.Model) -> str:
    from folklore.describe.anatomy import anatomy
    from folklore.describe.diagram.svg import diagram

    try:
        return diagram(name, anatomy(model))
    except Exception:  # a network that cannot be drawn, with layers of its author's, can be trained
        return ""


def checkpoint_seconds() -> float:
    """Seconds between two checkpoints.

    Raises:
        ProblemError: the environment variable FOLKLORE_CHECKPOINT_SECONDS is not a number of seconds.
    """
    given = os.environ.get("FOLKLORE_CHECKPOINT_SECONDS", "30")
    try:
        seconds = float(given)
    except ValueError:
        seconds = math.nan
    if not seconds >= 0:  # NaN too
        raise ProblemError(
            f"FOLKLORE_CHECKPOINT_SECONDS is {given!r}, which is not a number of seconds. Give seconds, such as 30, or "
            "inf for no checkpoints."
        )
    return seconds


def train_run(say: Callable[[str, Any], None], stop: Callable[[], bool], task: Task) -> dict[str, Any]:
    """Train a run where its task says; rows are said as they come."""
    from folklore.training.train import Control, train

    try:
        return train(task, Control(lambda rows: say("row", rows[-1]), stop, checkpoint_seconds()))
    except OSError as error:  # the run's directory cannot be written: only the caller can keep this
        return {"status": "failed", "error": str(error), "traceback": traceback.format_exc()}
