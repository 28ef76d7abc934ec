"""Hand-made studies that were asked as the run command asks, for tests of the ledger."""

import json

from folklore.evidence import ledger
from folklore.storage import files, run_directory
from tests.conftest import add_run, declare

BETTER = {"arm": "arm", "direction": "better", "by": 0.5}


def ask(path, hypotheses=(BETTER,), **changes):
    """Declare as the run command does: the ledger of what is stored goes on."""
    before = run_directory.read_experiment(path)
    declare(path, hypotheses, **changes)
    record = files.read_json(path / "experiment.json")
    runs = sum(run.done for run in run_directory.runs(path))
    end = ledger.planned_end(before, 30)
    entries = ledger.asked(before, record, runs, "c" * 40, end)
    files.write_json(path / "experiment.json", record | {"ledger": entries, "end": end})


def ten_seeds(path):
    """Ten seeds of two arms, asked before they were run."""
    ask(path)
    for seed in range(10):
        add_run(path, "base", seed, 10 + seed + 0.1 * (seed % 3))
        add_run(path, "arm", seed, 8 + seed)
    return path


def edit(path, change):
    """Change experiment.json by hand."""
    record = json.loads((path / "experiment.json").read_text())
    change(record)
    files.write_json(path / "experiment.json", record)


def stored(path):
    """The experiment's declaration, as it is stored."""
    return run_directory.read_experiment(path)
