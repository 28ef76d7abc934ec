"""Programs of XLA that one command compiled and the next one loads: equal bits, and never a damaged one."""

import dataclasses
import hashlib
import json

import pytest

import data
from folklore import Recipe
from models import mlp
from tests.conftest import NARROW_OR_WIDE, run

pytestmark = pytest.mark.process

SMALL = Recipe(model=mlp, params=dict(widths=(4,), dropout=0.2), data=data.digits, epochs=3, mode="xla")
EXPERIMENT = dataclasses.replace(
    NARROW_OR_WIDE, arms={"narrow": SMALL, "wide": SMALL.but(params=dict(widths=(8,)))}, baseline="narrow"
)


@pytest.fixture
def store(tmp_path, monkeypatch):
    """The programs of a cache folder of its own."""
    folder = tmp_path / 'a "cache" of\'s'  # the flags of TensorFlow need it quoted
    monkeypatch.setenv("XDG_CACHE_HOME", str(folder))
    return lambda: sorted(folder.glob("folklore/programs/*/*.pb.*"))


def trained(logdir):
    """The metrics of each run of a command."""
    assert run(EXPERIMENT, logdir, seeds=1, jobs=1)[0] == 0
    return [json.loads(file.read_text())["metrics"] for file in sorted(logdir.glob("*/*/*/run.json"))]


def is_sound(file):
    return hashlib.sha256(file.read_bytes()).hexdigest() == file.name.rpartition(".")[2]


def test_next_command_loads_programs_and_gives_equal_bits(tmp_path, store):
    first = trained(tmp_path / "first")
    kept = store()
    assert len(kept) >= 2
    assert trained(tmp_path / "second") == first
    assert store() == kept  # nothing was compiled anew


def test_flipped_bit_is_never_run(tmp_path, store):
    first = trained(tmp_path / "first")
    names = [file.name.partition(".pb")[0] for file in store()]
    for file in store():
        content = bytearray(file.read_bytes())
        content[len(content) // 2] ^= 1
        file.write_bytes(content)
        assert not is_sound(file)
    assert trained(tmp_path / "second") == first
    assert [file.name.partition(".pb")[0] for file in store()] == names  # compiled anew
    assert all(map(is_sound, store()))
