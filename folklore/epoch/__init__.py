"""The compiled epoch: `fit` over data on the device, with the loop over steps inside one graph call.

`keras.Model.fit` returns to Python after every batch, which takes up to fifty times as long as the arithmetic of this
suite's small networks. Here a whole epoch is one call. Each step is the model's own `train_step`, so loss, metrics and
optimizer are exactly those given to `compile`; only the loop around the steps differs.

`rows` and `pipelines` take what users give, `device_data` puts it on the device, `program` compiles, `choice` measures
which mode is fastest, and `fit` trains. Only this package imports TensorFlow.
"""

from __future__ import annotations

from folklore.epoch.choice import Choice, choose_mode
from folklore.epoch.device_data import Placed, place
from folklore.epoch.devices import OUT_OF_MEMORY, devices, names, room_for_data
from folklore.epoch.fit import evaluate, evaluation_mode, fit, predict
from folklore.epoch.kept_programs import KeptPrograms, kept_programs
from folklore.epoch.model_traits import activations
from folklore.epoch.probed.labelled import LabelledRows
from folklore.epoch.rows import epoch_order

__all__ = [
    "OUT_OF_MEMORY",
    "Choice",
    "KeptPrograms",
    "LabelledRows",
    "Placed",
    "activations",
    "choose_mode",
    "devices",
    "epoch_order",
    "evaluate",
    "evaluation_mode",
    "fit",
    "kept_programs",
    "names",
    "place",
    "predict",
    "room_for_data",
]  # fmt: skip
