"""`folklore.fit` as in a run: validation data, train metrics in inference mode, history, TensorBoard, best weights."""

from __future__ import annotations

import atexit
import functools
import shutil
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.sides import folklore_validated
from benchmarks.works import Work
from callbacks import BestWeights, Rows, StopOnDivergence, TensorBoard, TrainMetrics
from folklore import epoch
from folklore.storage import run_directory


class Side(folklore_validated.Side):
    """Trains with `folklore.fit` and all callbacks of a run of a hundred epochs."""

    def __init__(self, work: Work) -> None:
        super().__init__(work)
        self.folder = Path(tempfile.mkdtemp())
        atexit.register(shutil.rmtree, self.folder, ignore_errors=True)

    def callbacks(self) -> list[Any]:
        """The callbacks of a run."""
        evaluate = functools.partial(epoch.evaluate, self.model, self.train_data, epoch.evaluation_mode("xla", 100))
        return [
            TrainMetrics(evaluate),
            StopOnDivergence(),
            BestWeights(self.folder / "best.weights.h5"),
            Rows(functools.partial(run_directory.write_history, self.folder)),
            Rows(lambda rows: None, every=0.25),
            TensorBoard(self.folder, text="text", histograms=20),
        ]
