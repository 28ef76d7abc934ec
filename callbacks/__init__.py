"""What watches training: one callback, one job. Each works with `folklore.fit` and with `keras.Model.fit`."""

from callbacks.best_weights import BestWeights
from callbacks.divergence import StopOnDivergence
from callbacks.names import log_name
from callbacks.rows import Rows
from callbacks.tensorboard import TensorBoard
from callbacks.train_metrics import TrainMetrics

__all__ = ["BestWeights", "Rows", "StopOnDivergence", "TensorBoard", "TrainMetrics", "log_name"]
