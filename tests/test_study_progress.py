"""The display of runs: a line an arm in a terminal, a line a run in a pipe."""

import io

import pytest
from rich.console import Console

from folklore.study.progress import Progress
from folklore.task import Task
from tests.conftest import NARROW_OR_WIDE

NAME = "topic.width"


def tasks(folder, arm, seeds):
    recipe = NARROW_OR_WIDE.arms[arm]
    return [Task(NAME, arm, seed, recipe, folder / NAME / arm / f"seed-{seed}", {}) for seed in seeds]


def named(folder, name, arm):
    return [Task(name, arm, 0, NARROW_OR_WIDE.arms[arm], folder / name / arm / "seed-0", {})]


def done(accuracy, **changes):
    seconds = {"build": 20.0, "total": 24.0}
    metrics = {"test/accuracy": accuracy, "validation/loss": 1.0}
    return {"status": "done", "metrics": metrics, "selected_epoch": 2, "epochs": 2, "seconds": seconds} | changes


def progress(folder, terminal=True, seeds=3, **options):
    console = Console(file=io.StringIO(), width=100, force_terminal=terminal, color_system=None)
    runs = tasks(folder, "narrow", range(seeds)) + tasks(folder, "wide", range(seeds))
    return Progress(console, runs, {NAME: NARROW_OR_WIDE}, clock=lambda: 7.0, **options), runs


def shown(display):
    console = Console(file=io.StringIO(), width=100, color_system=None)
    console.print(display.table())
    return console.file.getvalue()


def printed(display):
    return display.console.file.getvalue()


def row(display, arm):
    (line,) = (line for line in shown(display).splitlines() if f" {arm} " in f"{line} ")
    return " ".join(line.replace("│", " ").split())


def test_every_arm_has_a_line_from_the_start(tmp_path):
    display, (first, *_) = progress(tmp_path)
    assert row(display, "narrow") == "narrow waiting 0/3 – baseline"
    display.update(first, {})
    assert row(display, "narrow") == "narrow compiling 0/3 – baseline"
    display.update(first, {"epoch": 1, "seconds": 2.0})
    assert row(display, "narrow") == "narrow seed 0, epoch 1 of 2 0/3 – baseline"


def test_line_has_mean_difference_and_leader(tmp_path):
    display, runs = progress(tmp_path)
    for task, accuracy in zip(runs, (0.5, 0.7, 0.6, 0.8, 0.9), strict=False):
        display.end(task, done(accuracy))
    assert row(display, "narrow") == "narrow done 3/3 0.6000 ± 0.1000 baseline"
    assert row(display, "wide") == "wide waiting 2/3 0.8500 ± 0.0707 +0.2500 best"  # of seeds 0 and 1


def test_runs_that_ended_before_count(tmp_path):
    earlier = [(task, done(0.5 + task.seed / 10)) for task in tasks(tmp_path, "narrow", range(3, 5))]
    display, runs = progress(tmp_path, stored=earlier)
    display.end(runs[0], done(0.8))
    assert row(display, "narrow").startswith("narrow waiting 3/5 0.8333")


def test_failures_are_counted_and_have_a_line(tmp_path):
    display, runs = progress(tmp_path)
    display.end(runs[0], done(0.1, collapse={"epoch": 1, "reason": "no better than a constant"}))
    display.end(runs[1], done(0.5))
    assert row(display, "narrow") == "narrow waiting 2/3, 1 failed 0.5000 baseline"
    assert "collapsed: no better than a constant" in printed(display)
    assert "seed 1" not in printed(display)


@pytest.mark.parametrize(("terminal", "verbose", "lines"), [(True, False, 0), (True, True, 1), (False, False, 1)])
def test_every_run_has_a_line_in_a_pipe_or_on_request(tmp_path, terminal, verbose, lines):
    display, runs = progress(tmp_path, terminal, verbose=verbose)
    display.end(runs[0], done(0.5))
    assert printed(display).count("narrow  seed 0  test/accuracy 0.5000, best epoch 2 of 2, 24.0 s") == lines


def test_time_left_leaves_out_what_building_takes(tmp_path):
    display, runs = progress(tmp_path, workers=2)
    assert display.left() == "0:00 so far"
    display.end(runs[0], done(0.5))  # 24 seconds, 20 of them for building the network
    assert display.left() == "more than 0:04 left"  # two of "narrow", four seconds each, by two workers
    display.end(runs[3], done(0.5))
    assert display.left() == "about 0:08 left"
    display.update(runs[1], {"epoch": 1, "seconds": 2.0})
    assert display.left() == "about 0:07 left"


def test_epochs_tell_time_left_before_a_run_has_ended(tmp_path):
    display, runs = progress(tmp_path, seeds=1)
    display.update(runs[0], {"epoch": 1, "seconds": 10.0})
    display.update(runs[1], {"epoch": 1, "seconds": 30.0})
    assert display.left() == "about 0:40 left"  # 10 and 30 seconds for the second epochs


def test_five_hundred_rows_at_once_draw_nothing_themselves(tmp_path):
    """A thread draws, twice a second at most."""
    display, runs = progress(tmp_path, seeds=250)
    drawn = []
    display.live.refresh = lambda: drawn.append(1)
    for task in runs:
        display.update(task, {"epoch": 1, "seconds": 1.0})
    display.end(runs[0], done(0.5))
    assert (len(runs), drawn) == (500, [])
    assert row(display, "wide").startswith("wide seed 0, epoch 1")
    assert display.live.auto_refresh
    assert display.live.refresh_per_second <= 2


def test_display_in_a_pipe_has_no_thread(tmp_path):
    display, _ = progress(tmp_path, terminal=False)
    assert not display.live.auto_refresh


@pytest.mark.parametrize("experiments", [1, 3])
def test_best_arm_is_found_once_for_each_experiment(tmp_path, monkeypatch, experiments):
    runs = [task for n in range(experiments) for arm in NARROW_OR_WIDE.arms for task in named(tmp_path, f"t.{n}", arm)]
    display = Progress(Console(file=io.StringIO()), runs, {task.experiment: NARROW_OR_WIDE for task in runs})
    asked = []
    monkeypatch.setattr(display, "_leader", lambda name: asked.append(name))
    display.table()
    assert asked == [f"t.{n}" for n in range(experiments)]


def test_arms_that_train_come_first_where_terminal_is_too_small(tmp_path):
    display, runs = progress(tmp_path, seeds=1)
    display.console.height = 1
    assert [str(cell) for cell in display.fitting().columns[0].cells] == ["narrow"]
    display.update(runs[1], {"epoch": 1, "seconds": 1.0})
    assert [str(cell) for cell in display.fitting().columns[0].cells] == ["wide"]
    assert display.fitting().caption == "… and 1 arm more"
    display.console.height = 50
    assert [str(cell) for cell in display.fitting().columns[0].cells] == ["narrow", "wide"]
    assert display.fitting().caption is None
