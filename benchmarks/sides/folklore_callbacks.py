"""`folklore.fit` as a run has it: validation data, honest train metrics, history, TensorBoard, best weights."""

from __future__ import annotations

import atexit
import functools
import shutil
import tempfile
from pathlib import Path

from benchmarks.sides.keras_model import keras_model
from benchmarks.works import Work
from callbacks import BestWeights, Rows, StopOnDivergence, TensorBoard, TrainMetrics
from folklore import epoch, store


class Side:
    """Trains with `folklore.fit` and all callbacks of a run."""

    def __init__(self, work: Work) -> None:
        self.work, self.model = work, keras_model(work)
        self.train_data, self.validation_data = epoch.place(work.data()), epoch.place(work.data(work.rows // 4))
        self.folder = Path(tempfile.mkdtemp())
        atexit.register(shutil.rmtree, self.folder, ignore_errors=True)

    def train(self, epochs: int) -> None:
        """Train so many epochs, of a run of a hundred."""
        evaluate = functools.partial(epoch.evaluate, self.model, self.train_data, epoch.evaluation_mode("xla", 100))
        watchers = [
            TrainMetrics(evaluate),
            StopOnDivergence(),
            BestWeights(self.folder / "best.weights.h5"),
            Rows(functools.partial(store.write_history, self.folder)),
            Rows(lambda rows: None, every=0.25),
            TensorBoard(self.folder, text="text", histograms=20),
        ]
        epoch.fit(
            self.model,
            self.train_data,
            epochs=epochs,
            batch_size=self.work.batch,
            validation_data=self.validation_data,
            callbacks=watchers,
        )
