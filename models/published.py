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
from models.vgg import vgg

IMAGENET = (224, 224, 3), 1000  # input shape, classes
CIFAR = (32, 32, 3), 10
GREY = (28, 28, 1), 10
BUILDERS: dict[str, Builder[...]] = {
    build.__name__: build for build in (alexnet, application, cnn, densenet, googlenet, lenet, mlp, resnet, vgg)
}


@dataclass(frozen=True)
class Network:
    """A builder with the input, the number of classes and the options of one network.

    Attributes:
        build: the builder.
        params: its options.
        input_shape: (height, width, channels).
        outputs: classes.
    """

    build: Builder[...]
    params: Mapping[str, Any] = field(default_factory=dict)
    input_shape: tuple[int, ...] = GREY[0]
    outputs: int = GREY[1]


_LENET5 = dict(padding="valid", subsampling="trained", connections="table", activation="tanh")
_ALEXNET = dict(first_kernel=5, first_stride=1, groups=1, width=0.25, hidden=(256, 256))
PUBLISHED = {
    "lenet5": Network(lenet, _LENET5, (32, 32, 1), 10),
    "alexnet": Network(alexnet, {}, (227, 227, 3), 1000),
    "vgg11": Network(vgg, dict(configuration="A"), *IMAGENET),
    "vgg13": Network(vgg, dict(configuration="B"), *IMAGENET),
    "vgg16c": Network(vgg, dict(configuration="C"), *IMAGENET),
    "vgg16": Network(vgg, dict(configuration="D"), *IMAGENET),
    "vgg19": Network(vgg, dict(configuration="E"), *IMAGENET),
    "googlenet": Network(googlenet, {}, *IMAGENET),
    **{f"resnet{depth}": Network(resnet, dict(depth=depth), *IMAGENET) for depth in (18, 34, 50, 101)},
    **{f"resnet{depth}": Network(resnet, dict(depth=depth), *CIFAR) for depth in (20, 32, 44, 56)},
    **{f"densenet{depth}": Network(densenet, dict(depth=depth), *IMAGENET) for depth in (121, 169)},
    "densenet100": Network(densenet, dict(depth=100), *CIFAR),
}
# For 28×28 pixels: the same designs, narrower, and without what shrinks large images first.
SMALL = {
    "lenet": Network(lenet),
    "alexnet": Network(alexnet, _ALEXNET),
    "vgg": Network(vgg, dict(configuration="A", stages=3, width=0.25, hidden=(256,))),
    "googlenet": Network(googlenet, dict(stem="small", width=0.125, normalization="before")),
    "resnet": Network(resnet, dict(depth=20)),
    "densenet": Network(densenet, dict(depth=22)),
    "cnn": Network(cnn, dict(filters=(16, 32, 64), normalization="before", head="average")),
}
