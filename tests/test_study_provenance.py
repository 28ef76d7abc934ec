"""The provenance in a run's record: the code that the run used."""

import dataclasses
import runpy

import data
from folklore import Recipe
from folklore.study.provenance import provenance_of
from tests.conftest import NARROW_OR_WIDE

MODEL = """from models import mlp

ACTIVATION = "relu"


def mine(input_shape, outputs):
    return mlp(input_shape, outputs, widths=(4,), activation=ACTIVATION)
"""


def test_code_of_run_includes_what_its_file_imports(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(str(tmp_path))
    (tmp_path / "layer_parts.py").write_text("WIDTH = 4")
    (tmp_path / "layers_of_mine.py").write_text("import tensorflow_text\nimport layer_parts")  # not importable here
    file = tmp_path / "imports_models.py"
    file.write_text(MODEL.replace("def mine", "def build():\n    from layers_of_mine import x\n\n\ndef mine"))
    recipe = Recipe(model=runpy.run_path(str(file))["mine"], data=data.digits)
    experiment = dataclasses.replace(NARROW_OR_WIDE, arms={"narrow": recipe, "wide": recipe}, hypothesis=())
    before = provenance_of(experiment, {"code": {"sha256": "0"}})
    (tmp_path / "layer_parts.py").write_text("WIDTH = 5")
    assert provenance_of(experiment, {"code": {"sha256": "0"}}) != before


def test_code_of_run_includes_file_of_model(tmp_path):
    file = tmp_path / "my_models.py"
    file.write_text(MODEL)
    module = runpy.run_path(str(file))
    recipe = Recipe(model=module["mine"], data=data.digits)
    experiment = dataclasses.replace(NARROW_OR_WIDE, arms={"narrow": recipe, "wide": recipe}, hypothesis=())
    common = {"code": {"sha256": "0", "commit": None}}
    before = provenance_of(experiment, common)
    assert before == provenance_of(experiment, common) != common
    file.write_text(MODEL.replace("relu", "tanh"))
    assert provenance_of(experiment, common) != before
    assert provenance_of(NARROW_OR_WIDE, common) == common
