"""Many runs: worker processes that import TensorFlow once and take arms, whole, one after another.

The process that hands the runs out imports no TensorFlow. Workers are spawned, not forked: TensorFlow's threads do not
survive a fork.
"""

from __future__ import annotations

import logging
import multiprocessing
import os
import pickle
import queue
import threading
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import TYPE_CHECKING, Any

from data import DataError, Source, resolve
from folklore.errors import ProblemError, WorkerDiedError
from folklore.quiet import quietly

if TYPE_CHECKING:
    from folklore.spec import Recipe
    from folklore.task import Task

Report = Callable[["Task", dict[str, float]], None]
_reports: Any = None  # in a worker: the queue on which it tells how far it is


class Pool:
    """Worker processes, for use in a `with` statement.

    Args:
        jobs: how many.
        threads: threads that each computes with.
    """

    def __init__(self, jobs: int, threads: int) -> None:
        # TensorFlow reads these when it is imported; a worker may import it before any code of ours runs there.
        os.environ.update(environment(threads))
        context = multiprocessing.get_context("spawn")
        self._queue = context.Queue()
        self._executor = ProcessPoolExecutor(jobs, context, initializer=_start_worker, initargs=(self._queue,))

    def __enter__(self) -> Pool:
        """The pool; its workers start with their first work."""
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        """Wait for the workers; kill them where the work was broken off."""
        if kind is not None:
            for process in list((self._executor._processes or {}).values()):
                process.kill()
        self._executor.shutdown(cancel_futures=True)

    def resolve(self, source: Source, choice: str) -> tuple[Source, str | None]:
        """`data.resolve` in a worker: a first download of Fashion-MNIST imports Keras."""
        return self._result(self._executor.submit(_resolve, source, choice))

    def check(self, arms: Mapping[str, Recipe]) -> None:
        """Load the data and build the model of every arm once.

        Raises:
            ProblemError: the data cannot be had, or Keras refuses an option; nothing has been trained or written yet.
        """
        for future in [self._executor.submit(_check, name, recipe) for name, recipe in arms.items()]:
            self._result(future)

    def train(self, groups: Sequence[Sequence[Task]], report: Report) -> Iterator[tuple[Task, dict[str, Any]]]:
        """Train groups of tasks; yield each task with its record as it ends.

        The tasks of a group share a worker and so one compiled program. `report` is called with a task and its newest
        row a few times a second.

        Raises:
            WorkerDiedError: a worker was killed.
        """
        tasks = {task.path: task for group in groups for task in group}
        futures = [self._executor.submit(_train_group, group) for group in groups]
        while tasks:
            try:
                path, row, record = self._queue.get(timeout=0.3)
            except queue.Empty:
                for future in futures:
                    if future.done():
                        self._result(future)
                continue
            if record is None:
                report(tasks[path], row)
            else:
                yield tasks.pop(path), record

    def _result(self, future: Future[Any]) -> Any:
        try:
            return future.result()
        except BrokenProcessPool:
            raise WorkerDiedError(
                "A worker process died, perhaps for lack of memory. Finished runs are kept: give the same command "
                "again, with fewer --jobs."
            ) from None
        except DataError as error:
            raise ProblemError(str(error)) from None
        except pickle.PicklingError as error:
            raise ProblemError(
                f"A recipe cannot be handed to a worker process: {error}. Give the model's function a name of its own "
                "at the top level of its module, which nothing else there has."
            ) from None


def environment(threads: int) -> dict[str, str]:
    """The environment in which a worker imports TensorFlow."""
    return {
        "KERAS_BACKEND": "tensorflow",
        "TF_ENABLE_ONEDNN_OPTS": "1",  # convolutions are twice as fast with it; off by default on some processors
        "TF_CPP_MIN_LOG_LEVEL": "3",  # its graph optimizer reports, as errors, passes that it merely skips
        "TF_FORCE_GPU_ALLOW_GROWTH": "true",
        "TF_NUM_INTRAOP_THREADS": str(threads),
        "TF_NUM_INTEROP_THREADS": str(threads),
        "OMP_NUM_THREADS": str(threads),
    }


def default_jobs(groups: int) -> int:
    """One worker a core, at most four and one a group; one in all where there is a GPU, which they would share."""
    if any(Path("/dev").glob("nvidia[0-9]*")):
        return 1
    return max(1, min(cores(), groups, 4))


def cores() -> int:
    """The processors that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def default_threads() -> int:
    """Threads a worker computes with. Sums over more threads round differently, so this hangs on the machine alone:
    equal seeds give equal results whatever the number of workers.
    """
    return max(1, cores() // 4)


def _start_worker(reports: Any) -> None:
    global _reports
    _reports = reports
    threading.Thread(target=_end_with_parent, daemon=True).start()
    with quietly():
        from folklore import epoch

        epoch.devices()
    # Its warning that functions are traced anew: an arm is a new model, so they are.
    logging.getLogger("tensorflow").setLevel(logging.ERROR)


def _end_with_parent() -> None:
    """A worker whose parent was killed would go on writing runs that nobody waits for."""
    if (parent := multiprocessing.parent_process()) is not None:
        parent.join()
        os._exit(1)


def _resolve(source: Source, choice: Any) -> tuple[Source, str | None]:
    return resolve(source, choice)


def _check(name: str, recipe: Recipe) -> None:
    from folklore.train import check

    try:
        check(recipe)
    except DataError:
        raise
    except (Exception, SystemExit) as error:  # a model's function is its author's, and may raise anything
        raise ProblemError(f"{name} cannot be trained: {type(error).__name__}: {error}") from error


def _train_group(tasks: Sequence[Task]) -> None:
    from folklore.train import train

    for task in tasks:
        try:
            record = train(task, lambda rows, path=task.path: _reports.put((path, rows[-1], None)))  # type: ignore[misc]
        except OSError as error:  # the run's directory cannot be written: there is nowhere to keep this but here
            record = {"status": "failed", "error": str(error), "traceback": traceback.format_exc()}
        _reports.put((task.path, None, record))
