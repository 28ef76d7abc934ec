"""A hand-written training loop as in TensorFlow's guide: one `tf.function` per step over a shuffled pipeline.

https://www.tensorflow.org/guide/keras/writing_a_training_loop_from_scratch
"""

from __future__ import annotations

import tensorflow as tf

from benchmarks.sides.keras_model import keras_model
from benchmarks.works import Work


class Side:
    """Trains step by step with a gradient tape."""

    def __init__(self, work: Work) -> None:
        self.model = model = keras_model(work)
        x, y = work.data()
        pipeline = tf.data.Dataset.from_tensor_slices((x, y)).shuffle(len(x)).batch(work.batch)
        self.pipeline = pipeline.prefetch(tf.data.AUTOTUNE)
        regression = work.outputs == 1
        loss_of = (
            tf.keras.losses.MeanSquaredError()
            if regression
            else tf.keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        )
        self.metric = (
            tf.keras.metrics.MeanAbsoluteError() if regression else tf.keras.metrics.SparseCategoricalAccuracy()
        )

        @tf.function
        def step(x: tf.Tensor, y: tf.Tensor) -> tf.Tensor:
            with tf.GradientTape() as tape:
                outputs = model(x, training=True)
                loss = loss_of(y[:, None] if regression else y, outputs)
            gradients = tape.gradient(loss, model.trainable_weights)
            model.optimizer.apply(gradients, model.trainable_weights)
            self.metric.update_state(y[:, None] if regression else y, outputs)
            return loss

        self.step = step

    def train(self, epochs: int) -> None:
        """Train `epochs` epochs."""
        for _ in range(epochs):
            self.metric.reset_state()
            for x, y in self.pipeline:
                loss = self.step(x, y)
            float(loss), float(self.metric.result())
