"""The claim book: kept results, and the page of claims made from them."""

from pathlib import Path

import pytest

from folklore.declare import catalog
from folklore.errors import ProblemError
from folklore.report import claims, summary
from folklore.storage import files

DOCS = Path(__file__).parent.parent / "docs"
FILES = sorted((DOCS / "results").glob("*.json"))


def test_claims_page_matches_kept_results():
    assert FILES
    assert (DOCS / "claims.md").read_text(encoding="utf-8") == claims.as_markdown(
        [summary.read(file) for file in FILES]
    )


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_kept_result_is_small_real_and_matches_its_experiment(file):
    assert file.stat().st_size < 50_000
    compared = summary.read(file).comparison
    declared = catalog.find([compared.experiment])[compared.experiment]
    assert compared.claim == declared.claim
    assert set(compared.arms) == set(declared.arms)
    assert compared.data.source == "real"
    assert len(compared.hypotheses) == len(declared.hypotheses)
    for hypothesis in compared.hypotheses:
        # Verdicts of the first edition were judged again, by stricter rules.
        decided = hypothesis.verdict != "undecided" or compared.edition == "first"
        assert decided or hypothesis.withheld or hypothesis.n >= 30


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_first_edition_is_judged_again_and_marked(file):
    kept = files.read_json(file)
    compared = summary.read(file).comparison
    assert (kept["format"] == 1) == (compared.edition == "first")
    for before, now in zip(kept["comparison"]["hypotheses"], compared.hypotheses, strict=True):
        if not isinstance(now.arm, list):  # trends now take their arms' numeric values
            assert now.effect == pytest.approx(before["effect"], rel=1e-3, abs=1e-6)
        assert now.n == before["n"]
        assert now.n >= 8 or now.verdict == "undecided"


def test_first_trends_take_numeric_values():
    (file,) = (file for file in FILES if file.stem == "regularization.dropout_regression")
    trend = summary.read(file).comparison.hypotheses[0]
    equally_far = files.read_json(file)["comparison"]["hypotheses"][0]["effect"]
    assert trend.effect > equally_far  # most of the change comes from .2 to .5
    assert len(trend.steps) == 4


def test_kept_result_of_first_format_that_lacks_something_is_named(tmp_path):
    content = files.read_json(FILES[0])
    del content["comparison"]["arms"]
    files.write_json(tmp_path / "a.json", content)
    with pytest.raises(ProblemError, match=r"a\.json is damaged: arms is missing"):
        summary.read(tmp_path / "a.json")
