"""Compiled derivatives of a model's loss by its trainable weights, which change nothing in the model."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from callbacks.probes.hidden import nonlinear_layers
from folklore.epoch.dropout_masks import counted

_ZERO = tf.UnconnectedGradients.ZERO


class Derivatives:
    """The compiled derivatives of one model. The seeds of an arm share them.

    The loss is the compiled one, with penalties. Keras' layers run in a `StatelessScope`: what they would assign, such
    as moving statistics and the number of a dropout's draw, is dropped, so that the training goes on as if nothing had
    been measured.
    """

    def __init__(self, model: keras.Model) -> None:
        self.model = model
        inner = [layer.input for layer in nonlinear_layers(model).values()]
        (inputs,) = model.inputs
        outputs = model.outputs if len(model.outputs) > 1 else model.outputs[0]
        self.tapped = keras.Model(inputs, {"inner": inner, "outputs": outputs})
        self._gradients = tf.function(self._trace_gradients, autograph=False)
        self._products = tf.function(self._trace_products, autograph=False)

    @property
    def sizes(self) -> list[int]:
        """The number of weights in each trainable variable."""
        return [int(np.prod(variable.shape)) for variable in self.model.trainable_variables]

    @counted()
    def gradients(self, batch: Any) -> tuple[list[np.ndarray], list[np.ndarray]]:
        """The gradients of the loss on a batch in training mode, as a step takes it, float32.

        By each trainable variable, and by what enters each hidden layer's nonlinearity.
        """
        by_variable, by_inner = self._gradients(batch)
        return [each.numpy() for each in by_variable], [each.numpy() for each in by_inner]

    @counted()
    def products(self, batch: Any, directions: np.ndarray) -> np.ndarray:
        """The Hessian of the loss on a batch in inference mode times each row of `directions`, (n, weights)."""
        return self._products(batch, tf.constant(directions, tf.float32)).numpy()

    def _loss(self, values: Sequence[tf.Tensor], batch: Any, training: bool) -> tuple[tf.Tensor, list[tf.Tensor]]:
        """The loss at these values of the trainable variables, and what enters the nonlinearities."""
        x, y, weights = keras.utils.unpack_x_y_sample_weight(batch)
        mapping = list(zip(self.model.trainable_variables, values, strict=True))
        with keras.StatelessScope(state_mapping=mapping):
            found = self.tapped(x, training=training)
            return self.model.compute_loss(x, y, found["outputs"], weights, training=training), found["inner"]

    def _values(self) -> list[tf.Tensor]:
        return [tf.convert_to_tensor(variable.value) for variable in self.model.trainable_variables]

    def _trace_gradients(self, batch: Any) -> Any:
        values = self._values()
        # While gradients are in 16 bits, they are scaled as Keras scales them, so that they do not vanish there.
        scale = self.model.optimizer.scale_loss(tf.ones(()))
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(values)
            loss, inner = self._loss(values, batch, training=True)
            scaled = loss * scale
        found = tape.gradient(scaled, [values, inner], unconnected_gradients=_ZERO)
        return tf.nest.map_structure(lambda each: tf.cast(tf.convert_to_tensor(each), tf.float32) / scale, found)

    def _trace_products(self, batch: Any, directions: tf.Tensor) -> tf.Tensor:
        values = self._values()

        def product(direction: tf.Tensor) -> tf.Tensor:
            parts = [
                tf.reshape(part, value.shape)
                for part, value in zip(tf.split(direction, self.sizes), values, strict=True)
            ]
            with tf.GradientTape(watch_accessed_variables=False) as outer:
                outer.watch(values)
                with tf.GradientTape(watch_accessed_variables=False) as tape:
                    tape.watch(values)
                    loss, _ = self._loss(values, batch, training=False)
                gradients = tape.gradient(loss, values, unconnected_gradients=_ZERO)
                slope = tf.add_n([tf.reduce_sum(g * part) for g, part in zip(gradients, parts, strict=True)])
            found = outer.gradient(slope, values, unconnected_gradients=_ZERO)
            return tf.concat([tf.reshape(each, [-1]) for each in found], axis=0)

        return tf.map_fn(product, directions)
