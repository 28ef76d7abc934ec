"""Networks with the weights that Keras offers (`keras.applications`), with a new head."""

from __future__ import annotations

import sys
from typing import Literal

import keras

from models import blocks, checks, heads
from models.builder import checked
from models.options import AnyCounts, Count, KerasName, Named, Share

Weights = Literal["imagenet", "none"]


@checked(checks.image_shape)
def application(
    input_shape: tuple[int | None, ...],
    outputs: int,
    *,
    name: KerasName = "MobileNetV2",
    weights: Weights = "imagenet",
    resize: Count | None = None,
    hidden: AnyCounts = (),
    dropout: Share = 0.0,
    initializer: Named = "glorot_uniform",
    head: heads.Head = "average",
) -> keras.Model:
    """A network of `keras.applications` below a new head, ending in logits.

    The preprocessing that its weights were trained with is its first layers, so that it is neither forgotten nor done
    twice: inputs are pixels from 0 to 255, and a recipe says `scaler="none"`. Grey images become three equal channels.
    Freeze it with a recipe's `transfer=dict(frozen="all but the head")`, or up to one of Keras' own layers' names.

    Args:
        input_shape: (height, width, channels) or (height, width) of an image; 1 or 3 channels.
        outputs: the number of classes.
        name: of the network in `keras.applications`, such as "ResNet50" or "EfficientNetB0".
        weights: "imagenet" for those that Keras downloads and keeps under `KERAS_HOME`, else `~/.keras`, in `models/`;
            "none" for fresh ones.
        resize: height and width to which images are resized first, by bilinear interpolation; most networks need 32.
        hidden: units of the head's hidden layers.
        dropout: in the head, see `heads.head`.
        initializer: of the head's kernels.
        head: how maps become logits, see `heads.head`.

    Returns:
        A functional model from float (batch, *input_shape), pixels, to float32 (batch, outputs). Layers whose weights
        are pretrained have an attribute `pretrained`.

    Raises:
        ValueError: there is no such network, the image is too small for it or does not have 1 or 3 channels, or its
            weights are unavailable.

    Example:
        >>> from models import application
        >>> model = application((32, 32, 3), 10, name="MobileNetV2", weights="none")
        >>> model.output_shape
        (None, 10)
    """
    build = getattr(keras.applications, name, None)
    if not callable(build) or not name[0].isupper():
        names = [each for each in dir(keras.applications) if each[0].isupper()]
        raise ValueError(checks.unknown_name("name", name, names))
    inputs, x = blocks.image_input(input_shape)
    if x.shape[-1] not in (1, 3):
        raise ValueError(f"input_shape={input_shape!r} has {x.shape[-1]} channels: give 1 or 3.")
    if resize is not None:
        x = keras.layers.Resizing(resize, resize, name="resized")(x)
    if x.shape[-1] == 1:
        x = keras.layers.Concatenate(name="three_channels")([x, x, x])
    x = sys.modules[build.__module__].preprocess_input(x)
    try:
        body = build(include_top=False, weights="imagenet" if weights == "imagenet" else None, input_tensor=x)
    except Exception as error:
        if weights == "none" or "fetch" not in str(error):
            raise ValueError(
                f"{name} cannot be built for images of shape {input_shape!r}, resized to {x.shape[1:]}. Larger ones "
                f"may work: give resize=, such as 32, 96 or 224. Keras says: {error}"
            ) from error
        raise ValueError(
            f"The weights of {name} are not in Keras' cache and cannot be downloaded: {error}. Download them on a "
            "machine with a network, and set KERAS_HOME to the folder that has them in models/; or give weights='none'."
        ) from error
    if weights == "imagenet":
        for layer in body.layers:
            layer.pretrained = True
    x = heads.head(body.output, outputs, head, hidden=hidden, dropout=dropout, initializer=initializer)
    return keras.Model(inputs, x, name=body.name)


# It preprocesses its inputs itself, so a recipe must not, see `models.builder`.
application.scaler = "none"  # type: ignore[attr-defined]
