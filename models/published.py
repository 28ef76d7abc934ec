"""Networks by their usual names, as they were published, and in a form for small images that trains on two cores."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from models.alexnet import alexnet
from models.builder import Builder
from models.cnn import cnn
from models.densenet import densenet
from models.googlenet import googlenet
from models.lenet import lenet
from models.resnet import resnet
from models.vgg import vgg

IMAGENET = (224, 224, 3)
CIFAR = (32, 32, 3)


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
    input_shape: tuple[int, ...] = IMAGENET
    outputs: int = 1000


_LENET5 = dict(padding="valid", subsampling="trained", connections="table", activation="tanh")
PUBLISHED = {
    "lenet5": Network(lenet, _LENET5, (32, 32, 1), 10),
    "alexnet": Network(alexnet, input_shape=(227, 227, 3)),
    "vgg11": Network(vgg, dict(configuration="A")),
    "vgg13": Network(vgg, dict(configuration="B")),
    "vgg16": Network(vgg, dict(configuration="D")),
    "vgg16c": Network(vgg, dict(configuration="C")),
    "vgg19": Network(vgg, dict(configuration="E")),
    "googlenet": Network(googlenet),
    **{f"resnet{depth}": Network(resnet, dict(depth=depth)) for depth in (18, 34, 50, 101)},
    **{f"resnet{depth}": Network(resnet, dict(depth=depth), CIFAR, 10) for depth in (20, 32, 44, 56)},
    **{f"densenet{depth}": Network(densenet, dict(depth=depth)) for depth in (121, 169)},
    "densenet100": Network(densenet, dict(depth=100), CIFAR, 10),
}
# For 28×28 pixels: the same designs, narrower, and without what shrinks large images first.
SMALL = {
    "lenet": Network(lenet, {}, (28, 28, 1), 10),
    "alexnet": Network(
        alexnet,
        dict(first_kernel=5, first_stride=1, groups=1, width=0.25, hidden=(256, 256)),
        (28, 28, 1),
        10,
    ),
    "vgg": Network(vgg, dict(configuration="A", stages=3, width=0.25, hidden=(256,)), (28, 28, 1), 10),
    "googlenet": Network(googlenet, dict(stem="small", width=0.125, normalization="before"), (28, 28, 1), 10),
    "resnet": Network(resnet, dict(depth=20), (28, 28, 1), 10),
    "densenet": Network(densenet, dict(depth=22), (28, 28, 1), 10),
    "cnn": Network(cnn, dict(filters=(16, 32, 64), normalization="before", head="average"), (28, 28, 1), 10),
}
