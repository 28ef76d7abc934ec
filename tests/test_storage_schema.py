"""Record types: valid content is kept unchanged; the first misfit of invalid content is named."""

import pytest

from folklore.storage.schema import EndedRun, MisfitError, StoredExperiment

EXPERIMENT = {
    "claim": "It helps.",
    "baseline": "base",
    "arms": {"base": {}, "arm": {"epochs": 3}},
    "metric": {"name": "test/rmse", "goal": "min"},
    "hypotheses": [{"arm": "arm", "direction": "worse", "by": 1}],
}
DATA = {"name": "diabetes", "source": "bundled", "unit": "", "sha256": "b", "rows": {"train": 3}}
RUN = {"status": "done", "identity": "a", "recipe": {"epochs": 3}, "data": DATA, "metrics": {"a": 1.5, "b": None}}


def hypothesis(**changes):
    return EXPERIMENT | {"hypotheses": [EXPERIMENT["hypotheses"][0] | changes]}


@pytest.mark.parametrize(
    ("kind", "content"),
    [
        (StoredExperiment, EXPERIMENT),
        (StoredExperiment, EXPERIMENT | {"kind": None, "a key of later versions": [1]}),
        (StoredExperiment, hypothesis(arm=["base", "arm", "more"], against=5)),
        (EndedRun, RUN),
        (EndedRun, RUN | {"metrics": {"whole": 2, "large": 10**30, "part": 0.5}}),
        (EndedRun, RUN | {"data": DATA | {"input_shape": [8]}, "code": {"changed": False}, "": 0, "to_dict": 1}),
    ],
)
def test_valid_content_is_kept_unchanged(kind, content):
    kept = kind.of(content).to_dict()
    assert kept == content
    assert repr(sorted(kept.items())) == repr(sorted(content.items()))  # 1 is not 1.0


def test_missing_optional_key_reads_as_none():
    assert (StoredExperiment.of(EXPERIMENT).tuning, EndedRun.of(RUN).versions) == (None, None)


@pytest.mark.parametrize(
    ("kind", "content", "place"),
    [
        (StoredExperiment, {}, "claim"),
        (StoredExperiment, EXPERIMENT | {"metric": {"name": "test/rmse", "goal": "up"}}, "metric/goal"),
        (StoredExperiment, EXPERIMENT | {"metric": {"goal": "min"}}, "metric/name"),
        (StoredExperiment, EXPERIMENT | {"metric": [[]]}, "metric"),
        (StoredExperiment, hypothesis(by=True), "hypotheses/0/by"),
        (StoredExperiment, hypothesis(arm=5), "hypotheses/0/arm"),
        (StoredExperiment, hypothesis(arm=["b", 1]), "hypotheses/0/arm/1"),
        (StoredExperiment, EXPERIMENT | {"end": "30"}, "end"),
        (StoredExperiment, EXPERIMENT | {"facts": [{"statement": "x", "holds": 1}]}, "facts/0/holds"),
        (StoredExperiment, EXPERIMENT | {"tuning": {"arm": {"edges": {"x": 5}}}}, "tuning/arm/edges/x"),
        (EndedRun, RUN | {"status": "running"}, "status"),
        (EndedRun, RUN | {"metrics": {"test/rmse": "0.5"}}, "metrics/test/rmse"),
        (EndedRun, 5, "all of it"),
    ],
)
def test_first_misfit_is_named(kind, content, place):
    with pytest.raises(MisfitError, match=f"^{place}$"):
        kind.of(content)
