"""Layers of an ensemble whose members share weights, see `models.tabm`. Their axis is the second one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import keras

from models.named import new_initializer


@keras.saving.register_keras_serializable("folklore")
class RandomSigns(keras.initializers.RandomUniform):
    """1 or -1, each with even chance."""

    def __init__(self, seed: int | None = None) -> None:
        super().__init__(-1.0, 1.0, seed)

    def __call__(self, shape: tuple[int, ...], dtype: str | None = None) -> Any:
        """A tensor of signs."""
        drawn = super().__call__(shape, dtype)
        return keras.ops.where(drawn < 0, -keras.ops.ones_like(drawn), keras.ops.ones_like(drawn))

    def get_config(self) -> dict[str, Any]:
        """The argument."""
        return {"seed": super().get_config()["seed"]}


@keras.saving.register_keras_serializable("folklore")
class Members(keras.layers.Layer):
    """The same input for each member: (batch, features) to (batch, members, features)."""

    def __init__(self, members: int, **options: Any) -> None:
        super().__init__(**options)
        self.members = members

    def call(self, inputs: Any) -> Any:
        """The input, repeated."""
        return keras.ops.repeat(keras.ops.expand_dims(inputs, 1), self.members, axis=1)

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """(batch, members, features)."""
        return (input_shape[0], self.members, input_shape[-1])

    def get_config(self) -> dict[str, Any]:
        """The arguments."""
        return super().get_config() | {"members": self.members}


@keras.saving.register_keras_serializable("folklore")
class EnsembleDense(keras.layers.Layer):
    """A dense layer with a shared kernel: ((x * scale_in) @ kernel) * scale_out + bias, the rest of each member.

    Args:
        units: that leave, for each member.
        first: whether `scale_in` begins as random signs, which tell members apart; else it begins as 1.
        kernel_initializer: see `named.new_initializer`.
    """

    def __init__(
        self,
        units: int,
        *,
        first: bool = False,
        kernel_initializer: str | Mapping[str, Any] = "glorot_uniform",
        **options: Any,
    ) -> None:
        super().__init__(**options)
        self.units, self.first, self.given = units, first, kernel_initializer
        self.kernel_initializer = new_initializer(kernel_initializer)
        self.scale_in_initializer = RandomSigns() if first else keras.initializers.Ones()

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Make the weights, for inputs (batch, members, features)."""
        _, members, features = input_shape
        for name, shape, initializer in (
            ("kernel", (features, self.units), self.kernel_initializer),
            ("scale_in", (members, features), self.scale_in_initializer),
            ("scale_out", (members, self.units), "ones"),
            ("bias", (members, self.units), "zeros"),
        ):
            setattr(self, name, self.add_weight(shape=shape, initializer=initializer, name=name))

    def call(self, inputs: Any) -> Any:
        """(batch, members, units)."""
        return keras.ops.matmul(inputs * self.scale_in, self.kernel) * self.scale_out + self.bias

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """(batch, members, units)."""
        return (*input_shape[:-1], self.units)

    def get_config(self) -> dict[str, Any]:
        """The arguments."""
        own = {"units": self.units, "first": self.first, "kernel_initializer": self.given}
        return super().get_config() | own


@keras.saving.register_keras_serializable("folklore")
class EnsembleHeads(keras.layers.Layer):
    """A linear output for each member: (batch, members, features) to (batch, members)."""

    def __init__(self, *, kernel_initializer: str | Mapping[str, Any] = "glorot_uniform", **options: Any) -> None:
        super().__init__(**options)
        self.given, self.kernel_initializer = kernel_initializer, new_initializer(kernel_initializer)

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Make the weights: a column for each member, drawn as the kernel of one layer."""
        _, members, features = input_shape
        self.kernel = self.add_weight(shape=(features, members), initializer=self.kernel_initializer, name="kernel")
        self.bias = self.add_weight(shape=(members,), initializer="zeros", name="bias")

    def call(self, inputs: Any) -> Any:
        """Each member's output."""
        return keras.ops.einsum("nmf,fm->nm", inputs, self.kernel) + self.bias

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """(batch, members)."""
        return input_shape[:-1]

    def get_config(self) -> dict[str, Any]:
        """The arguments."""
        return super().get_config() | {"kernel_initializer": self.given}


@keras.saving.register_keras_serializable("folklore")
class MeanOfMembers(keras.layers.Layer):
    """The mean over members: (batch, members) to (batch, 1).

    In training it adds the members' variance to the loss. With the squared error of the mean, that is the mean of the
    members' squared errors (Krogh & Vedelsby 1995, "Neural Network Ensembles, Cross Validation, and Active Learning",
    equation 6): each member learns as if it were alone.
    """

    def call(self, inputs: Any, training: bool | None = None) -> Any:
        """The mean."""
        if training:
            self.add_loss(keras.ops.mean(keras.ops.var(inputs, axis=-1)))
        return keras.ops.mean(inputs, axis=-1, keepdims=True)
