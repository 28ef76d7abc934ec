"""Tuning: the runs it needs, and the points it chooses."""

import dataclasses
import json

import pytest

from data import diabetes
from folklore import Experiment, Metric, Recipe
from folklore.errors import DeclarationError, ProblemError
from folklore.storage import run_directory
from folklore.study import tuning
from models import mlp

RATES = (0.001, 0.01, 0.1)
BASE = Recipe(model=mlp, data=diabetes, grid={"optimizer.learning_rate": RATES})
EXPERIMENT = Experiment(
    claim="It helps.",
    arms={"base": BASE, "arm": BASE.but(params=dict(dropout=0.5)), "fixed": BASE.but(grid={})},
    baseline="base",
    metric=Metric("test/rmse", goal="min"),
)


def tasks(logdir, fresh=False):
    return tuning.tasks("t.e", EXPERIMENT, logdir, {}, fresh=fresh)


def score(logdir, values):
    """Every tuning run of an arm at a rate ends with a validation loss; None diverges."""
    for task in tasks(logdir, fresh=True):
        value = values[task.arm, task.recipe.optimizer_options["learning_rate"]]
        record = task.record() | {
            "status": "diverged" if value is None else "done",
            "metrics": {} if value is None else {"validation/rmse": value, "validation/loss": -value},
            "data": {"name": "", "source": "", "unit": "", "sha256": ""},
        }
        run_directory.finish(task.path, record)


def rates(*losses):
    return dict(zip(RATES, losses, strict=True))


def scores(base, arm):
    return {("base", rate): loss for rate, loss in rates(*base).items()} | {
        ("arm", rate): loss for rate, loss in rates(*arm).items()
    }


def test_every_arm_is_tuned_at_every_point_with_every_seed(tmp_path):
    wanted = tasks(tmp_path)
    assert len(wanted) == 2 * 3 * 6
    assert {task.seed for task in wanted} == set(tuning.SEEDS)
    assert min(tuning.SEEDS) > 1000  # not a seed of the comparison
    assert {task.recipe.optimizer_options["learning_rate"] for task in wanted if task.arm == "arm"} == set(RATES)
    assert all(not task.recipe.grid for task in wanted)
    assert len({task.path for task in wanted}) == len(wanted)


def test_finished_tuning_runs_are_skipped(tmp_path):
    score(tmp_path, scores((1, 2, 3), (1, 2, 3)))
    assert tasks(tmp_path) == []
    assert len(tasks(tmp_path, fresh=True)) == 36


def test_tuning_runs_of_another_recipe_are_not_overwritten(tmp_path):
    score(tmp_path, scores((1, 2, 3), (1, 2, 3)))
    longer = dataclasses.replace(EXPERIMENT, arms={a: r.but(epochs=r.epochs + 1) for a, r in EXPERIMENT.arms.items()})
    with pytest.raises(ProblemError, match=r"another recipe: epochs was \d+ and is now \d+"):
        tuning.tasks("t.e", longer, tmp_path, {}, fresh=False)
    assert len(tuning.tasks("t.e", longer, tmp_path, {}, fresh=True)) == 36


def test_each_arm_has_its_own_best_point(tmp_path):
    score(tmp_path, scores((3, 1, 2), (2, 1, None)))
    found = tuning.tuned("t.e", EXPERIMENT, tmp_path)
    assert found.keys() == {"base", "arm"}
    assert found["base"].best == {"optimizer.learning_rate": 0.01}
    assert found["arm"].edges == {}
    assert [row.mean for row in found["base"].tried] == [3, 1, 2]
    assert json.loads(json.dumps(found["arm"].to_dict()))["best"] == {"optimizer.learning_rate": 0.01}


def test_points_are_compared_by_what_arms_are_compared_by(tmp_path):
    score(tmp_path, scores((3, 1, 2), (3, 1, 2)))  # the loss, which selects epochs, ranks them the other way
    base = tuning.tuned("t.e", EXPERIMENT, tmp_path)["base"]
    assert (base.monitor, base.goal, base.best) == ("validation/rmse", "min", {"optimizer.learning_rate": 0.01})


def test_collapsed_point_is_never_best(tmp_path):
    score(tmp_path, scores((3, 1, 2), (3, 1, 2)))
    for task in tasks(tmp_path, fresh=True):
        if task.recipe.optimizer_options["learning_rate"] == 0.01:
            record = json.loads((task.path / "run.json").read_text())
            run_directory.finish(task.path, record | {"collapse": {"epoch": 1, "reason": "no better than a constant"}})
    assert tuning.tuned("t.e", EXPERIMENT, tmp_path)["base"].best == {"optimizer.learning_rate": 0.1}


@pytest.mark.parametrize(("losses", "rate", "side"), [((1, 2, 3), 0.001, "downwards"), ((3, 2, 1), 0.1, "upwards")])
def test_best_value_at_grid_edge_names_direction_to_widen(tmp_path, losses, rate, side):
    score(tmp_path, scores(losses, (3, 1, 2)))
    found = tuning.tuned("t.e", EXPERIMENT, tmp_path)
    assert found["base"].edges == {"optimizer.learning_rate": (rate, side)}


def test_point_with_diverged_run_is_never_best(tmp_path):
    values = scores((3, None, 2.5), (3, 1, 2))
    score(tmp_path, values)
    assert tuning.tuned("t.e", EXPERIMENT, tmp_path)["base"].best == {"optimizer.learning_rate": 0.1}


@pytest.mark.parametrize(
    ("grid", "message"),
    [
        ({"optimizer.learning_rate": (0.1, 0.2)}, "Give three values or more"),
        ({"optimizer.learning_rate": 0.1}, "Give three values or more"),
        ({"optimizer.learnin_rate": RATES}, "Did you mean 'learning_rate'?"),
        (
            {"optimiser.learning_rate": RATES},
            "Recipes have no setting 'optimiser.learning_rate'. Did you mean 'optimizer'",
        ),
        ({"params.widht": (1, 2, 3)}, "The model mlp was given 'widht'"),
        ({"optimizer.learning_rate": (0.1, 0.2, -1)}, "learning_rate is -1"),
        (3, "grid is 3. Give a mapping"),
    ],
)
def test_invalid_grid_is_refused_at_declaration(grid, message):
    with pytest.raises(DeclarationError) as refusal:
        BASE.but(grid=grid)
    assert message in str(refusal.value)


def test_grid_of_two_settings_has_all_combinations():
    recipe = BASE.but(grid={"optimizer.learning_rate": RATES, "batch_size": (16, 32, 64)})
    points = list(recipe.points())
    assert len(points) == 9
    assert recipe.at(points[-1]).batch_size == 64
    assert recipe.at(points[-1]).optimizer["learning_rate"] == 0.1
