"""The network of a `Work` in Keras, for all sides that use Keras."""

from __future__ import annotations

import keras

from benchmarks.works import Work


def keras_model(work: Work, optimizer: str | keras.Optimizer = "adam") -> keras.Model:
    """The network with seeded weights, compiled as most users do: with Adam, a loss and a metric."""
    keras.utils.set_random_seed(0)
    inputs = x = keras.Input(work.inputs)
    selu = any(kind == "selu" for kind, *_ in work.layers)
    dense = {"kernel_initializer": "lecun_normal" if selu else "glorot_uniform"}
    for kind, *numbers in work.layers:
        match kind:
            case "dense":
                x = keras.layers.Dense(numbers[0], **dense)(x)
            case "conv":
                filters, size, padding = numbers
                x = keras.layers.Conv2D(filters, size, padding=padding)(x)
            case "max_pool":
                x = keras.layers.MaxPooling2D(2)(x)
            case "mean_pool":
                x = keras.layers.AveragePooling2D(2)(x)
            case "bn":
                x = keras.layers.BatchNormalization()(x)
            case "dropout":
                x = keras.layers.Dropout(numbers[0])(x)
            case "alpha_dropout":
                x = keras.layers.AlphaDropout(numbers[0])(x)
            case "flatten":
                x = keras.layers.Flatten()(x)
            case _:
                x = keras.layers.Activation(kind)(x)
    model = keras.Model(inputs, keras.layers.Dense(work.outputs)(x))
    if work.outputs == 1:
        model.compile(optimizer, "mse", metrics=["mae"])
    else:
        model.compile(optimizer, keras.losses.SparseCategoricalCrossentropy(from_logits=True), metrics=["accuracy"])
    return model
