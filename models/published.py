"""Networks by their usual names, as they were published, and in a form for small images that trains on two cores."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from models.alexnet import alexnet
from models.application import application
from models.builder import Builder
from models.cnn import cnn
from models.densenet import densenet
from models.googlenet import googlenet
from models.lenet import lenet
from models.mlp import mlp
from models.resnet import resnet
from models.tabm import tabm
from models.tabular_resnet import tabular_resnet
from models.vgg import vgg

IMAGENET = (224, 224, 3), 1000  # input shape, classes
CIFAR = (32, 32, 3), 10
GREY = (28, 28, 1), 10
BUILDERS: dict[str, Builder[...]] = {
    build.__name__: build
    for build in (alexnet, application, cnn, densenet, googlenet, lenet, mlp, resnet, tabm, tabular_resnet, vgg)
}


@dataclass(frozen=True)
class Network:
    """A builder with the input, the number of classes and the options of one network.

    Attributes:
        build: the builder.
        params: its options.
        input_shape: (height, width, channels).
        outputs: classes.
        paper: what the paper says of its parameters, and where.
        parameters: trained ones of the reference implementation.
        reference: which implementation that is, and what differs.

    Example:
        >>> from models import PUBLISHED
        >>> network = PUBLISHED["lenet5"]
        >>> model = network.build(network.input_shape, network.outputs, **network.params)
        >>> model.count_params() == network.parameters
        True
    """

    build: Builder[...]
    params: Mapping[str, Any] = field(default_factory=dict)
    input_shape: tuple[int, ...] = GREY[0]
    outputs: int = GREY[1]
    paper: str = ""
    parameters: int = 0
    reference: str = ""


_LENET5 = dict(padding="valid", subsampling="trained", connections="table", activation="tanh")
_ALEXNET = dict(first_kernel=5, first_stride=1, groups=1, width=0.25, hidden=(256, 256))
_LECUN = "60,000 (LeCun et al. 1998, II.B)"
_RBF = "the paper's, plus 850 of a dense output layer, where the paper has 10 × 84 fixed centres"
_KRIZHEVSKY = "60 million (Krizhevsky et al. 2012, abstract)"
_TORCHVISION = "torchvision"


def _vgg(configuration: str, paper: int, parameters: int, reference: str = _TORCHVISION) -> Network:
    said = f"{paper} million (Simonyan & Zisserman 2015, table 2)"
    return Network(vgg, dict(configuration=configuration), *IMAGENET, said, parameters, reference)


def _resnet(depth: int, parameters: int) -> Network:
    return Network(resnet, dict(depth=depth), *IMAGENET, "–", parameters, _TORCHVISION)


def _small_resnet(depth: int, paper: str, parameters: int) -> Network:
    said, reference = f"{paper} million (He et al. 2015, table 6)", "Idelbayev's pytorch_resnet_cifar10"
    return Network(resnet, dict(depth=depth), *CIFAR, said, parameters, reference)


def _densenet(depth: int, parameters: int) -> Network:
    return Network(densenet, dict(depth=depth), *IMAGENET, "–", parameters, _TORCHVISION)


PUBLISHED = {
    "lenet5": Network(lenet, _LENET5, (32, 32, 1), 10, _LECUN, 60_850, _RBF),
    "alexnet": Network(alexnet, {}, (227, 227, 3), 1000, _KRIZHEVSKY, 60_965_224, "Caffe's bvlc_alexnet"),
    "vgg11": _vgg("A", 133, 132_863_336),
    "vgg13": _vgg("B", 133, 133_047_848),
    "vgg16c": _vgg("C", 134, 133_638_952, "D's, minus 8 · 256² + 16 · 512², since three 3×3 kernels are 1×1"),
    "vgg16": _vgg("D", 138, 138_357_544),
    "vgg19": _vgg("E", 144, 143_667_240),
    "googlenet": Network(
        googlenet, {}, *IMAGENET,
        "6,798 K (of 1,024) without auxiliary classifiers (Szegedy et al. 2015, table 1, summed)",
        13_378_280, "Caffe's bvlc_googlenet; 6,998,552 without auxiliary classifiers",
    ),
    "resnet18": _resnet(18, 11_689_512),
    "resnet34": _resnet(34, 21_797_672),
    "resnet50": _resnet(50, 25_557_032),
    "resnet101": _resnet(101, 44_549_160),
    "resnet20": _small_resnet(20, ".27", 269_722),
    "resnet32": _small_resnet(32, ".46", 464_154),
    "resnet44": _small_resnet(44, ".66", 658_586),
    "resnet56": _small_resnet(56, ".85", 853_018),
    "densenet121": _densenet(121, 7_978_856),
    "densenet169": _densenet(169, 14_149_480),
    "densenet100": Network(
        densenet, dict(depth=100), *CIFAR, ".8 million (Huang et al. 2017, table 2)", 769_162,
        "Veit's densenet-pytorch, L = 100, k = 12",
    ),
}  # fmt: skip
# For 28×28 pixels: the same designs, narrower, and without what shrinks large images first.
SMALL = {
    "lenet": Network(lenet),
    "alexnet": Network(alexnet, _ALEXNET),
    "vgg": Network(vgg, dict(configuration="A", stages=3, width=0.25, hidden=(256,))),
    "googlenet": Network(googlenet, dict(stem="small", width=0.125, normalization="before")),
    "resnet": Network(resnet, dict(depth=20, width=0.5)),
    "densenet": Network(densenet, dict(depth=22, growth_rate=8)),
    "cnn": Network(cnn, dict(filters=(16, 32, 64), normalization="before", head="average")),
}
