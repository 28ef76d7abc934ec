"""The parts that networks are made of: functions from tensors to tensors.

A hidden layer is two halves, `linear` or `convolution`, and `nonlinear`. A residual block adds its shortcut between the
halves of its last layer. A layer's name is its place in the network (`hidden_1`), and what belongs to it carries that
name with a suffix (`hidden_1_bn`). So equal layers have equal names in every variant, and stand together in
TensorBoard's graph.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

import keras

from models import checks
from models.named import new_activation, new_initializer
from models.options import Normalization

Pooling = Literal["max", "average"]
Normalize = Callable[..., Any]  # from (x, name=) to x: `normalized`, perhaps with options


def normalized(
    x: keras.KerasTensor, *, name: str, momentum: float = 0.99, scale: bool = True, center: bool = True
) -> keras.KerasTensor:
    """Batch normalisation over all axes but the last (Ioffe & Szegedy 2015), with Keras' epsilon, 0.001.

    Args:
        x: float tensor of any shape.
        name: of the layer that it belongs to; the normalisation is called `{name}_bn`.
        momentum: share of the moving averages that each step keeps. They are used in inference.
        scale, center: whether a trained factor and a trained offset for each unit or channel follow.
    """
    return keras.layers.BatchNormalization(momentum=momentum, scale=scale, center=center, name=f"{name}_bn")(x)


def linear(
    x: keras.KerasTensor,
    units: int,
    *,
    name: str,
    batch_norm: Normalize | None = None,
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
        batch_norm: how to normalise, such as `normalized`; None for not at all.
        initializer: of the kernel, see `named.new_initializer`. The bias starts at zero.
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
    return batch_norm(x, name=name) if batch_norm else x


def nonlinear(
    x: keras.KerasTensor,
    *,
    name: str,
    activation: str | Mapping[str, Any] = "relu",
    batch_norm: Normalize | None = None,
    dropout: float = 0.0,
    alpha_dropout: float = 0.0,
    uniform_dropout: float = 0.0,
) -> keras.KerasTensor:
    """An activation, then batch normalisation, then dropout, the last two if asked for.

    Args:
        x: float tensor of any shape.
        name: of the layer that is finished here: `{name}_activation`, `{name}_bn`, `{name}_dropout`.
        activation: see `named.new_activation`.
        batch_norm: see `linear`.
        dropout: share of activations set to zero (Srivastava et al. 2014); with 0 there is no such layer.
        alpha_dropout: share set to SELU's lower limit, mean and variance kept (Klambauer et al. 2017, section 2);
            with 0 there is no such layer.
        uniform_dropout: see `layers.UniformDropout`; with 0 there is no such layer.

    Returns:
        Float tensor of the shape of `x`; with the activation "crelu", of twice as many units or channels.

    Raises:
        ValueError: Keras does not know the activation.
    """
    x = new_activation(activation, f"{name}_activation")(x)
    if batch_norm:
        x = batch_norm(x, name=name)
    if dropout:
        x = keras.layers.Dropout(dropout, name=f"{name}_dropout")(x)
    if alpha_dropout:
        x = keras.layers.AlphaDropout(alpha_dropout, name=f"{name}_dropout")(x)
    if uniform_dropout:
        from models.layers import UniformDropout

        x = UniformDropout(uniform_dropout, name=f"{name}_dropout")(x)
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


def convolution(
    x: keras.KerasTensor,
    filters: int,
    kernel_size: int,
    *,
    name: str,
    strides: int = 1,
    padding: Literal["same", "valid"] = "same",
    groups: int = 1,
    batch_norm: Normalize | None = None,
    initializer: str | Mapping[str, Any] = "he_normal",
    l2: float = 0.0,
    use_bias: bool = True,
    dtype: str | None = None,
) -> keras.KerasTensor:
    """A convolution without an activation, then batch normalisation if asked for.

    Args:
        x: float tensor (batch, height, width, channels).
        filters: the number of channels that leave.
        kernel_size: height and width of the kernel.
        name: of the convolution; its padding is called `{name}_padding`, the normalisation `{name}_bn`.
        strides: pixels from one position to the next.
        padding: "valid" for none; "same" adds (kernel_size - 1) / 2 pixels of zeros on each side, as the published
            networks have it. Keras' own "same" may pad only the right and the bottom where it strides.
        groups: parts into which the channels are split, each convolved by itself.
        batch_norm: see `linear`.
        initializer: of the kernel, see `named.new_initializer`. The bias starts at zero.
        l2: adds `l2 * sum(kernel ** 2)` to the loss.
        use_bias: whether each filter has a bias.
        dtype: of the convolution, in place of Keras' dtype policy.

    Raises:
        TooSmallError: the image is smaller than the kernel, and is not padded.
    """
    if padding == "same" and strides > 1 and kernel_size % 2:
        padding = "valid"
        if kernel_size > 1:
            x = keras.layers.ZeroPadding2D(kernel_size // 2, name=f"{name}_padding")(x)
    if padding == "valid":
        _check_size(x, kernel_size)
    x = keras.layers.Conv2D(
        filters,
        kernel_size,
        strides=strides,
        padding=padding,
        groups=groups,
        use_bias=use_bias,
        kernel_initializer=new_initializer(initializer),
        kernel_regularizer=keras.regularizers.L2(l2) if l2 else None,
        dtype=dtype,
        name=name,
    )(x)
    return batch_norm(x, name=name) if batch_norm else x


def hidden_convolution(
    x: keras.KerasTensor,
    filters: int,
    kernel_size: int,
    *,
    name: str,
    normalization: Normalization = "none",
    batch_norm: Normalize = normalized,
    activation: str | Mapping[str, Any] = "relu",
    **options: Any,
) -> keras.KerasTensor:
    """A convolution with its activation, and batch normalisation before or after that.

    Args:
        x: float tensor (batch, height, width, channels).
        filters: the number of channels that leave.
        kernel_size: height and width of the kernel.
        name: see `convolution` and `nonlinear`.
        normalization: where batch normalisation stands.
        batch_norm: how to normalise there.
        activation: see `named.new_activation`.
        **options: see `convolution`.
    """
    before, after = (batch_norm if normalization == place else None for place in ("before", "after"))
    x = convolution(x, filters, kernel_size, name=name, batch_norm=before, **options)
    return nonlinear(x, name=name, activation=activation, batch_norm=after)


def pool(
    x: keras.KerasTensor,
    kind: Pooling,
    size: int,
    *,
    name: str,
    strides: int | None = None,
    padding: Literal["same", "valid"] = "valid",
) -> keras.KerasTensor:
    """The maximum or the average of windows, channel by channel.

    Args:
        x: float tensor (batch, height, width, channels).
        kind: "max" or "average".
        size: height and width of a window.
        name: of the layer.
        strides: pixels from one window to the next; `size` if not given.
        padding: "valid" for none, or Keras' "same", whose padding counts neither for the maximum nor for the average.

    Raises:
        TooSmallError: the image is smaller than a window, and is not padded.
    """
    if padding == "valid":
        _check_size(x, size)
    layer = keras.layers.MaxPooling2D if kind == "max" else keras.layers.AveragePooling2D
    return layer(size, strides=strides, padding=padding, name=name)(x)


def image_input(shape: Sequence[int | None]) -> tuple[keras.KerasTensor, keras.KerasTensor]:
    """The input of a network for images, and what its first layer sees: with an axis for channels.

    Args:
        shape: (height, width, channels), or (height, width) for one channel.

    Returns:
        Two float tensors: (batch, *shape) and (batch, height, width, channels).
    """
    inputs = keras.Input(tuple(shape), name="inputs")
    return inputs, inputs if len(shape) == 3 else keras.layers.Reshape((*shape, 1), name="channel")(inputs)


def scaled(filters: int, width: float) -> int:
    """A number of filters times a width multiplier (Howard et al. 2017, "MobileNets", section 3.3), at least 1."""
    return max(1, round(filters * width))


def _check_size(x: keras.KerasTensor, size: int) -> None:
    if any(axis is not None and axis < size for axis in x.shape[1:3]):
        raise checks.TooSmallError(f"{x.shape[1]}×{x.shape[2]} pixels are left, and {size}×{size} are needed.")
