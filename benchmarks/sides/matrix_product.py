"""Products of two float32 matrices of 1,024 × 1,024: the speed of the machine, with which networks are compared."""

from __future__ import annotations

import tensorflow as tf

from benchmarks.works import Work

SIZE, PRODUCTS = 1024, 50


class Side:
    """An epoch is `PRODUCTS` products."""

    def __init__(self, work: Work) -> None:
        matrix = tf.random.stateless_normal((SIZE, SIZE), (0, 0)) / SIZE

        @tf.function(autograph=False)
        def products() -> tf.Tensor:
            return tf.while_loop(lambda i, m: i < PRODUCTS, lambda i, m: (i + 1, matrix @ m), (0, matrix))[1][0, 0]

        self.products = products

    def train(self, epochs: int) -> None:
        """Multiply."""
        for _ in range(epochs):
            float(self.products())
