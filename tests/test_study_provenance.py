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
