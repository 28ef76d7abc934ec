"""Logdirs with files of any content: commands give an answer or a one-paragraph error, and write nothing elsewhere.

Examples are the same in every run. Many more of them:
pytest tests/test_storage_any_content.py -n 0 --hypothesis-profile long
"""

import json
import shutil
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tensorboard.plugins.scalar.summary_v2 import scalar_pb

from callbacks.event_file import EventFile
from folklore.errors import ProblemError
from folklore.evidence.compare import compare
from folklore.report import html, summary
from folklore.report.board.live import Board
from tests.conftest import study

RUN, EXPERIMENT = "arm/seed-2/run.json", "experiment.json"
NAMES = st.sampled_from(
    ["..", "../../x", "/etc/x", "a/b", ".", "", "base", "arm", "a" * 300, "\0", "\n", "<script>", "é"]
)
SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20) | NAMES
JSON = st.recursive(
    SCALARS, lambda part: st.lists(part, max_size=3) | st.dictionaries(st.text(max_size=8) | NAMES, part, max_size=3),
    max_leaves=8,
)  # fmt: skip


@pytest.fixture(scope="module")
def pattern(tmp_path_factory):
    """A small study with event files, which every example begins with a copy of."""
    path = study(tmp_path_factory.mktemp("pattern") / "logs" / "topic.experiment")
    for split in ("train", "validation"):
        file = EventFile(path / "arm" / "seed-2" / split, clock=lambda: 1.0)
        for step in (1, 2, 3):
            file.add_scalars({"rmse": 1.0 / step, "loss": 2.0 / step}, step)
        file.add_summary(scalar_pb("extra", 1.0), 3)
        file.close()
    return path.parent


def read_everything(pattern, damage):
    """Copy the study, damage it, read it in all ways; nothing but answers and paragraphs, and nothing elsewhere."""
    with tempfile.TemporaryDirectory() as folder:
        logdir = Path(folder) / "inner" / "logs"
        shutil.copytree(pattern, logdir)
        path = logdir / "topic.experiment"
        damage(path)
        before = {file: file.read_bytes() for file in Path(folder).rglob("*") if file.is_file()}
        out = Path(folder) / "inner" / "out"
        for read in (
            lambda: compare(path),
            lambda: html.write([summary.summarise(path)], out / "report"),
            lambda: Board([path], out / "board"),
        ):
            try:
                read()
            except ProblemError as problem:
                assert str(problem).strip()
        after = {file: file.read_bytes() for file in Path(folder).rglob("*") if file.is_file()}
        assert {file: content for file, content in after.items() if out not in file.parents} == before


def places(value, here=()):
    """The paths to all values in a JSON value."""
    yield here
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in inner:
        yield from places(item, (*here, key))


def replaced(value, place, new):
    if not place:
        return new
    copy = value.copy()
    copy[place[0]] = replaced(value[place[0]], place[1:], new)
    return copy


@pytest.mark.parametrize("name", [RUN, EXPERIMENT])
@given(data=st.data())
def test_record_of_any_content_gives_answer_or_one_paragraph(pattern, name, data):
    record = json.loads((pattern / "topic.experiment" / name).read_text())
    for _ in range(data.draw(st.integers(1, 2))):
        place = data.draw(st.sampled_from(list(places(record))))
        record = replaced(record, place, data.draw(JSON))
        if not isinstance(record, dict):
            break
    read_everything(pattern, lambda path: (path / name).write_text(json.dumps(record)))


def damaged(content, data):
    """The bytes with some cut, changed, doubled or put in."""
    for _ in range(data.draw(st.integers(1, 3))):
        start, end = sorted(data.draw(st.integers(0, len(content))) for _ in range(2))
        new = data.draw(st.sampled_from([b"", content[start:end] * 2]) | st.binary(max_size=12))
        content = content[:start] + new + content[end:]
    return content


@pytest.mark.parametrize("name", [RUN, EXPERIMENT, "arm/seed-2/history.csv", "arm/seed-2/train/events*"])
@given(data=st.data())
def test_file_of_any_bytes_gives_answer_or_one_paragraph(pattern, name, data):
    def damage(path):
        (file,) = path.glob(name)
        file.write_bytes(damaged(file.read_bytes(), data))

    read_everything(pattern, damage)
