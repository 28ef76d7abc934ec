"""The claim book: kept results, and the page of claims that is made of them."""

from pathlib import Path

import pytest

from folklore.declare import catalog
from folklore.report import html, summary

DOCS = Path(__file__).parent.parent / "docs"
FILES = sorted((DOCS / "results").glob("*.json"))


def test_claims_are_made_of_the_kept_results():
    assert FILES
    assert (DOCS / "claims.md").read_text(encoding="utf-8") == html.claims([summary.read(file) for file in FILES])


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_a_kept_result_is_small_on_real_data_and_of_an_experiment_that_there_is(file):
    assert file.stat().st_size < 50_000
    compared = summary.read(file).comparison
    declared = catalog.find([compared.experiment])[compared.experiment]
    assert compared.claim == declared.claim
    assert set(compared.arms) == set(declared.arms)
    assert compared.data.source == "real"
    assert len(compared.hypotheses) == len(declared.hypotheses)
    for hypothesis in compared.hypotheses:
        assert hypothesis.verdict != "undecided" or hypothesis.withheld or hypothesis.n >= 30
