"""docs/notebook.ipynb: it was executed, and its cells still run."""

import json
from pathlib import Path

import pytest
import tensorflow as tf

BOOK = json.loads((Path(__file__).parent.parent / "docs" / "notebook.ipynb").read_text(encoding="utf-8"))
CELLS = [cell for cell in BOOK["cells"] if cell["cell_type"] == "code"]
# The same study, small: one seed and one epoch, step by step; and no output for Jupyter's plots, which need Jupyter.
SMALL = {"epochs=30": 'epochs=1, mode="step"', "seeds=8": "seeds=1, jobs=1", "range(8)": "range(1)",
         "epochs=60": "epochs=1, batch_size=264", '.show("plotly_mimetype")': ""}  # fmt: skip


def test_notebook_was_executed_from_top_to_bottom_and_shows_verdicts():
    assert [cell["execution_count"] for cell in CELLS] == list(range(1, len(CELLS) + 1))
    shown = json.dumps([cell["outputs"] for cell in CELLS])
    assert "NO PRACTICAL DIFFERENCE" in shown
    assert "supported" in shown
    assert '"error"' not in shown


@pytest.mark.process
@pytest.mark.usefixtures("warm_workers")
@pytest.mark.filterwarnings("ignore:Even though the `tf.config.experimental_run_functions_eagerly`")
def test_cells_run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # the notebook changes the folder too
    monkeypatch.setattr("tempfile.mkdtemp", lambda *arguments, **options: str(tmp_path))
    names = {}
    tf.config.run_functions_eagerly(True)
    try:
        for cell in CELLS:
            source = "".join(cell["source"])
            for given, small in SMALL.items():
                source = source.replace(given, small)
            exec(source, names)
    finally:
        tf.config.run_functions_eagerly(False)
    assert names["found"].table.loc["160 units", "n"] == 1
    assert sorted(path.name for path in (tmp_path / "logs").glob("[a-z]*")) == ["doctor.width", "patients.scaling"]
