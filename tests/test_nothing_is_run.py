"""Nothing that is read is run. That no cached pickle is, test_data_faults.py shows."""

import ast
from pathlib import Path

import numpy as np
import pytest

from callbacks import checkpoint_files
from tests.test_imports import FILES, ROOT

RUNS_WHAT_IT_READS = {
    *("eval", "exec", "compile_command", "load_model", "model_from_json", "deserialize", "deserialize_keras_object"),
    *("enable_unsafe_deserialization", "extractall", "unpack_archive", "read_pickle", "Unpickler", "full_load"),
    *("pickle.load", "pickle.loads", "joblib.load", "marshal.load", "shelve.open", "yaml.load", "runpy.run_path"),
}
UNSAFE = {"allow_pickle": True, "safe_mode": False, "shell": True}


@pytest.mark.parametrize("file", FILES)
def test_no_call_runs_what_it_reads(file):
    for node in ast.walk(ast.parse((ROOT / file).read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call):
            called = ast.unparse(node.func)
            assert {called, called.split(".")[-1]}.isdisjoint(RUNS_WHAT_IT_READS), f"{file}:{node.lineno}"
            given = {word.arg: ast.unparse(word.value) for word in node.keywords}
            unsafe = {word for word, value in UNSAFE.items() if given.get(word) == str(value)}
            assert not unsafe, f"{file}:{node.lineno}"
            assert called != "np.load" or given.get("allow_pickle") == "False", f"{file}:{node.lineno}"


class Trap:
    def __init__(self, file):
        self.file = file

    def __reduce__(self):
        return Path.touch, (self.file,)


def test_a_pickle_in_a_checkpoint_is_rejected_and_not_run(tmp_path):
    trap = np.array([Trap(tmp_path / "run")], dtype=object)
    checkpoint_files.write(tmp_path / "checkpoints", 3, {"kernel": trap}, {}, {"seed": 1})  # its SHA-256 are right
    found, rejected = checkpoint_files.newest(tmp_path / "checkpoints", {"seed": 1})
    assert found is None and "allow_pickle=False" in rejected[0]
    assert not (tmp_path / "run").exists()
    with np.load(tmp_path / "checkpoints" / "epoch-000004" / "arrays.npz", allow_pickle=True) as packed:
        assert packed["kernel"] is not None
    assert (tmp_path / "run").exists()  # as it does here
