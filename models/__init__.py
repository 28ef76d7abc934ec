"""What is trained: functions that return a functional `keras.Model`, one file for each architecture.

`models.builder` describes what a recipe expects of a builder and of its layers; `models.options` types of options.
"""

from models.alexnet import alexnet
from models.application import application
from models.cnn import cnn
from models.convolutional import as_convolutional
from models.densenet import densenet
from models.googlenet import googlenet
from models.lenet import lenet
from models.mlp import matched_widths, mlp
from models.published import BUILDERS, PUBLISHED, SMALL, Network
from models.resnet import resnet
from models.tabm import tabm
from models.tabular_resnet import tabular_resnet
from models.vgg import vgg

__all__ = [
    "BUILDERS",
    "PUBLISHED",
    "SMALL",
    "Network",
    "alexnet",
    "application",
    "as_convolutional",
    "cnn",
    "densenet",
    "googlenet",
    "lenet",
    "matched_widths",
    "mlp",
    "resnet",
    "tabm",
    "tabular_resnet",
    "vgg",
]
