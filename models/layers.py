"""Layers that Keras lacks. Builders import them when they build: to derive from Keras' layers wakes Keras."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras


@keras.saving.register_keras_serializable("folklore")
class LocalResponseNormalization(keras.layers.Layer):
    """Divides each activation by a power of the energy around it, over neighbouring channels at the same place.

    y_c = x_c / (bias + alpha * sum of x_j² for j from c - radius to c + radius)^beta, with the constants of Krizhevsky
    et al. 2012 ("ImageNet classification with deep convolutional neural networks", section 3.3). It has no weights.

    Args:
        radius: channels on each side; n = 5 in the paper is a radius of 2.
        bias: the paper's k.
        alpha: the paper's α, for each of the summed squares.
        beta: the paper's β.
        **options: of `keras.layers.Layer`.
    """

    pointwise = True  # an output sees the place of the image that its input sees

    def __init__(
        self, radius: int = 2, bias: float = 2.0, alpha: float = 1e-4, beta: float = 0.75, **options: Any
    ) -> None:
        super().__init__(**options)
        self.radius, self.bias, self.alpha, self.beta = radius, bias, alpha, beta

    def call(self, inputs: Any) -> Any:
        """Float tensor (batch, height, width, channels) to one of the same shape."""
        # A product with a band of ones sums neighbours, and exp(log) is a power. Sums of shifted maps and a power of
        # floats took, with their gradients, three quarters of a small AlexNet's step on a CPU.
        channels = keras.ops.arange(inputs.shape[-1])
        is_near = keras.ops.abs(channels[:, None] - channels[None, :]) <= self.radius
        squares = keras.ops.square(keras.ops.cast(inputs, "float32"))  # which exceed what 16 bits hold
        energy = keras.ops.matmul(squares, keras.ops.cast(is_near, "float32"))
        factors = keras.ops.exp(-self.beta * keras.ops.log(self.bias + self.alpha * energy))
        return inputs * keras.ops.cast(factors, inputs.dtype)

    def compute_output_shape(self, input_shape: Any) -> Any:
        """That of the input."""
        return input_shape

    def get_config(self) -> dict[str, Any]:
        """The constants."""
        own = {"radius": self.radius, "bias": self.bias, "alpha": self.alpha, "beta": self.beta}
        return super().get_config() | own


@keras.saving.register_keras_serializable("folklore")
class SelectChannels(keras.layers.Layer):
    """Some of the channels, as table I of LeCun et al. 1998 connects maps.

    Args:
        channels: their indices.
        **options: of `keras.layers.Layer`.
    """

    pointwise = True

    def __init__(self, channels: Sequence[int], **options: Any) -> None:
        super().__init__(**options)
        self.channels = list(channels)

    def call(self, inputs: Any) -> Any:
        """Float tensor (batch, height, width, channels) to (batch, height, width, as many as were named)."""
        return keras.ops.take(inputs, self.channels, axis=-1)

    def compute_output_shape(self, input_shape: Any) -> Any:
        """As many channels as were named."""
        return (*input_shape[:-1], len(self.channels))

    def get_config(self) -> dict[str, Any]:
        """The indices."""
        return super().get_config() | {"channels": self.channels}


@keras.saving.register_keras_serializable("folklore")
class PadChannels(keras.layers.Layer):
    """Adds channels of zeros behind those there are: a shortcut without parameters to a wider layer.

    He et al. 2015 ("Deep residual learning for image recognition"), option A of section 3.3.

    Args:
        channels: how many leave.
        **options: of `keras.layers.Layer`.
    """

    pointwise = True

    def __init__(self, channels: int, **options: Any) -> None:
        super().__init__(**options)
        self.channels = channels

    def call(self, inputs: Any) -> Any:
        """Float tensor (batch, height, width, fewer) to (batch, height, width, channels)."""
        return keras.ops.pad(inputs, [[0, 0], [0, 0], [0, 0], [0, self.channels - inputs.shape[-1]]])

    def compute_output_shape(self, input_shape: Any) -> Any:
        """As many channels as asked for."""
        return (*input_shape[:-1], self.channels)

    def get_config(self) -> dict[str, Any]:
        """The number of channels."""
        return super().get_config() | {"channels": self.channels}


@keras.saving.register_keras_serializable("folklore")
class UniformDropout(keras.layers.Layer):
    """Multiplies each value by 1 + r in training, r uniform in [-spread, spread): noise that drops nothing.

    "Uout" of Li et al. 2019 ("Understanding the disharmony between dropout and batch normalization by variance shift").
    It multiplies the mean square of the values by 1 + spread² / 3, dropout by 1 / (1 - rate): so behind it batch
    normalisation sees nearly the same variance in training as in inference.

    Args:
        spread: from 0 to 1.
        **options: of `keras.layers.Layer`.
    """

    pointwise = True

    def __init__(self, spread: float, **options: Any) -> None:
        super().__init__(**options)
        self.spread = spread
        self.seed_generator = keras.random.SeedGenerator()
        self.supports_masking = True

    def call(self, inputs: Any, training: bool = False) -> Any:
        """Float tensor of any shape to one of the same shape."""
        if not training:
            return inputs
        least, most = 1 - self.spread, 1 + self.spread
        shape = keras.ops.shape(inputs)
        return inputs * keras.random.uniform(shape, least, most, self.compute_dtype, seed=self.seed_generator)

    def compute_output_shape(self, input_shape: Any) -> Any:
        """That of the input."""
        return input_shape

    def get_config(self) -> dict[str, Any]:
        """The spread."""
        return super().get_config() | {"spread": self.spread}


@keras.saving.register_keras_serializable("folklore")
class ConcatenatedReLU(keras.layers.Activation):
    """The positive and the negative part of each value, as twice as many units or channels: ReLU(x), then ReLU(-x).

    Shang et al. 2016 ("Understanding and improving convolutional neural networks via concatenated rectified linear
    units").

    Args:
        **options: of `keras.layers.Layer`.
    """

    pointwise = True

    def __init__(self, **options: Any) -> None:
        super().__init__("relu", **options)

    def call(self, inputs: Any) -> Any:
        """Float tensor (…, units) to (…, 2 * units)."""
        return keras.ops.relu(keras.ops.concatenate([inputs, -inputs], axis=-1))

    def compute_output_shape(self, input_shape: Any) -> Any:
        """Twice as many units or channels."""
        return (*input_shape[:-1], 2 * input_shape[-1])

    def get_config(self) -> dict[str, Any]:
        """That of a layer without arguments."""
        return {name: value for name, value in super().get_config().items() if name != "activation"}
