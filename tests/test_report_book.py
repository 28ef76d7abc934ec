"""The claim book: kept results, and the page of claims made from them."""

from pathlib import Path

import pytest

from folklore.declare import catalog
from folklore.report import html, summary

DOCS = Path(__file__).parent.parent / "docs"
FILES = sorted((DOCS / "results").glob("*.json"))


def test_claims_page_matches_kept_results():
    assert FILES
    assert (DOCS / "claims.md").read_text(encoding="utf-8") == html.claims([summary.read(file) for file in FILES])


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
        assert hypothesis.verdict != "undecided" or hypothesis.withheld or hypothesis.n >= 30
