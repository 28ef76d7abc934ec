"""What watches training: one callback, one job. Each works with `folklore.fit` and with `keras.Model.fit`."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from callbacks.best_weights import BestWeights
    from callbacks.checkpoints import Checkpoints
    from callbacks.confusion import ConfusionMatrix
    from callbacks.divergence import StopOnDivergence
    from callbacks.embedding import Embedding
    from callbacks.feature_maps import FeatureMaps
    from callbacks.filters import Filters
    from callbacks.mistakes import ConfidentMistakes
    from callbacks.names import log_name
    from callbacks.probes import Probes
    from callbacks.rows import Rows
    from callbacks.tensorboard import TensorBoard
    from callbacks.train_metrics import TrainMetrics

__all__ = [
    "BestWeights",
    "Checkpoints",
    "ConfidentMistakes",
    "ConfusionMatrix",
    "Embedding",
    "FeatureMaps",
    "Filters",
    "Probes",
    "Rows",
    "StopOnDivergence",
    "TensorBoard",
    "TrainMetrics",
    "log_name",
]
_MODULES = {
    "BestWeights": "best_weights",
    "Checkpoints": "checkpoints",
    "ConfidentMistakes": "mistakes",
    "ConfusionMatrix": "confusion",
    "Embedding": "embedding",
    "FeatureMaps": "feature_maps",
    "Filters": "filters",
    "Probes": "probes",
    "Rows": "rows",
    "StopOnDivergence": "divergence",
    "TensorBoard": "tensorboard",
    "TrainMetrics": "train_metrics",
    "log_name": "names",
}


def __getattr__(name: str) -> Any:
    """A callback on first use: it imports Keras, which takes seconds; who writes event files alone needs none."""
    if name in _MODULES:
        return getattr(importlib.import_module(f"callbacks.{_MODULES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
