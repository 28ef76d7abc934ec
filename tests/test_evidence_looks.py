"""Looks at the verdicts: they are recorded, they count, and seeds or looks that are gone are named."""

import os
import shutil

import pytest

from folklore.evidence import ledger, sequential
from folklore.evidence.compare import compare
from tests.asked import BETTER, ask, edit, stored, ten_seeds
from tests.conftest import add_run


@pytest.fixture
def path(tmp_path):
    return ten_seeds(tmp_path / "topic.experiment")


def test_looks_that_were_cut_off_are_named(path):
    ledger.record_look(path, compare(path))
    for arm, value in (("base", 20), ("arm", 18.1)):
        add_run(path, arm, 10, value, asked=ledger.head(path))
    assert compare(path).warnings == []
    edit(path, lambda record: record["ledger"].pop())
    assert compare(path).warnings == ["the ledger was edited: 2 runs carry an entry that it no longer holds"]


def test_look_at_withheld_verdict_is_none(path):
    shutil.rmtree(path / "arm" / "seed-3")
    assert compare(path).judged_seeds == [0]


def test_reordered_hypotheses_keep_their_looks(path):
    second = BETTER | {"direction": "not worse"}
    ask(path, [BETTER, second])
    ledger.record_look(path, compare(path))
    ask(path, [second, BETTER])
    assert [ledger.most_seen(stored(path), place) for place in range(2)] == [10, 10]
    assert compare(path).warnings == ["the hypothesis 'arm' not worse was added after 20 runs"]


def test_deleted_last_seeds_are_named_after_look(path):
    ledger.record_look(path, compare(path))
    shutil.rmtree(path / "arm" / "seed-9")
    reason = "its verdict was read at 10 seeds, and 9 are left: run the experiment again"
    assert compare(path).hypotheses[0].withheld == reason


def test_end_that_was_moved_after_look_is_named(path):
    ledger.record_look(path, compare(path))
    edit(path, lambda record: record.update(end=100))
    assert compare(path).warnings == ["the planned end changed from 30 to 100 seeds by hand"]


def test_look_is_recorded_once_and_counts(path):
    for _ in range(2):
        ledger.record_look(path, compare(path))
    assert [entry.look for entry in stored(path).ledger] == [None, [10]]
    for seed in range(10, 12):
        for arm, value in (("base", 10 + seed), ("arm", 8 + seed)):
            add_run(path, arm, seed, value)
    assert compare(path).hypotheses[0].looks == [10, 12]
    assert compare(path).warnings == []


def test_too_few_seeds_are_no_look(tmp_path):
    ask(tmp_path)
    for seed in range(3):
        for arm in ("base", "arm"):
            add_run(tmp_path, arm, seed, seed)
    ledger.record_look(tmp_path, compare(tmp_path))
    assert len(stored(tmp_path).ledger) == 1


def test_other_metric_judges_whole_family(path):
    other = BETTER | {"metric": {"name": "validation/rmse", "goal": "min"}}
    ask(path, [BETTER, other])
    both, (one,) = compare(path).hypotheses, compare(path, "test/rmse").hypotheses
    assert one == both[0]
    assert one.confidence == 1 - sequential.level((10,), alpha=sequential.ALPHA / 2)
    assert compare(path, "test/rmse").judged_seeds == [10, 0]  # the other has no spread, so it has no verdict


def test_unwritable_directory_is_said_and_compared(path, monkeypatch):
    compared = compare(path)

    def refuse(file, record):
        raise PermissionError(13, os.strerror(13), str(file))

    monkeypatch.setattr(ledger.files, "write_json", refuse)
    assert ledger.record_look(path, compared).warnings == ["this look could not be recorded: Permission denied"]


def test_planned_end_is_fixed_once_verdicts_were_read(path):
    assert ledger.planned_end(None, 8) == 30
    assert ledger.planned_end(None, 40) == 40
    assert ledger.planned_end(stored(path), 60) == 60  # nobody has looked yet
    ledger.record_look(path, compare(path))
    assert ledger.planned_end(stored(path), 60) == 30


def test_seeds_after_planned_end_rest_on_e_value(path):
    ledger.record_look(path, compare(path))
    for seed in range(10, 32):
        add_run(path, "base", seed, 10 + seed)
        add_run(path, "arm", seed, 9.7 + seed + (seed % 2))
    found = compare(path)
    assert "32 seeds are more than the planned 30: verdicts rest on e-values alone" in found.notes
    assert (found.hypotheses[0].e_value > 100) == (found.hypotheses[0].verdict == "supported")
