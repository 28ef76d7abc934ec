"""Which of the waiting jobs an idle worker takes, and how many workers there are."""

from types import SimpleNamespace

import pytest

from folklore.study.engines.local import Local
from folklore.study.pool import FIT_SECONDS, Pool
from folklore.study.resources import Resources
from folklore.study.waiting import Job, Waiting
from folklore.study.worker import Examined


def worker(built=(), trained=()):
    return SimpleNamespace(arms={*built, *trained}, trained=set(trained))


def jobs(*arms):
    return [Job("train_run", (), arm) for arm in arms]


@pytest.mark.parametrize(
    ("mine", "other", "waiting", "taken"),
    [
        (worker(built="a", trained="b"), worker(trained="c"), "cab", "b"),
        (worker(built="a"), worker(built="b", trained="c"), "cba", "a"),
        (worker(built="ab"), worker(trained="a"), "ab", "b"),
        (worker(), worker(built="b", trained="a"), "ab", "b"),
        (worker(), worker(trained="ab"), "abb", "b"),
    ],
    ids=["trained", "built", "built and not trained by another", "trained by nobody", "most left"],
)
def test_worker_prefers_arms(mine, other, waiting, taken):
    left = Waiting(jobs(*waiting))
    assert left.take_for(mine, [other, mine]).arm == taken
    assert len(left) == len(waiting) - 1


def test_jobs_of_an_arm_keep_their_order_and_one_whose_worker_died_comes_first():
    first, second, third = given = jobs(*"bab")
    waiting = Waiting(given)
    mine = worker(trained="ab")
    assert waiting.take_for(mine, [mine]) is first
    assert waiting.take_for(mine, [mine]) is second
    waiting.put_first(second)
    assert [waiting.take_for(mine, [mine]) for _ in range(2)] == [second, third]
    assert not waiting


class Counted(str):
    """An arm's name that counts how often it is looked up."""

    looked_up = 0

    def __hash__(self):
        Counted.looked_up += 1
        return super().__hash__()


def test_handing_out_a_job_takes_as_long_with_many_jobs_as_with_few():
    def looks(jobs_of_each):
        waiting = Waiting(jobs(*(Counted(arm) for arm in "abc" * jobs_of_each)))
        Counted.looked_up = 0
        waiting.take_for(worker(), [worker(trained="abc")])
        return Counted.looked_up

    assert looks(jobs_of_each=2) == looks(jobs_of_each=200) > 0


class Elastic:
    """An engine whose workers are names: it wants one for each run that is left, up to `most`."""

    def __init__(self, most):
        self.most, self.started, self.ended = most, [], []

    def start(self, number, resources):
        self.started.append(number)
        return SimpleNamespace(
            number=number, job=None, ready=True, trained=set(), end=lambda: self.ended.append(number)
        )

    def wanted(self, resources, left):
        return min(self.most, left)


@pytest.fixture
def pool():
    """A pool of four workers, two of which train; whenever it looks, it is time to look at their number."""
    now = iter(range(0, 10**6, round(FIT_SECONDS)))
    pool = Pool(Resources(4, 1), engine=Elastic(most=4), clock=lambda: next(now))
    pool._workers = [pool._new_worker(number) for number in range(4)]
    for worker in pool._workers[:2]:
        worker.job = "trains"
    return pool


def numbers(pool):
    return [worker.number for worker in pool._workers]


def test_workers_without_work_leave(pool):
    pool._fit(waiting=1)
    assert numbers(pool) in ([0, 1, 2], [0, 1, 3])
    pool._fit(waiting=0)
    assert numbers(pool) == [0, 1]
    assert sorted(pool.engine.ended) == [2, 3]


def test_worker_that_has_not_started_leaves_first_then_one_that_has_compiled_least(pool):
    pool._workers[2].trained = {"a"}
    pool._workers[3].ready = False
    pool._workers[3].trained = {"a", "b"}
    pool._fit(waiting=1)
    assert pool.engine.ended == [3]
    pool._workers.append(pool._new_worker(4))
    pool._fit(waiting=1)
    assert pool.engine.ended == [3, 4]


def test_pool_grows_with_engine_up_to_runs_left(pool):
    pool.engine.most = 9
    pool._fit(waiting=3)
    assert numbers(pool) == [0, 1, 2, 3, 4]
    pool._fit(waiting=30)
    assert numbers(pool) == list(range(9))
    assert pool.engine.ended == []


def test_number_of_workers_is_looked_at_now_and_then(pool):
    pool.clock = lambda: FIT_SECONDS - 1
    pool._fit(waiting=0)
    assert len(numbers(pool)) == 4


def test_workers_of_this_machine_stay_for_next_step():
    resources = Resources(4, 1)
    assert Local().wanted(resources, left=1) == 4


def test_only_training_lets_workers_leave(monkeypatch):
    """After an examination there are runs to train."""
    pool = Pool(Resources(2, 1), engine=Elastic(most=2))
    fitted = []
    monkeypatch.setattr(pool, "_fit", fitted.append)
    monkeypatch.setattr(Elastic, "wait", lambda self, workers: workers, raising=False)
    monkeypatch.setattr(Elastic, "start", lambda self, number, resources: Done(number))
    assert pool.examine_arms({("e", "arm"): "task"}) == {("e", "arm"): Examined({}, 1, "")}
    assert fitted == []
    task = SimpleNamespace(experiment="e", arm="arm")
    assert len(list(pool.train_all([task], lambda task, row: None))) == 1
    assert fitted == [1]
    assert len(pool._workers) == 2


class Done:
    """A worker that has done each job at once."""

    ready, runs = True, 0

    def __init__(self, number):
        self.number, self.job, self.arms, self.trained = number, None, set(), set()

    def is_worn(self):
        return False

    def is_alive(self):
        return True

    def give(self, job):
        self.job = job

    def read(self):
        self.job = None
        return "done", [{}, 1, ""]
