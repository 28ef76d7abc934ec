"""Curves, result records and HTML pages of hand-made runs."""

import json
import re

import numpy as np
import pytest

from folklore.errors import ProblemError
from folklore.evidence.logs.curves import band
from folklore.evidence.sequential import level
from folklore.evidence.statistics import t_interval
from folklore.report import claims, html, page, plots, summary, tables
from folklore.report.summary import Result
from folklore.storage import files, row_outcomes
from folklore.storage.row_outcomes import RowOutcomes
from tests.conftest import add_run, declare, study

EVIL = "<script>alert(1)</script> & \"'"


@pytest.fixture
def path(tmp_path):
    return study(tmp_path / "topic.experiment")


def test_band_matches_hand_calculation():
    found = band({0: {"x": [1.0, 2.0, 9.0]}, 1: {"x": [3.0, 4.0, 9.0]}, 2: {"x": [5.0]}}, "x")
    assert (found.epochs, found.mean, found.runs) == ([1, 2, 3], [3, 3, 9], [3, 2, 2])
    assert found.hi[0] - 3 == pytest.approx(4.302653 * 2 / 3**0.5)  # spread 2, three runs
    assert (found.lo[2], found.hi[2]) == (9, 9)


def test_band_ends_when_half_the_runs_have_ended():
    assert band({i: {"x": [1.0] * n} for i, n in enumerate((2, 3, 9))}, "x").epochs == [1, 2, 3]
    assert band({0: {"y": [1.0]}}, "x") is None


def test_single_run_has_curve_without_band():
    found = band({0: {"x": [1.0, float("nan")]}}, "x")
    assert found.mean[0] == 1
    assert str(found.lo) == str([float("nan")] * 2)
    assert found.runs == [1, 0]


def test_result_holds_all_that_page_shows(path):
    result = summary.summarise(path)
    assert result.held == {"epochs": 3, "batch_size": 32, "params.width": 8}
    assert result.settings == {"base": {"params.kind": "base"}, "arm": {"params.kind": "arm"}}
    assert result.curves["train/rmse"]["arm"].mean == [7, 6, 5]
    assert result.layers["probe/std"]["base"].layers == ["hidden_1", "hidden_2", "hidden_10"]
    assert result.layers["probe/std"]["base"].mean == [4.5, 2, 3]
    assert (result.runs, result.seconds, result.failures, result.seeds) == (16, 32.0, [], None)
    assert Result.of(json.loads(json.dumps(result.to_dict(), allow_nan=False))) == result


def test_seed_curves_are_included_on_request(path):
    assert summary.summarise(path, seeds=True).seeds["train/rmse"]["arm"]["5"] == [7, 6, 5]


def test_result_lists_failures(path):
    add_run(path, "arm", 8, status="diverged", divergence={"epoch": 2, "reason": "loss is nan"})
    add_run(path, "arm", 9, status="failed", error="ValueError: no")
    assert [(f.seed, f.status, f.what) for f in summary.summarise(path).failures] == [
        (8, "diverged", "epoch 2: loss is nan"),
        (9, "failed", "ValueError: no"),
    ]


def test_kept_result_makes_same_page(path, tmp_path):
    result = summary.summarise(path)
    file = summary.write(result, tmp_path / "kept")
    assert summary.read(file) == result
    html.write([result], tmp_path / "one")
    html.write([summary.read(file)], tmp_path / "two")
    assert (tmp_path / "one" / "claims.md").read_text() == (tmp_path / "two" / "claims.md").read_text()


def test_file_that_is_not_result_is_refused(tmp_path):
    file = tmp_path / "a.json"
    file.write_text("{}")
    with pytest.raises(ProblemError, match="holds no result of an experiment"):
        summary.read(file)


def test_report_works_without_server(path, tmp_path):
    index = html.write([summary.summarise(path, seeds=True)], tmp_path / "out")
    text = (index.parent / "topic.experiment.html").read_text()
    assert 'href="topic.experiment.html"' in index.read_text()
    for one in (index.read_text(), text):
        assert not re.findall(r'(?:src|href)="(?:https?:|/)', one)
    assert "supported" in text
    assert "python -m experiments run topic.experiment --until-decided --data bundled" in text
    assert "every seed" in text
    assert "Mechanism" in text
    scripts = {"page.js", "plotly-basic.min.js"}
    assert {file.name for file in (index.parent / "assets").iterdir()} == {*scripts, "plotly-LICENSE.txt", "style.css"}
    assert sum((index.parent / "assets" / name).stat().st_size for name in scripts) < 1_200_000


def test_options_of_run_command_are_shown(path):
    declared = json.loads((path / "experiment.json").read_text())
    files.write_json(path / "experiment.json", declared | {"options": ["--budget quick", "--set 'a=b c'"]})
    result = summary.summarise(path)
    options = "--budget quick --set 'a=b c'"
    assert page.command(result.comparison) == (
        f"python -m experiments run topic.experiment --until-decided {options} --data bundled"
    )
    assert f"| diabetes (bundled), {options} |" in claims.as_markdown([result])
    assert f"trained with {options}" in tables.about(result.comparison)


