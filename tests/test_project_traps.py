"""A pickle in a checkpoint is not run; test_data_damaged_cache.py checks a pickle in a cache."""

from pathlib import Path

import numpy as np

from callbacks import checkpoint_files


class Trap:
    def __init__(self, file):
        self.file = file

    def __reduce__(self):
        return Path.touch, (self.file,)


def test_pickle_in_checkpoint_is_rejected_and_not_run(tmp_path):
    trap = np.array([Trap(tmp_path / "run")], dtype=object)
    checkpoint_files.write(tmp_path / "checkpoints", 3, {"kernel": trap}, {}, {"seed": 1})  # its SHA-256 are right
    found, rejected = checkpoint_files.newest(tmp_path / "checkpoints", {"seed": 1})
    assert found is None and "allow_pickle=False" in rejected[0]
    assert not (tmp_path / "run").exists()
    with np.load(tmp_path / "checkpoints" / "epoch-000004" / "arrays.npz", allow_pickle=True) as packed:
        assert packed["kernel"] is not None
    assert (tmp_path / "run").exists()  # as it does here
