"""The compiled epoch: `fit` over data that sits on the device, with the loop over steps inside one graph call.

`keras.Model.fit` returns to Python after every batch; for the small networks of this suite that costs up to fifty
times the arithmetic. Here a whole epoch is one call. Each step is the model's own `train_step`, so loss, metrics and
optimizer are exactly those given to `compile`; only who drives the loop differs.

`placed` puts the data on the device, `program` compiles, `choice` measures which mode is fastest, `fitting` is `fit`,
read downwards. This package alone imports TensorFlow.
"""

from __future__ import annotations

from folklore.epoch.choice import Choice, choose_mode
from folklore.epoch.device_data import Placed, epoch_order, place
from folklore.epoch.devices import OUT_OF_MEMORY, devices, names, room_for_data
from folklore.epoch.fit import evaluate, evaluation_mode, fit
from folklore.epoch.program import activations

__all__ = [
    "OUT_OF_MEMORY",
    "Choice",
    "Placed",
    "activations",
    "choose_mode",
    "devices",
    "epoch_order",
    "evaluate",
    "evaluation_mode",
    "fit",
    "names",
    "place",
    "room_for_data",
]  # fmt: skip