def test_claims_page_is_markdown_table(path):
    text = claims.as_markdown([summary.summarise(path)])
    lo, hi = t_interval([2.1, 1.9] * 4, 1 - level((8,)))
    assert f"| It helps. | `topic.experiment` | **supported** | +2.0000 [+{lo:.4f}, +{hi:.4f}] | 8 |" in text


def test_names_from_logs_are_escaped(path, tmp_path):
    declared = json.loads((path / "experiment.json").read_text())
    declared["claim"] = declared["hypotheses"][0]["claim"] = EVIL
    (path / "experiment.json").write_text(json.dumps(declared))
    add_run(path, "base", 8, status="failed", error=EVIL)
    content = summary.summarise(path).to_dict() | {"seeds": None}
    content["comparison"]["experiment"] = f"../{EVIL}"
    for place, by_arm in ((content["comparison"], "arms"), *((content["curves"], name) for name in content["curves"])):
        place[by_arm] = {EVIL if arm == "arm" else arm: value for arm, value in place[by_arm].items()}
    content["layers"] = {EVIL: {EVIL: next(iter(content["layers"]["probe/std"].values()))}}
    index = html.write([Result.of(content)], tmp_path / "deep" / "out")
    pages = list((tmp_path / "deep" / "out").glob("*.html"))
    assert len(pages) == 2
    assert not list((tmp_path / "deep").glob("*.html"))
    for one in [index, *pages]:
        assert "<script>alert" not in one.read_text()


def test_exact_claim_has_page(tmp_path):
    facts = [
        {"statement": "Two and two", "expected": 4, "found": 4, "holds": True},
        {"statement": "Two and three", "expected": 5, "found": 6, "holds": False},
    ]
    declare(tmp_path / "a.b", arms=(), facts=facts, metric=None, baseline="")
    index = html.write([summary.summarise(tmp_path / "a.b")], tmp_path / "out")
    assert "does not hold" in (tmp_path / "out" / "a.b.html").read_text()
    assert "exact" in index.read_text()


def test_arms_of_one_page_have_distinct_styles():
    experiments = [["a", "b", "c"], ["c", "d"], ["d", "a", *map(str, range(9))]]
    style = plots.styles(experiments)
    for arms in experiments:
        assert len({style[arm] for arm in arms}) == len(arms)


def test_more_arms_than_colours_still_have_distinct_styles():
    names = [str(i) for i in range(20)]
    assert len(set(plots.styles([names]).values())) == 20


def test_p_values_are_adjusted_over_whole_book(path):
    content = summary.summarise(path).to_dict()
    content["comparison"]["hypotheses"][0]["p_unadjusted"] = 0.02
    result = Result.of(content)
    content["comparison"]["hypotheses"][0]["effects"]["0"] = 3.0
    other = Result.of(content)
    rows, tested = claims.index_rows([result, other])
    assert (tested, [row.p for row in rows]) == (2, ["0.04", "0.04"])


def test_evidence_that_two_rows_share_counts_once(path):
    content = summary.summarise(path).to_dict()
    content["comparison"]["hypotheses"][0]["p_unadjusted"] = 0.02
    result = Result.of(content)
    rows, tested = claims.index_rows([result, result])
    assert (tested, [row.p for row in rows]) == (1, ["0.02", "0.02"])


def test_page_says_what_intervals_cover_and_what_was_changed(path, tmp_path):
    result = summary.summarise(path)
    html.write([result], tmp_path / "out")
    text = (tmp_path / "out" / "topic.experiment.html").read_text()
    assert "intervals cover seeds" in text.replace("\n", " ")
    assert "Beware: experiment.json has no ledger" in text


def test_size_that_is_open_is_said_in_index_page_and_claims(path, tmp_path):
    declared = json.loads((path / "experiment.json").read_text())
    declared["hypotheses"][0]["by"] = 1.95
    files.write_json(path / "experiment.json", declared)
    index = html.write([summary.summarise(path)], tmp_path / "out")
    for text in (index.read_text(), (tmp_path / "out" / "topic.experiment.html").read_text()):
        assert ">supported, size open</" in text
    assert "**supported, size open** (an even chance by " in (tmp_path / "out" / "claims.md").read_text()


def test_parts_of_variance_are_kept_and_shown_and_rows_are_not(path, tmp_path):
    for seed in range(8):
        for arm in ("base", "arm"):
            error = np.random.default_rng(arm == "arm").normal(size=50).astype(np.float32)  # alike in all seeds
            stated = json.loads((path / arm / f"seed-{seed}" / "run.json").read_text())["metrics"]["test/rmse"]
            unit = stated / np.sqrt(np.mean(error**2))
            row_outcomes.write(path / arm / f"seed-{seed}", RowOutcomes(np.arange(50), error=error, unit=unit))
    result = summary.summarise(path)
    (hypothesis,) = result.comparison.hypotheses
    assert hypothesis.covers == result.comparison.covers == "seeds and test rows"
    assert set(hypothesis.variance) == {"seeds", "rows", "tuning"}
    assert summary.write(result, tmp_path).stat().st_size < 20_000
    html.write([result], tmp_path / "out")
    text = (tmp_path / "out" / "topic.experiment.html").read_text()
    assert re.search(r"0\.\d{4} from seeds, 1\.\d{4} from test rows, 0\.0000 from tuning", text)
    assert re.search(r"\d+% of the variance stays", text)
    assert "intervals cover seeds and test rows" in text.replace("\n", " ")
