"""What may come from a trained network and what is a run's own: layers, preprocessing, the seed of the start."""

import io
import json

import numpy as np
import pytest
from rich.console import Console

import data
from data import Preprocessing
from folklore import Experiment, Metric
from folklore.errors import ProblemError
from folklore.study import plan, tuning
from folklore.study.request import Request
from folklore.study.run import run_studies
from folklore.training.transfer import carry_over, from_run
from models import cnn
from tests.test_training_transfer import GO_ON, IMAGES, changed, run, source, weights

pytestmark = pytest.mark.compile

RATES = {"optimizer.learning_rate": (1e-3, 3e-3, 1e-2)}


@pytest.fixture(scope="module")
def logdir(tmp_path_factory):
    folder = tmp_path_factory.mktemp("logs")
    run(IMAGES, folder, experiment="topic.before")
    return folder


@pytest.mark.parametrize(
    ("copied", "own", "same"),
    [
        ("stage_1_pool", {}, {"stage_1_conv_1", "stage_1_conv_1_bn"}),
        ("stage_1_pool", {"convolutions": 2, "filters": (4, 8)}, None),  # stage_1_conv_2 stands before the pool
        ("stage_1_conv_1_bn", {"convolutions": 2, "filters": (4, 8)}, {"stage_1_conv_1", "stage_1_conv_1_bn"}),
    ],
)
def test_layers_are_copied_up_to_named_one_and_rest_is_fresh(copied, own, same, logdir):
    model, theirs = cnn((8, 8, 1), 10, **{**IMAGES.params, **own}), source(logdir).model
    fresh = weights(model)
    if same is None:
        with pytest.raises(ProblemError, match=r"stage_1_conv_2 .* has no such layer: only the head may differ"):
            carry_over(theirs, model, "there", copied)
        return
    carry_over(theirs, model, "there", copied)
    assert changed(fresh, weights(model)) == same
    expected = weights(theirs)
    for name in same:
        for one, other in zip(weights(model)[name], expected[name], strict=True):
            np.testing.assert_array_equal(one, other)


def test_layer_that_is_not_there_cannot_be_last_copied(logdir):
    with pytest.raises(ProblemError, match=r"copied is 'stage_1_pol', which is not a layer of cnn\. Did you mean"):
        carry_over(source(logdir).model, source(logdir).model, "there", "stage_1_pol")


@pytest.mark.parametrize("scaler", ["standard", "minmax"])
def test_preprocessing_may_be_own(scaler, logdir, tmp_path):
    (tmp_path / "topic.before").symlink_to(logdir / "topic.before")
    run(GO_ON.but(transfer={"scaler": "own"}, scaler=scaler), tmp_path)
    after = from_run(tmp_path / "topic.after" / "arm" / "seed-3")
    assert after.preprocessing == Preprocessing.fit(scaler, data.digits(3, train_size=32))
    assert after.preprocessing != source(logdir).preprocessing


def test_tuning_run_starts_from_run_with_its_number(tmp_path):
    arms = {"arm": GO_ON.but(grid=RATES), "base": IMAGES}
    study = Experiment(claim="?", arms=arms, baseline="base", metric=Metric("test/loss", goal="min"))
    searches = tuning.tasks("topic.after", study, tmp_path, {}, fresh=False)
    starts = {tmp_path / "topic.before" / "arm" / f"seed-{seed}" for seed in range(6)}
    assert {search.start for search in searches} == starts
    with pytest.raises(ProblemError, match=r"no finished run\. Train it first: .* run topic\.before --seeds 6"):
        plan.refuse_missing_starts(searches, tmp_path)


@pytest.mark.process
def test_arm_with_grid_is_tuned_and_trained_from_start(tmp_path):
    small, loss, console = IMAGES.but(epochs=1), Metric("test/loss", goal="min"), Console(file=io.StringIO(), width=200)
    before = Experiment(claim="?", arms={"arm": small}, baseline="arm", metric=loss, seeds=6)
    arms = {"arm": small.but(transfer=GO_ON.transfer, grid=RATES), "scratch": small.but(grid=RATES)}
    after = Experiment(claim="?", arms=arms, baseline="scratch", metric=loss, seeds=1)
    for name, study in (("topic.before", before), ("topic.after", after)):
        assert run_studies({name: study}, console, Request(logdir=tmp_path, jobs=1)) == 0, console.file.getvalue()
    (file,) = tmp_path.glob("topic.after/.tuning/arm/*=0.001/seed-1000002/run.json")
    assert json.loads(file.read_text())["start"]["run"].endswith("topic.before/arm/seed-2")
