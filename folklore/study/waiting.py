"""The jobs that wait for a worker, by arm, so that handing out ten thousand runs looks at each of them once."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from folklore.study.engines.near_end import NearEnd

Arm = tuple[str, ...]


@dataclass(eq=False)
class Job:
    """A job for a worker: which of its functions to call, the arguments, and the arm that it belongs to."""

    work: str
    arguments: tuple[Any, ...]
    arm: Arm = ()
    tag: Any = None  # identifies the job to the caller
    attempts: int = 0


class Waiting:
    """Jobs in their order. Choosing one takes as long as there are arms, however many jobs wait.

    Example:
        >>> waiting = Waiting([Job("train_run", (), ("wide",)), Job("train_run", (), ("narrow",))])
        >>> len(waiting)
        2
    """

    def __init__(self, jobs: Iterable[Job]) -> None:
        self._by_arm: dict[Arm, deque[tuple[int, Job]]] = {}
        self._left = self._first = 0
        for place, job in enumerate(jobs):
            self._by_arm.setdefault(job.arm, deque()).append((place, job))
            self._left += 1

    def __len__(self) -> int:
        """How many wait."""
        return self._left

    def put_first(self, job: Job) -> None:
        """A job whose worker died comes before all others."""
        self._first -= 1
        self._by_arm.setdefault(job.arm, deque()).appendleft((self._first, job))
        self._left += 1

    def take_for(self, worker: NearEnd, workers: Sequence[NearEnd]) -> Job:
        """The next job of an arm that the worker has trained, and so compiled; else of one that no other has, if
        possible one that it has built; else of the arm with the most jobs left.
        """
        arm = self._first_of(worker.trained)
        if arm is None:
            others = {arm for other in workers if other is not worker for arm in other.trained}
            arm = self._first_of(worker.arms - others)
            if arm is None:
                arm = self._first_of(self._by_arm.keys() - others)
        if arm is None:
            arm = min(self._by_arm, key=lambda arm: (-len(self._by_arm[arm]), self._place(arm)))
        _, job = self._by_arm[arm].popleft()
        if not self._by_arm[arm]:
            del self._by_arm[arm]
        self._left -= 1
        return job

    def _first_of(self, arms: Iterable[Arm]) -> Arm | None:
        """That of these arms whose next job comes first; None where none has a job."""
        return min((arm for arm in arms if arm in self._by_arm), key=self._place, default=None)

    def _place(self, arm: Arm) -> int:
        return self._by_arm[arm][0][0]
