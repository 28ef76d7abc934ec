"""What an experiment's page holds beside its verdicts: settings, curves, pictures, diagrams, ledger, words, colours."""

import re
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest
from plotly.offline import get_plotlyjs_version

from callbacks.event_file import EventFile
from callbacks.pictures import image_summary, png
from folklore.report import drawings, html, page, plots, summary
from folklore.report.summary import KeptBand
from folklore.storage import files as stored_files
from folklore.storage import run_directory
from tests.asked import BETTER, ask, ten_seeds
from tests.conftest import add_run, declare, recipe_of

ASSETS = files("folklore.report").joinpath("assets")
GLOSSARY = Path(__file__).parent.parent / "docs" / "glossary.md"


def text_of(path, out):
    html.write([summary.summarise(path, seeds=True)], out)
    return (out / f"{path.name}.html").read_text(encoding="utf-8")


def test_settings_are_one_table_without_defaults(stored):
    result = summary.summarise(stored).model_copy(
        update={
            "settings": {"base": {"params.kind": "a"}, "arm": {"params.kind": "b", "params.widths": [8, 16]}},
            "held": {"epochs": 3, "batch_size": 32, "optimizer.name": "adam", "patience": None, "probes": [],
                     "scaler": "standard", "schedule": "cosine", "params.rates": [0.1, 0.2]},
        }
    )  # fmt: skip
    content = page.content(result, plots.styles([["base", "arm"]]))
    assert [arm["name"] for arm in content["arms"]] == ["base", "arm"]
    assert content["settings"] == [("params.kind", ["a", "b"]), ("params.widths", [None, "8, 16"])]  # None: default
    assert content["fixed"] == [("epochs", "3"), ("schedule", "cosine"), ("params.rates", "0.1, 0.2")]


def test_page_shows_docstring_note_and_ledger(tmp_path):
    path = ten_seeds(tmp_path / "topic.experiment")
    ask(path, [BETTER | {"by": 0.7}], note="A critic asks for a second recipe.", about="Does it help?\n\nOn tables.")
    text = text_of(path, tmp_path / "out")
    assert "Note: A critic asks for a second recipe." in text
    assert "<p>Does it help?</p><p>On tables.</p>" in text
    entries = [entry.what for entry in summary.summarise(path).ledger]
    assert entries == [
        "Asked: It helps. By test/rmse (min). 'arm' better, δ = 0.5.",
        "Changed: δ of the hypothesis 'arm' better changed from 0.5 to 0.7.",
        "Verdicts were read at 10 seeds.",
    ]
    for entry in entries:
        assert entry.replace("'", "&#39;") in text


def test_scale_of_curves_fits_the_last_two_thirds():
    epochs = list(range(1, 10))
    mean = [1e6, 1e3, 3.0, 1.2, 1.1, 1.0, 1.0, 1.0, 1.0]
    band = KeptBand(epochs=epochs, mean=mean, lo=mean, hi=mean, runs=[3] * 9)
    drawn = plots.curves("loss", {"validation": {"a": band}}, plots.styles([["a"]]), None)
    least, most = drawn.layout.yaxis.range
    assert 0 < least < 1.0
    assert 3.0 < most < 5.0
    assert list(drawn.data[1].y) == mean  # nothing is lost: a double click shows all
    said = plots.said_of_curves("loss", {"validation": {"a": band}})
    assert said == "loss over epochs: validation. In the last epoch, validation: a 1.0000."


def test_every_plot_says_what_it_shows(stored, tmp_path):
    text = text_of(stored, tmp_path / "out")
    said = re.findall(r'class="plot" id="([^"]+)" role="img" aria-label="([^"]+)"', text)
    assert {"plot-strip", "plot-curves-rmse", "plot-layers-0"} <= {name for name, _ in said}
    assert len(said) == text.count('class="plot"')
    assert (
        "test/rmse (score) of every seed, arm beside arm. Means and intervals: base 13.5 [" in dict(said)["plot-strip"]
    )


def test_last_picture_of_first_run_is_on_page(stored, tmp_path):
    before = summary.summarise(stored)
    old, new = np.zeros((2, 3, 3), np.uint8), np.full((2, 3, 3), 255, np.uint8)
    for seed in (0, 1):
        events = EventFile(stored / "arm" / f"seed-{seed}" / "validation")
        for step, picture in ((1, old), (3, new)):
            events.add_summary(image_summary("confusion_matrix", [picture], "about"), step)
        events.close()
        add_run(stored, "arm", seed, 8.1, recipe=recipe_of("arm") | {"pictures": ["confusion"]})
    drawn = drawings.pictures(list(run_directory.runs(stored)))
    assert [(one.arm, one.seed, one.tag, one.epoch) for one in drawn] == [("arm", 0, "confusion_matrix", 3)]
    result = before.model_copy(update={"pictures": drawn})
    html.write([result], tmp_path / "out")
    text = (tmp_path / "out" / "topic.experiment.html").read_text("utf-8")
    (source,) = re.findall(r'src="(assets/[^"]+png)" alt="confusion matrix, arm, seed 0, epoch 3"', text)
    assert (tmp_path / "out" / source).read_bytes() == png(new)
    assert summary.read(tmp_path / "out" / "results" / "topic.experiment.json").pictures is None  # it stays small


