"""Run directories made by hand, for tests of what reads them."""

from folklore.storage import files, run_directory

DATA = {"name": "diabetes", "source": "bundled", "unit": "score", "sha256": "a" * 64, "rows": {"train": 282}}


def declare(path, hypotheses=(), arms=("base", "arm"), **changes):
    """An experiment about test/rmse; hypotheses are mappings with arm, direction, by."""
    record = {
        "claim": "It helps.",
        "kind": "stat",
        "baseline": "base",
        "metric": {"name": "test/rmse", "goal": "min"},
        "hypotheses": [dict(hypothesis) for hypothesis in hypotheses],
        "may_diverge": [],
        "arms": {arm: recipe_of(arm) for arm in arms},
    }
    files.write_json(path / "experiment.json", record | changes)


def recipe_of(arm):
    """A recipe in which arms differ by their name alone."""
    return {"epochs": 3, "batch_size": 32, "params": {"width": 8, "kind": arm}}


def add_run(path, arm, seed, value=None, history=None, status="done", **changes):
    """A run whose test/rmse is a value; the history maps columns to values."""
    metrics = {"test/rmse": value, "validation/rmse": 1.0} if status == "done" else {}
    record = {
        "arm": arm, "seed": seed, "status": status, "data": DATA, "metrics": metrics, "recipe": recipe_of(arm),
        "identity": arm, "selected_epoch": 1 if status == "done" else None, "versions": {"keras": "3.15.1"},
        "code": {"commit": "c" * 40, "sha256": "d" * 64}, "machine": "A machine", "seconds": {"total": 2.0},
    }  # fmt: skip
    run = path / arm / f"seed-{seed}"
    columns = {"epoch": [1, 2, 3], "seconds": [1, 2, 3]} | (history or {})
    run_directory.write_history(
        run, [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
    )
    run_directory.finish(run, record | changes)


def study(path):
    """An experiment of six seeds with curves and probes, in which the arm's error is 2 smaller than the baseline's."""
    declare(path, [{"arm": "arm", "direction": "better", "by": 0.5}])
    for seed in range(6):
        for arm, shift in (("base", 0), ("arm", -2)):
            history = {
                "train/rmse": [9 + shift, 8 + shift, 7 + shift],
                "validation/rmse": [9 + shift + seed, 8 + shift, 7.5 + shift],
                "probe/std/hidden_1": [1, 1, 1 + seed],
                "probe/std/hidden_2": [1, 1, 2],
                "probe/std/hidden_10": [1, 1, 3],
                "probe/dead_units": [0, 0.1, 0.2],
            }
            add_run(path, arm, seed, 10 + seed + shift, history)
    return path
