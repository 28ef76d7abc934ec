"""LeNet's convolutions in other ways than TensorFlow's kernels: as products with patches, channels first, under XLA.

    python -m benchmarks.convolutions [--threads 1]

Milliseconds for a batch of 32. First each pass of each convolution alone, then the whole step.
"""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Callable
from typing import Annotated, Any

import typer
from rich.console import Console

from benchmarks.works import WORKS
from folklore.report.tables import table
from folklore.study.resources import environment

BATCH, STEPS, ROUNDS = 32, 200, 5


def main(threads: Annotated[int, typer.Option(min=1, help="of TensorFlow")] = 1) -> None:
    """Measure and print two tables."""
    os.environ.update(environment(threads))  # before Keras imports TensorFlow
    console = Console(width=130)
    rows = [{"pass": name, **_alone(shape)} for name, shape in PASSES.items()]
    console.print(table(rows, title=f"Each pass alone, {threads} threads"))
    console.print(table(_steps(), title="The whole step"))


# Height and width, channels, filters, padding: of 5 × 5 kernels.
PASSES: dict[str, tuple[int, int, int, str]] = {
    "first convolution": (28, 1, 6, "SAME"),
    "second convolution": (14, 6, 16, "VALID"),
}


def _alone(shape: tuple[int, int, int, str]) -> dict[str, str]:
    """Milliseconds of the passes of one convolution, by way."""
    import tensorflow as tf

    size, channels, filters, padding = shape
    x = tf.random.stateless_normal((BATCH, size, size, channels), seed=(0, 0))
    kernel = tf.random.stateless_normal((5, 5, channels, filters), seed=(0, 1))
    out = tf.nn.conv2d(x, kernel, 1, padding)
    window = {"sizes": [1, 5, 5, 1], "strides": [1] * 4, "rates": [1] * 4, "padding": padding}
    patches = tf.reshape(tf.image.extract_patches(x, **window), (-1, 25 * channels))
    flat, flat_out = tf.reshape(kernel, (-1, filters)), tf.reshape(out, (-1, filters))
    first = tf.transpose(x, (0, 3, 1, 2))
    options = {"strides": [1] * 4, "padding": padding}
    ways: dict[str, Callable[[tf.Tensor], tf.Tensor]] = {
        "forward": lambda near: tf.nn.conv2d(x, kernel * near, 1, padding),
        "channels first": lambda near: tf.nn.conv2d(first, kernel * near, 1, padding, data_format="NCHW"),
        "product, patches ready": lambda near: tf.matmul(patches, flat * near),
        "patches": lambda near: tf.image.extract_patches(x * near, **window),
        "kernel's gradient": lambda near: tf.raw_ops.Conv2DBackpropFilter(
            input=x, filter_sizes=kernel.shape, out_backprop=out * near, **options
        ),
        "its product": lambda near: tf.matmul(patches, flat_out * near, transpose_a=True),
        "input's gradient": lambda near: tf.raw_ops.Conv2DBackpropInput(
            input_sizes=x.shape, filter=kernel * near, out_backprop=out, **options
        ),
    }
    return {name: f"{_loop(way):.3f}" for name, way in ways.items()}


def _loop(way: Callable[[Any], Any]) -> float:
    """Milliseconds of a call in a loop in the graph; a factor near one differs from call to call, so each computes."""
    import tensorflow as tf

    def body(number: tf.Tensor, total: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        return number + 1, total + tf.reshape(way(1 + 1e-9 * tf.cast(number, tf.float32)), [-1])[0]

    @tf.function
    def loop() -> tf.Tensor:
        return tf.while_loop(lambda number, _: number < STEPS, body, [0, 0.0], parallel_iterations=1)[1]

    return _median(lambda: loop().numpy())


def _steps() -> list[dict[str, str]]:
    import keras
    import tensorflow as tf

    from benchmarks.sides.keras_model import keras_model
    from folklore import epoch

    class Patches(keras.layers.Conv2D):
        """A convolution as one product with patches, and likewise backwards."""

        def convolution_op(self, inputs: Any, kernel: Any) -> Any:
            """(batch, height, width, channels) to (batch, …, filters)."""
            side, _, channels, filters = kernel.shape
            pad = side // 2 if self.padding == "same" else 0

            @tf.custom_gradient
            def product(x: tf.Tensor, kernel: tf.Tensor) -> tuple[tf.Tensor, Callable[..., Any]]:
                batch, height, width = x.shape[0], x.shape[1] - side + 1, x.shape[2] - side + 1
                offsets = [(i, j) for i in range(side) for j in range(side)]
                cut = tf.concat([x[:, i : i + height, j : j + width] for i, j in offsets], -1)
                patches, flat = tf.reshape(cut, (-1, side * side * channels)), tf.reshape(kernel, (-1, filters))

                def gradient(upstream: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
                    flat_up = tf.reshape(upstream, (-1, filters))
                    to_kernel = tf.reshape(tf.matmul(patches, flat_up, transpose_a=True), kernel.shape)
                    if channels == 1:  # of an image, whose gradient nothing needs
                        return tf.zeros_like(x), to_kernel
                    spread = tf.reshape(tf.matmul(flat_up, flat, transpose_b=True), (*cut.shape[:3], -1, channels))
                    rest = side - 1
                    pads = [[(0, 0), (i, rest - i), (j, rest - j), (0, 0)] for i, j in offsets]
                    return tf.add_n([tf.pad(spread[:, :, :, n], each) for n, each in enumerate(pads)]), to_kernel

                return tf.reshape(tf.matmul(patches, flat), (batch, height, width, filters)), gradient

            return product(tf.pad(inputs, [(0, 0), (pad, pad), (pad, pad), (0, 0)]), kernel)

    work = WORKS["lenet"]
    data = epoch.place(work.data(STEPS * BATCH))
    plain = keras_model(work)
    ways = [("kernels", "graph", plain), ("kernels", "xla", plain)]
    patches = keras.models.clone_model(plain, clone_function=lambda layer: _as_patches(layer, Patches))
    patches.compile("adam", plain.loss)
    ways += [("patches", "graph", patches), ("patches", "xla", patches)]
    rows = []
    for convolutions, mode, model in ways:

        def train(mode: Any = mode, model: Any = model) -> None:
            epoch.fit(model, data, epochs=1, batch_size=BATCH, mode=mode)

        rows.append({"convolutions": convolutions, "mode": mode, "ms a step": f"{_median(train):.3f}"})
    return rows


def _as_patches(layer: Any, kind: type[Any]) -> Any:
    import keras

    like = kind if isinstance(layer, keras.layers.Conv2D) else type(layer)
    return like.from_config(layer.get_config())


def _median(train: Callable[[], Any]) -> float:
    """Milliseconds of one of `STEPS` steps, after a first call, which traces."""
    train()
    taken = []
    for _ in range(ROUNDS):
        begun = time.perf_counter()
        train()
        taken.append((time.perf_counter() - begun) / STEPS * 1e3)
    return statistics.median(taken)


if __name__ == "__main__":
    typer.run(main)
