"""The `run` command with real workers, on a few rows of bundled data."""

import dataclasses
import io
import json
import shutil
import subprocess
import sys
from contextlib import contextmanager

import numpy as np
import pytest
from rich.console import Console

import data
from data.dataset import sha256
from data.source import Source, Whole
from folklore import Experiment, Fact, Hypothesis, Metric, Recipe
from folklore.declare.recipe import SETTINGS
from folklore.declare.settings import parse_settings
from folklore.errors import ProblemError
from folklore.evidence.compare import compare
from folklore.storage import files, run_paths
from folklore.study import plan
from folklore.study import run as study_run
from folklore.study.request import Request
from models import mlp
from tests.conftest import BASE, NARROW_OR_WIDE, run

pytestmark = [pytest.mark.process, pytest.mark.usefixtures("warm_workers")]


def records(logdir):
    paths = sorted(logdir.glob("topic.width/*/seed-*/run.json"))
    return {f"{p.parts[-3]}/{p.parts[-2]}": json.loads(p.read_text()) for p in paths}


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    logdir = tmp_path_factory.mktemp("logs")
    return logdir, *run(NARROW_OR_WIDE, logdir, jobs=2)


def test_every_arm_trains_with_every_seed(study):
    logdir, failures, printed = study
    assert failures == 0
    assert sorted(records(logdir)) == ["narrow/seed-0", "narrow/seed-1", "wide/seed-0", "wide/seed-1"]
    assert all(record["status"] == "done" for record in records(logdir).values())
    assert "wide  seed 1  test/accuracy" in printed
    assert "against baseline" in printed
    assert "python -m experiments board topic.width --logdir" in printed


def test_arms_are_paired(study):
    trained_on = {name: record["data"]["train_sha256"] for name, record in records(study[0]).items()}
    assert trained_on["narrow/seed-0"] == trained_on["wide/seed-0"]
    assert trained_on["narrow/seed-1"] == trained_on["wide/seed-1"]
    assert trained_on["narrow/seed-0"] != trained_on["narrow/seed-1"]


def test_stored_runs_can_be_compared(study):
    compared = compare(study[0] / "topic.width")
    assert [compared.arms[arm].n for arm in ("narrow", "wide")] == [2, 2]
    assert compared.data.source == "bundled"
    assert compared.unfinished == 0


def test_finished_runs_are_skipped_and_seeds_added(study, tmp_path):
    logdir = study[0].rename(tmp_path / "logs")
    before = {path: path.stat().st_mtime_ns for path in logdir.rglob("run.json")}
    failures, printed = run(NARROW_OR_WIDE, logdir, seeds=3, jobs=1)
    after = {path: path.stat().st_mtime_ns for path in logdir.rglob("run.json")}
    logdir.rename(study[0])
    assert failures == 0
    assert "4 runs already done" in printed
    assert "other code" not in printed
    assert len(after) == 6
    assert {path: after[path] for path in before} == before


def test_runs_by_other_code_are_counted(study):
    tasks = plan.tasks_of("topic.width", NARROW_OR_WIDE.arms, 2, study[0], {"code": {"sha256": "another"}})
    assert [(task.arm, task.seed) for task in plan.made_by_other_code(tasks)] == [
        ("narrow", 0), ("narrow", 1), ("wide", 0), ("wide", 1),
    ]  # fmt: skip


def test_equal_seeds_give_equal_runs_with_one_or_two_workers(study, tmp_path):
    run(NARROW_OR_WIDE, tmp_path, seeds=1, jobs=1)
    one, two = records(tmp_path), records(study[0])
    for name in one:
        assert one[name]["metrics"] == two[name]["metrics"]


def test_another_recipe_is_refused_and_runs_are_kept(study):
    before = {path: path.read_bytes() for path in study[0].rglob("*.json")}
    with pytest.raises(ProblemError, match=r"another recipe: epochs was 2 and is now 9.*--fresh"):
        run(NARROW_OR_WIDE, study[0], epochs=9, jobs=1)
    assert {path: path.read_bytes() for path in study[0].rglob("*.json")} == before


def test_finished_run_without_history_is_trained_again(study, tmp_path):
    logdir = shutil.copytree(study[0], tmp_path / "logs")
    run = logdir / "topic.width" / "wide" / "seed-1"
    (run / "history.csv").unlink()
    tasks = plan.tasks_of("topic.width", NARROW_OR_WIDE.arms, 2, logdir, {})
    assert [task.path for task in plan.remaining(tasks)] == [run]


def test_fresh_moves_earlier_runs_aside(study, tmp_path):
    run(NARROW_OR_WIDE, tmp_path, seeds=1, jobs=1)
    _, printed = run(NARROW_OR_WIDE, tmp_path, seeds=1, jobs=1, epochs=1, fresh=True)
    assert "are now in" in printed
    assert records(tmp_path)["wide/seed-0"]["epochs"] == 1
    assert len(list(tmp_path.glob(".aside/topic.width-*/wide/seed-0/DONE"))) == 1


