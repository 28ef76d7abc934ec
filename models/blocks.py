"""The parts that networks are made of: functions from tensors to tensors.

A hidden layer is two halves, `linear` and `nonlinear`. A residual block adds its shortcut between the halves of its
last layer. A layer's name is its place in the network (`hidden_1`), and what belongs to it carries that name with a
suffix (`hidden_1_bn`). So equal layers have equal names in every variant, and stand together in TensorBoard's graph.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any

import keras

from models import checks

_WITH_OPTIONS = {"relu": "ReLU", "leaky_relu": "LeakyReLU", "prelu": "PReLU", "elu": "ELU"}  # Keras' classes


def linear(
    x: keras.KerasTensor,
    units: int,
    *,
    name: str,
    batch_norm: bool = False,
    initializer: str | Mapping[str, Any] = "glorot_uniform",
    l1: float = 0.0,
    l2: float = 0.0,
    use_bias: bool = True,
    dtype: str | None = None,
) -> keras.KerasTensor:
    """A dense layer without an activation, then batch normalisation if asked for.

    Args:
        x: float tensor (batch, features).
        units: the number of features that leave.
        name: of the dense layer; the normalisation is called `{name}_bn`.
        batch_norm: whether to normalise (Ioffe & Szegedy 2015), with Keras' defaults: momentum 0.99, epsilon 0.001.
        initializer: of the kernel, see `new_initializer`. The bias starts at zero.
        l1: adds `l1 * sum(|kernel|)` to the loss.
        l2: adds `l2 * sum(kernel ** 2)` to the loss, without the half that some write.
        use_bias: whether the dense layer has a bias.
        dtype: of the dense layer, in place of Keras' dtype policy.

    Returns:
        Float tensor (batch, units).

    Raises:
        ValueError: Keras does not know the initializer.
    """
    x = keras.layers.Dense(
        units,
        use_bias=use_bias,
        kernel_initializer=new_initializer(initializer),
        kernel_regularizer=keras.regularizers.L1L2(l1=l1, l2=l2) if l1 or l2 else None,
        dtype=dtype,
        name=name,
    )(x)
    return keras.layers.BatchNormalization(name=f"{name}_bn")(x) if batch_norm else x


def nonlinear(
    x: keras.KerasTensor,
    *,
    name: str,
    activation: str | Mapping[str, Any] = "relu",
    batch_norm: bool = False,
    dropout: float = 0.0,
    alpha_dropout: float = 0.0,
) -> keras.KerasTensor:
    """An activation, then batch normalisation, then dropout, the last two if asked for.

    Args:
        x: float tensor of any shape.
        name: of the layer that is finished here: `{name}_activation`, `{name}_bn`, `{name}_dropout`.
        activation: see `new_activation`.
        batch_norm: whether to normalise over all axes but the last.
        dropout: share of activations set to zero (Srivastava et al. 2014); with 0 there is no such layer.
        alpha_dropout: share set to SELU's lower limit, mean and variance kept (Klambauer et al. 2017, section 2);
            with 0 there is no such layer.

    Returns:
        Float tensor of the shape of `x`.

    Raises:
        ValueError: Keras does not know the activation.
    """
    x = new_activation(activation, f"{name}_activation")(x)
    if batch_norm:
        x = keras.layers.BatchNormalization(name=f"{name}_bn")(x)
    if dropout:
        x = keras.layers.Dropout(dropout, name=f"{name}_dropout")(x)
    if alpha_dropout:
        x = keras.layers.AlphaDropout(alpha_dropout, name=f"{name}_dropout")(x)
    return x


def add_shortcut(
    x: keras.KerasTensor,
    branch: keras.KerasTensor,
    *,
    name: str,
    project: Callable[[keras.KerasTensor], keras.KerasTensor],
) -> keras.KerasTensor:
    """The sum of a block's branch and its input (He et al. 2015, "Deep residual learning", section 3.2).

    Args:
        x: what enters the block.
        branch: what the block's layers make of it.
        name: of the block; the sum is called `{name}_add`.
        project: brings `x` to the branch's shape. Used only where the shapes differ (their option B): elsewhere the
            shortcut is the identity and has no parameters.

    Returns:
        Tensor of the branch's shape.
    """
    shortcut = x if x.shape == branch.shape else project(x)
    return keras.layers.Add(name=f"{name}_add")([branch, shortcut])


def new_initializer(given: str | Mapping[str, Any]) -> keras.initializers.Initializer:
    """An initializer from its name, such as "he_normal", or a mapping with its `name` and its options.

    Each layer needs its own: an initializer draws the same numbers each time it is called. For example,
    `{"name": "random_normal", "stddev": 0.01}` is a fixed spread.

    Raises:
        ValueError: Keras knows no such initializer, or it takes no such option; the message names the nearest.
    """
    options = {"name": given} if isinstance(given, str) else dict(given)
    name = options.pop("name")
    kind = getattr(keras.initializers, name, None)
    if not inspect.isclass(kind) or inspect.isabstract(kind):
        raise ValueError(checks.unknown_name("initializer", name, _public_names(keras.initializers)))
    _check_options(name, kind, options)
    return kind(**options)


def new_activation(given: str | Mapping[str, Any], name: str) -> keras.layers.Layer:
    """An activation's layer.

    Args:
        given: a name in `keras.activations`, with Keras' defaults: "leaky_relu" has slope 0.2 below zero. Or a mapping
            with a `name` out of "relu", "leaky_relu", "prelu" and "elu", and options of that Keras layer, such as
            `{"name": "leaky_relu", "negative_slope": 0.01}`.
        name: of the layer.

    Raises:
        ValueError: Keras knows no such activation, or it takes no such option; the message names the nearest.
    """
    if isinstance(given, str):
        try:
            return keras.layers.Activation(given, name=name)
        except ValueError as error:
            raise ValueError(checks.unknown_name("activation", given, _public_names(keras.activations))) from error
    options = dict(given)
    kind = options.pop("name")
    if kind not in _WITH_OPTIONS:
        raise ValueError(checks.unknown_name("activation with options", kind, _WITH_OPTIONS))
    layer = getattr(keras.layers, _WITH_OPTIONS[kind])
    _check_options(kind, layer, options)
    return layer(**options, name=name)


def _check_options(name: str, kind: type, options: Mapping[str, Any]) -> None:
    for option in options:
        checks.one_of(f"{name}'s option", option, set(inspect.signature(kind).parameters) - {"kwargs"})


def _public_names(module: Any) -> list[str]:
    functions = {name for name in dir(module) if name.islower() and not name.startswith("_")}
    return sorted(functions - {"get", "serialize", "deserialize"})
