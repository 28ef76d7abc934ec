"""The provenance in a run's record: the code that the run used."""

import dataclasses
import importlib
import runpy

import data
from folklore import Recipe
from folklore.study.own_modules import own_modules
from folklore.study.provenance import provenance_of
from models import mlp
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


def test_own_modules_have_names_that_import_them(tmp_path, monkeypatch):
    """Packages with and without an __init__.py, a relative import, and an import inside a function."""
    monkeypatch.syspath_prepend(str(tmp_path))
    files = {
        "own_study.py": "from own_nets.deep import build\n\ndef check():\n    import own_nets.parts.blocks\n",
        "own_nets/deep.py": "import numpy\nfrom own_pack import width\nfrom models import mlp\n\ndef build(): pass\n",
        "own_nets/parts/blocks.py": "",
        "own_pack/__init__.py": "from .sizes import width\n",
        "own_pack/sizes.py": "width = 1\n",
        "not_imported.py": "",
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    study = importlib.import_module("own_study")
    found = own_modules([study.check, study.build, mlp])
    places = {name: file.relative_to(tmp_path).as_posix() for name, file in found.items()}
    assert places == {
        "own_study": "own_study.py",
        "own_nets.deep": "own_nets/deep.py",
        "own_nets.parts.blocks": "own_nets/parts/blocks.py",
        "own_pack": "own_pack/__init__.py",
        "own_pack.sizes": "own_pack/sizes.py",
    }


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