def test_auto_uses_stand_in_if_real_set_is_unavailable(monkeypatch, tmp_path):
    # A proxy on a port where nothing listens: the workers find no network.
    for variable in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"):
        monkeypatch.setenv(variable, "http://127.0.0.1:9")
    monkeypatch.setenv("SCIKIT_LEARN_DATA", str(tmp_path / "empty"))
    table = BASE.but(data=data.california_housing)
    experiment = dataclasses.replace(
        NARROW_OR_WIDE, arms={"narrow": table, "wide": table}, metric=Metric("test/rmse", goal="min")
    )
    failures, printed = run(experiment, tmp_path / "logs", seeds=1, jobs=1)
    assert failures == 0
    assert "diabetes stands in for california_housing" in " ".join(printed.split())
    record = records(tmp_path / "logs")["wide/seed-0"]
    assert (record["data"]["name"], record["data"]["source"]) == ("diabetes", "bundled")
    with pytest.raises(ProblemError, match="SCIKIT_LEARN_DATA"):
        run(experiment, tmp_path / "other", seeds=1, jobs=1, data="real")
    assert not (tmp_path / "other").exists()


def test_option_refused_by_keras_fails_before_anything_is_written(tmp_path):
    with pytest.raises(ProblemError, match=r"topic.width, arm 'narrow' cannot be trained.*'relu'"):
        run(NARROW_OR_WIDE, tmp_path / "logs", settings=("params.activation=rleu",), jobs=1)
    assert not (tmp_path / "logs").exists()


def test_divergence_is_failure_unless_expected(tmp_path):
    arms = {
        "calm": BASE,
        "wild": BASE.but(optimizer=dict(name="sgd", learning_rate=1e20), params=dict(activation="linear")),
    }
    experiment = dataclasses.replace(NARROW_OR_WIDE, arms=arms, baseline="calm", hypothesis=())
    failures, printed = run(experiment, tmp_path, seeds=1, jobs=1)
    assert failures == 1
    assert "wild  seed 0  diverged in epoch" in printed
    expected = dataclasses.replace(experiment, may_diverge=("wild",))
    assert run(expected, tmp_path, seeds=1, jobs=1, fresh=True)[0] == 0
    assert compare(tmp_path / "topic.width").arms["wild"].failed == 1


def two_outputs_for_one(input_shape, outputs):
    return mlp(input_shape, outputs + 1)


def leaves(input_shape, outputs):
    sys.exit(0)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"model": two_outputs_for_one},
            r"two_outputs_for_one gave an output of shape \(None, 11\).*needs \(None, 10\)",
        ),
        ({"model": leaves}, "cannot be trained: SystemExit: 0"),
        ({"optimizer": {"name": "adam", "beta_1": "abc"}}, "'narrow' cannot be trained: .*adam was given .*'abc'"),
    ],
)
def test_untrainable_recipe_fails_before_anything_is_written(tmp_path, changes, message):
    recipe = dataclasses.replace(BASE, params={}, **changes)
    experiment = dataclasses.replace(NARROW_OR_WIDE, arms={"narrow": recipe, "wide": recipe})
    with pytest.raises(ProblemError, match=message):
        run(experiment, tmp_path / "logs", seeds=1, jobs=1)
    assert not (tmp_path / "logs").exists()


def test_failed_run_is_replaced_by_another_recipe(tmp_path):
    path = run_paths.run_path(tmp_path, "topic.width", "narrow", 0)
    files.write_json(path / "run.json", {"status": "failed", "identity": "another", "recipe": {}})
    tasks = plan.tasks_of("topic.width", NARROW_OR_WIDE.arms, 1, tmp_path, {})
    plan.refuse_other_recipes(tasks)
    assert [task.arm for task in plan.remaining(tasks)] == ["narrow", "wide"]


def test_settings_of_same_optimizer_merge_in_either_order():
    wanted = {"optimizer": {"name": "sgd", "learning_rate": 0.1}}
    settings = ["optimizer=sgd", "optimizer.learning_rate=0.1"]
    assert parse_settings(settings, SETTINGS) == parse_settings(settings[::-1], SETTINGS) == wanted
    with pytest.raises(ProblemError, match=r"params is set to 5 and params\.width to 3\. Give one"):
        parse_settings(["params=5", "params.width=3"], SETTINGS)


