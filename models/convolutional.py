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

    Example:
        >>> from models import as_convolutional, lenet
        >>> model = as_convolutional(lenet((28, 28, 1), 10))
        >>> model.input_shape, model.output_shape
        ((None, None, None, 1), (None, 10))
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
    flattened = _flattened(model)
    converted = keras.models.clone_model(
        model,
        input_tensors=keras.tree.map_structure(lambda given: _any_size(given), model.input),
        clone_function=lambda layer: _converted(layer, flattened),
    )
    for layer in model.layers:
        weights = layer.get_weights()
        if isinstance(layer, keras.layers.Dense):
            kernel = weights[0]
            maps = flattened.get(layer.name, (1, 1, len(kernel)))
            weights[0] = kernel.reshape(*maps, kernel.shape[-1])
        if weights:
            converted.get_layer(layer.name).set_weights(weights)
    outputs = converted.outputs[0]
    if len(outputs.shape) == 4:
        outputs = keras.layers.GlobalAveragePooling2D(name="all_places", dtype=outputs.dtype)(outputs)
    return keras.Model(converted.inputs[0], outputs, name=model.name)


def _any_size(given: keras.KerasTensor) -> keras.KerasTensor:
    return keras.Input((None, None, given.shape[-1]), name=given.name, dtype=given.dtype)


def _flattened(model: keras.Model) -> dict[str, tuple[int, ...]]:
    """Of the layers up to the first dense one behind a flattening, by name: the maps that were flattened.

    Raises:
        ValueError: something else there has weights, which belong to single places.
    """
    found: dict[str, tuple[int, ...]] = {}
    flattenings = [layer for layer in model.layers if isinstance(layer, keras.layers.Flatten)]
    reached = [(layer, tuple(layer.input.shape[1:])) for layer in flattenings]
    while reached:
        layer, maps = reached.pop()
        for node in layer._outbound_nodes:
            behind = node.operation
            if isinstance(behind, keras.layers.Dense):
                found[behind.name] = maps
            elif behind.weights:
                raise ValueError(
                    f"The layer {behind.name} stands between the flattening and the dense layers, and its weights "
                    "belong to single places of an image of one size: build the network without it."
                )
            else:
                reached.append((behind, maps))
    return found


def _converted(layer: Any, flattened: dict[str, tuple[int, ...]]) -> Any:
    if isinstance(layer, keras.layers.Flatten):
        return keras.layers.Identity(name=layer.name)
    is_followed = bool(layer._outbound_nodes)
    if isinstance(layer, keras.layers.GlobalAveragePooling2D | keras.layers.GlobalMaxPooling2D) and is_followed:
        return type(layer).from_config(layer.get_config() | {"keepdims": True})
    if isinstance(layer, keras.layers.Dense):
        config = layer.get_config()
        return keras.layers.Conv2D(
            config["units"],
            flattened.get(layer.name, (1, 1))[:2],
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
