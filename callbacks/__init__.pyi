# Each public name once; `callbacks/__init__.py` reads it here.
from .best_weights import BestWeights as BestWeights
from .checkpoints import Checkpoints as Checkpoints
from .confusion import ConfusionMatrix as ConfusionMatrix
from .divergence import StopOnDivergence as StopOnDivergence
from .embedding import Embedding as Embedding
from .feature_maps import FeatureMaps as FeatureMaps
from .filters import Filters as Filters
from .logger import Logger as Logger
from .mistakes import ConfidentMistakes as ConfidentMistakes
from .names import log_name as log_name
from .probes.callback import Probes as Probes
from .rows import Rows as Rows
from .tensorboard import TensorBoard as TensorBoard
from .train_metrics import TrainMetrics as TrainMetrics