def test_workers_end_with_parent_process():
    code = (
        "import os, data\nfrom folklore.study.resources import Resources\nfrom folklore.study.pool import Pool\n"
        "if __name__ == '__main__':\n"
        "    pool = Pool(Resources(1, 1))\n"
        "    print(pool.find_source(data.digits, 'real')[0].name, flush=True)\n"
        "    os.kill(os.getpid(), 9)\n"
    )
    # The worker holds its end of this pipe: reading it to its end waits until the worker is gone.
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert (ended.returncode, ended.stdout.strip()) == (-9, "digits")


def test_seeds_are_added_by_look_until_hypotheses_are_decided(tmp_path):
    clear = Hypothesis("wide", "better", by=0.01, against=-1.0)  # as any accuracy is
    unclear = Hypothesis("narrow", "no difference", by=1e-9)
    arms = NARROW_OR_WIDE.arms | {"again": BASE.but(stream=1)}
    experiment = dataclasses.replace(NARROW_OR_WIDE, arms=arms, hypothesis=(clear, unclear), baseline="again")
    failures, printed = run(experiment, tmp_path, jobs=1, until_decided=True, max_seeds=13)
    assert failures == 0
    counts = {arm: len(list((tmp_path / "topic.width" / arm).glob("seed-*/DONE"))) for arm in arms}
    assert counts == {"wide": 12, "narrow": 13, "again": 13}
    assert "SUPPORTED" in printed
    assert "UNDECIDED" in printed


def test_arms_are_tuned_once_before_training(tmp_path):
    grid = {"optimizer.learning_rate": (1e-6, 0.02, 1e3)}
    tuned = dataclasses.replace(NARROW_OR_WIDE, arms=NARROW_OR_WIDE.but(grid=grid, epochs=1))
    run(tuned, tmp_path, jobs=1)
    compared = compare(tmp_path / "topic.width")
    assert compared.tuning["wide"].best == {"optimizer.learning_rate": 0.02}
    assert len(compared.tuning["narrow"].tried) == 3
    assert all(record["recipe"]["optimizer"]["learning_rate"] == 0.02 for record in records(tmp_path).values())
    _, printed = run(tuned, tmp_path, jobs=2)
    assert "4 runs already done" in printed
    assert "ended" not in printed


def facts_of_arithmetic():
    yield Fact("Two and two", 4, 2 + 2)
    yield Fact("A list", [1], [2])


def test_exact_claim_is_computed_in_worker(tmp_path):
    failures, printed = run(Experiment(claim="Sums.", check=facts_of_arithmetic), tmp_path, jobs=1)
    assert failures == 0
    assert "HOLDS: Two and two: 4" in printed
    assert "DOES NOT HOLD: A list: [2], expected [1]" in printed
    assert not list(tmp_path.glob("topic.width/*/"))


def no_facts():
    raise KeyError("arithmetic")


def test_failed_check_is_named_and_nothing_is_written(tmp_path):
    with pytest.raises(ProblemError, match=r"The check of topic\.width cannot be run: KeyError: 'arithmetic'"):
        run(Experiment(claim="Sums.", check=no_facts), tmp_path / "logs", jobs=1)
    assert not (tmp_path / "logs").exists()


def holed():
    x, y = np.ones((40, 3)), np.arange(40.0)
    x[7, 1] = np.nan
    return Whole(x, y, sha256(x, y))


def test_data_with_nan_is_refused_before_anything_is_written(tmp_path):
    source = Source(name="holed", task="regression", source="bundled", load=holed)
    experiment = Experiment(
        claim="Holes do no harm.",
        arms={"narrow": Recipe(model=mlp, data=source)},
        baseline="narrow",
        metric=Metric("test/rmse", goal="min"),
    )
    with pytest.raises(ProblemError, match="holed: x holds NaN or infinity in 1 of 40 rows"):
        run(experiment, tmp_path / "logs", jobs=1)
    assert not (tmp_path / "logs").exists()


@pytest.mark.parametrize("given", ["abc", "", "nan", "-1"])
def test_invalid_checkpoint_seconds_are_refused_before_anything_is_written(given, tmp_path, monkeypatch):
    monkeypatch.setenv("FOLKLORE_CHECKPOINT_SECONDS", given)
    with pytest.raises(ProblemError, match="Give seconds"):
        run(NARROW_OR_WIDE, tmp_path / "logs")
    assert not (tmp_path / "logs").exists()


def test_markup_in_messages_is_printed_literally(tmp_path, monkeypatch):
    @contextmanager
    def waits(logdir, experiments, say):
        say(f"waiting for {logdir}[/y]")
        raise ProblemError("enough")
        yield

    monkeypatch.setattr(study_run, "locked", waits)
    console = Console(file=io.StringIO(), width=300)
    with pytest.raises(ProblemError, match="enough"):
        study_run.run_studies({"topic.width": NARROW_OR_WIDE}, console, Request(logdir=tmp_path))
    assert "[/y]" in console.file.getvalue()
