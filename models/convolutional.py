"""A dense head as a convolution: the same numbers, on images of any size."""

from __future__ import annotations

from typing import Any

import keras


def as_convolutional(model: keras.Model) -> keras.Model:
    """A network for images whose dense layers are convolutions with the same weights.

    A dense layer on flattened maps of height h and width w is a convolution with kernels of h×w; a dense layer behind
    it is one of 1×1 (Sermanet et al. 2014, "OverFeat", section 3.5; Long et al. 2015, "Fully convolutional networks",
    section 3.1). On images of the size that the network was made for, outputs are the same. On larger ones the head
    looks at every place, and the outputs are averaged over all places; the layer called like the network's last gives
    them place by place, (batch, rows, columns, outputs).

    Args:
        model: a functional model from (batch, height, width, channels) to (batch, outputs), with dense layers, dropout,
            normalisation and activations behind its flattening or global average.

    Returns:
        A functional model from (batch, any height, any width, channels) to (batch, outputs). Its weights are copies.

    Raises:
        ValueError: the model takes no images, or has a layer in its head that depends on the size of an image.
    """
    if len(model.inputs) != 1 or len(model.input_shape) != 4:
        raise ValueError(
            f"{model.name} takes inputs of shape {model.input_shape}, and images (batch, height, width, channels) are "
            "needed: give a network for images."
        )
    if model.input_shape[-1] is None:
        raise ValueError(f"{model.name} leaves its number of channels open: give a network with a number of them.")
    from models.auxiliary import without_auxiliaries

    model = without_auxiliaries(model)
    before_flatten: dict[str, tuple[int, ...]] = {}  # of a dense layer: the maps that were flattened for it
    converted = keras.models.clone_model(
        model,
        input_tensors=keras.Input((None, None, model.input_shape[-1]), name=model.inputs[0].name),
        clone_function=lambda layer: _converted(layer, before_flatten),
    )
    for layer in model.layers:
        weights = layer.get_weights()
        if isinstance(layer, keras.layers.Dense):
            kernel = weights[0]
            weights[0] = kernel.reshape(*before_flatten.get(layer.name, (1, 1, len(kernel))), kernel.shape[-1])
        converted.get_layer(layer.name).set_weights(weights)
    outputs = converted.outputs[0]
    if len(outputs.shape) == 4:
        pooled = keras.layers.GlobalAveragePooling2D(name="all_places", dtype=outputs.dtype)
        converted = keras.Model(converted.inputs, pooled(outputs), name=model.name)
    return converted


def _converted(layer: Any, before_flatten: dict[str, tuple[int, ...]]) -> Any:
    if isinstance(layer, keras.layers.Flatten):
        maps = tuple(layer.input.shape[1:])
        for node in layer._outbound_nodes:
            before_flatten[node.operation.name] = maps
        return keras.layers.Identity(name=layer.name)
    if isinstance(layer, keras.layers.GlobalAveragePooling2D):
        return type(layer).from_config(layer.get_config() | {"keepdims": True})
    if isinstance(layer, keras.layers.Dense):
        config = layer.get_config()
        return keras.layers.Conv2D(
            config["units"],
            before_flatten.get(layer.name, (1, 1, 0))[:2],
            activation=config["activation"],
            use_bias=config["use_bias"],
            dtype=layer.dtype_policy,
            name=layer.name,
        )
    if isinstance(layer, keras.layers.Reshape):
        raise ValueError(
            f"The layer {layer.name} reshapes to {layer.target_shape}, which images of another size do not fit: build "
            "the network without it, for (height, width, channels)."
        )
    return type(layer).from_config(layer.get_config())