def test_arms_of_one_network_share_a_diagram(stored, tmp_path):
    for arm in ("base", "arm"):
        stored_files.write_text(stored / arm / "network.svg", "<svg>same</svg>")
    text = text_of(stored, tmp_path / "out")
    (source,) = re.findall(r'src="(assets/[^"]+svg)" alt="Diagram of the network of base, arm"', text)
    assert (tmp_path / "out" / source).read_text() == "<svg>same</svg>"
    assert drawings.lay_out("stem", [], {}).files == {}  # of older runs there is none


def test_pages_link_to_their_neighbours(stored, tmp_path):
    result = summary.summarise(stored)
    others = [result.model_copy(update={"comparison": result.comparison.model_copy(update={"experiment": name})})
              for name in ("a.one", "a.two", "a.three")]  # fmt: skip
    html.write(others, tmp_path / "out")
    text = (tmp_path / "out" / "a.two.html").read_text()
    assert re.findall(r'rel="(prev|next)" href="([^"]+)"', text) == [("prev", "a.one.html"), ("next", "a.three.html")]
    assert 'rel="prev"' not in (tmp_path / "out" / "a.one.html").read_text()
    assert 'rel="next"' not in (tmp_path / "out" / "a.three.html").read_text()


def test_index_links_to_each_of_several_hypotheses(stored, tmp_path):
    declare(stored, [BETTER, BETTER | {"claim": "It helps much.", "by": 1.9}])
    text = text_of(stored, tmp_path / "out")
    links = re.findall(r'<a href="topic.experiment.html#([^"]+)"', (tmp_path / "out" / "index.html").read_text("utf-8"))
    assert links == ["claim-1", "claim-2"]
    assert set(links) <= set(re.findall(r'id="([^"]+)"', text))


def test_tables_have_scopes_and_headings_have_anchors(stored, tmp_path):
    text = text_of(stored, tmp_path / "out")
    assert not re.findall(r"<th(?! scope=)", text.replace("<thead", ""))
    identities = re.findall(r'\bid="([^"]+)"', text)
    assert len(identities) == len(set(identities))
    assert set(re.findall(r'href="#([^"]+)"', text)) == set(re.findall(r'<h2 id="([^"]+)"', text)) <= set(identities)


def test_every_word_on_pages_is_in_the_glossary():
    text = files("folklore.report").joinpath("templates", "words.html").read_text("utf-8")
    words = re.findall(r"<dt>(.+?)</dt>", text)
    assert words == sorted(words, key=lambda word: word.replace("δ (delta)", "delta").replace("-", ""))
    defined = re.findall(r"^## (.+)$", GLOSSARY.read_text("utf-8"), re.M)
    assert set(words) <= set(defined)


def test_script_draws_figures_of_the_pinned_plotly():
    head = ASSETS.joinpath("plotly-basic.min.js").read_text("utf-8")[:200]
    assert f"plotly.js (basic - minified) v{get_plotlyjs_version()}" in head
    assert "MIT license" in head


def schemes():
    """The colours of the light scheme, and those of the dark one."""
    style = ASSETS.joinpath("style.css").read_text("utf-8")
    light, dark = re.findall(r":root(?:\:not\(\[data-print\]\))? \{([^}]*--page[^}]*)\}", style)
    return [dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6})", block)) for block in (light, dark)]


def luminance(colour):
    """WCAG 2.2, "relative luminance"."""
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one, other):
    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("scheme", schemes(), ids=["light", "dark"])
def test_colours_have_contrast_of_aa(scheme):
    words = ("ink", "quiet", "link", "supported", "refuted", "no-practical-difference", "undecided")
    assert {
        name: contrast(scheme[name], scheme["page"]) for name in words if contrast(scheme[name], scheme["page"]) < 4.5
    } == {}
    assert contrast(scheme["ink"], scheme["panel"]) >= 4.5
    assert contrast(scheme["ink"], scheme["beware"]) >= 4.5
    arms = [scheme[f"arm-{place}"] for place in range(len(plots.COLOURS))]
    assert [arm for arm in arms if contrast(arm, scheme["page"]) < 3] == []


def test_light_colours_are_those_of_notebooks():
    light, dark = schemes()
    assert set(light) == set(dark)
    assert tuple(light[f"arm-{place}"] for place in range(len(plots.COLOURS))) == plots.COLOURS
