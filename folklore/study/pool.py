"""Many runs: workers that import TensorFlow once and take runs one after another.

The process that hands out the runs imports no TensorFlow. An engine starts the workers, here or on other machines. When
a worker dies, another worker resumes its run, once.
"""

from __future__ import annotations

import contextlib
import pickle
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from data import Source
from folklore.errors import ProblemError, WorkerDiedError
from folklore.storage import run_directory
from folklore.study.engines.local import Local
from folklore.study.engines.near_end import Engine, NearEnd
from folklore.study.resources import Resources
from folklore.study.waiting import Job, Waiting
from folklore.study.worker import Examined

if TYPE_CHECKING:
    from folklore.task import Task

Report = Callable[["Task", dict[str, float]], None]
FIT_SECONDS = 10.0  # between two looks at how many workers the runs that are left want
FAILED_STARTS = 3  # of each worker, one after another, before the study gives up


class Pool:
    """Workers, for use in a `with` statement.

    Args:
        resources: how many workers, with how many threads each, on which GPUs.
        say: shows a line to the user.
        engine: starts the workers; None takes processes of this machine.
        clock: returns seconds.
    """

    def __init__(
        self,
        resources: Resources,
        say: Callable[[str], None] = lambda text: None,
        engine: Engine | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.resources, self.say, self.engine, self.clock = resources, say, engine or Local(), clock
        self._workers: list[NearEnd] = []
        self._failed_starts = 0
        self._fitted = clock()

    def __enter__(self) -> Pool:
        """The pool; all its workers start together with the first job, and what they import is imported from now on."""
        self.engine.prepare(self.resources)
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        """End the workers; after an error at once, after an interruption once the runs under way are saved."""
        if kind is not None and issubclass(kind, KeyboardInterrupt):
            with contextlib.suppress(KeyboardInterrupt):  # a second one: leave at once
                self._save()
        for worker in self._workers:
            worker.end(kill=kind is not None)
        self._workers = []
        self.engine.close()

    def _save(self) -> None:
        """Let the workers save the runs that they train at the end of their epochs."""
        training = [worker for worker in self._workers if worker.job and worker.job.work == "train_run"]
        if training:
            self.say(f"Saving the {len(training)} runs under way at the end of their epochs; Ctrl-C leaves at once.")
        for worker in training:
            worker.ask_to_stop()
        while busy := [worker for worker in training if worker.job]:
            for worker in self.engine.wait(busy):
                worker.read()

    def use(self, resources: Resources) -> bool:
        """Replace the workers if these resources differ from the present ones; return whether they do."""
        if changed := resources != self.resources:
            for worker in self._workers:
                worker.end()
            self._workers, self.resources = [], resources
        return changed

    def find_source(self, source: Source, choice: str) -> tuple[Source, str | None]:
        """`data.resolve` in a worker: a first download of Fashion-MNIST imports Keras."""
        ((_, (stands_in, why)),) = self._work([Job("find_source", (source, choice))])
        return source.stand_in if stands_in and source.stand_in else source, why

    def compute_facts(self, name: str, check: Callable[[], Any]) -> list[dict[str, Any]]:
        """The facts of an experiment's check, computed in a worker, since networks are built for it. JSON-able.

        Raises:
            ProblemError: the check fails, or returns something other than facts.
        """
        ((_, answer),) = self._work([Job("compute_facts", (name, check))])
        return list(answer)

    def examine_arms(self, arms: Mapping[tuple[str, ...], Task]) -> dict[tuple[str, ...], Examined]:
        """Load the data and build the model of every arm once; return what was found of each.

        Raises:
            ProblemError: the data is unavailable, or Keras refuses an option; nothing has been trained or written yet.
            WorkerDiedError: a worker was killed.
        """
        jobs = [Job("examine_arm", (f"{arm[0]}, arm {arm[1]!r}", task), arm, tag=arm) for arm, task in arms.items()]
        return {job.tag: Examined(*answer) for job, answer in self._work(jobs)}  # a list, from another machine

    def train_all(self, tasks: Iterable[Task], report: Report) -> Iterator[tuple[Task, dict[str, Any]]]:
        """Train; yield each task with its record as it ends.

        If possible a worker receives a run of an arm that it has compiled. `report` is called with a task and an empty
        row when it is given to a worker, then with its newest row a few times a second.
        """
        jobs = [Job("train_run", (task,), (task.experiment, task.arm), tag=task) for task in tasks]
        for job, record in self._work(jobs, lambda job, row: report(job.tag, row), self._fit):
            yield job.tag, record

    def _work(
        self,
        jobs: Sequence[Job],
        report: Callable[[Job, Any], None] = lambda job, row: None,
        fit: Callable[[int], None] = lambda waiting: None,  # in other steps, all workers stay for the training
    ) -> Iterator[tuple[Job, Any]]:
        waiting = Waiting(jobs)
        if waiting and not self._workers:
            self._workers = [self._new_worker(number) for number in range(self.resources.workers)]
        while waiting or any(worker.job for worker in self._workers):
            fit(len(waiting))
            for worker in list(self._workers):
                if worker.job is None and worker.ready and waiting:
                    if worker.is_worn() or not worker.is_alive():
                        worker.end()
                        worker = self._replace(worker)
                        if not worker.ready:
                            continue
                    given = waiting.take_for(worker, self._workers)
                    self._give(worker, given)
                    report(given, {})
            for worker in self.engine.wait([worker for worker in self._workers if worker.job or not worker.ready]):
                job = worker.job
                kind, answer = worker.read()
                if kind == "row":
                    report(job, answer)
                elif kind == "ready":
                    self._failed_starts = 0
                elif kind == "died" and job is None:
                    self._start_again(worker, answer)
                elif kind == "died":
                    self._replace(worker)
                    if job.attempts < self.engine.attempts(job.work):
                        waiting.put_first(job)
                    elif job.work == "train_run":
                        yield job, _lost(job, answer)
                    else:
                        raise WorkerDiedError(
                            f"The worker process that examined the experiment {answer}. "
                            "Nothing was changed. Give the same command again, with fewer --jobs."
                        )
                elif kind == "problem":
                    raise ProblemError(answer)
                else:
                    yield job, answer

    def _start_again(self, worker: NearEnd, how: str) -> None:
        """Replace a worker that ended before it was ready.

        Raises:
            WorkerDiedError: so many did, one after another, that something else must be wrong.
        """
        self._failed_starts += 1
        if self._failed_starts > FAILED_STARTS * len(self._workers):
            raise WorkerDiedError(f"No worker could be started: the last one {how}.")
        self._replace(worker)

    def _fit(self, waiting: int) -> None:
        """Once in a while, let workers leave or start, until they are as many as the engine wants for the runs left.

        Those leave that have no job: first those that have not started, then those that have compiled least.
        """
        if self.clock() - self._fitted < FIT_SECONDS:
            return
        self._fitted = self.clock()
        idle = sorted((w for w in self._workers if not w.job), key=lambda w: (w.ready, len(w.trained)))
        wanted = self.engine.wanted(self.resources, waiting + len(self._workers) - len(idle))
        for worker in idle[: max(0, len(self._workers) - wanted)]:
            worker.end()
            self._workers.remove(worker)
        while len(self._workers) < wanted:
            self._workers.append(self._new_worker(1 + max((worker.number for worker in self._workers), default=-1)))

    def _give(self, worker: NearEnd, job: Job) -> None:
        job.attempts += 1
        try:
            worker.give(job)
        except (pickle.PicklingError, AttributeError, TypeError) as error:
            raise ProblemError(
                f"A recipe cannot be sent to a worker process: {error}. Define the model's function, the check and "
                "each callback at the top level of a module, under a name that nothing else there has."
            ) from None

    def _replace(self, worker: NearEnd) -> NearEnd:
        new = self._workers[self._workers.index(worker)] = self._new_worker(worker.number)
        return new

    def _new_worker(self, number: int) -> NearEnd:
        worker: NearEnd = self.engine.start(number, self.resources)
        return worker


def _lost(job: Job, how: str) -> dict[str, Any]:
    """The record of a run whose workers died, stored where the run is."""
    task = job.tag
    error = f"{job.attempts} times its worker process {how}"
    record = task.record() | {"status": "failed", "error": error, "traceback": ""}
    try:
        run_directory.finish(task.path, record)
    except OSError:  # only the caller can keep it then
        return record
    return record
