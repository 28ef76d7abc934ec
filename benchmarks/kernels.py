"""What an epoch's time goes to, kernel by kernel: how much a faster loop around the same kernels could gain at most.

    python -m benchmarks.kernels [--work lenet] [--threads 1]

One worker trains in the plain graph, under TensorFlow's profiler. `model.fit` takes turns with it, without a profiler
and with equal threads and oneDNN. The last line is the ratio that would be left if all but the kernels took no time.
"""

from __future__ import annotations

import os
import statistics
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from benchmarks.works import WORKS, Work
from folklore.report.tables import table
from folklore.study.resources import environment

STEPS = 400
SHOWN = 12


def main(
    work: Annotated[str, typer.Option(help=f"one of: {', '.join(WORKS)}")] = "lenet",
    threads: Annotated[int, typer.Option(min=1, help="of TensorFlow; with more than one, kernels overlap")] = 1,
    rounds: Annotated[int, typer.Option(min=1, help="number of measurements of an epoch")] = 5,
) -> None:
    """Measure and print a table."""
    os.environ.update(environment(threads))  # before Keras imports TensorFlow
    from benchmarks.sides.keras_model import keras_model
    from folklore import epoch

    chosen: Work = WORKS[work]
    rows = STEPS * chosen.batch
    data, models = chosen.data(rows), [keras_model(chosen), keras_model(chosen)]
    placed = epoch.place(data)

    def ours() -> None:
        epoch.fit(models[0], placed, epochs=1, batch_size=chosen.batch, mode="graph")

    def keras_own() -> None:
        models[1].fit(*data, batch_size=chosen.batch, verbose=0)

    for train in (ours, keras_own):
        train()  # traces
    timed = [(_milliseconds(ours), _milliseconds(keras_own)) for _ in range(rounds)]
    step, keras_step = (statistics.median(each) for each in zip(*timed, strict=True))
    kernels = _kernels(ours)
    spent = sum(kernels.values())
    shown = [{"kernel": name, "ms a step": f"{ms:.3f}", "of all": f"{ms / step:.0%}"} for name, ms in kernels.items()]
    console = Console(width=130)
    console.print(table(shown[:SHOWN], title=f"{chosen.name}: the kernels of a step, {threads} threads"))
    console.print(
        f"A step takes {step:.3f} ms, its kernels {spent:.3f} ms ({spent / step:.0%}). "
        f"A step of model.fit takes {keras_step:.3f} ms: {keras_step / step:.2f} times as long, and "
        f"{keras_step / spent:.2f} times as long as the kernels alone.",
        soft_wrap=True,
    )


def _milliseconds(train: Callable[[], None]) -> float:
    begun = time.perf_counter()
    train()
    return (time.perf_counter() - begun) / STEPS * 1e3


def _kernels(train: Callable[[], None]) -> dict[str, float]:
    """Milliseconds a step by kernel, the longest first, of the threads that compute."""
    import tensorflow as tf
    from tensorflow.tsl.profiler.protobuf import xplane_pb2

    with tempfile.TemporaryDirectory() as folder:
        options = tf.profiler.experimental.ProfilerOptions(host_tracer_level=2, python_tracer_level=0)
        with tf.profiler.experimental.Profile(folder, options):
            train()
        (file,) = Path(folder).rglob("*.xplane.pb")
        space = xplane_pb2.XSpace.FromString(file.read_bytes())
    spent: Counter[str] = Counter()
    for plane in space.planes:
        for line in plane.lines:
            for event in line.events if line.name.startswith("tf_Compute") else ():
                name, colon, kernel = plane.event_metadata[event.metadata_id].name.rpartition(":")
                if colon and name and not name.endswith(":"):  # "node:kernel"; "Class::method" is the executor's own
                    spent[kernel] += event.duration_ps
    return {kernel: picoseconds / 1e9 / STEPS for kernel, picoseconds in spent.most_common()}


if __name__ == "__main__":
    typer.run(main)
