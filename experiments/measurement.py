"""Do the metrics that we compare mean what they seem to mean?

Command:   python -m experiments run measurement --until-decided --data real
Cost:      ten minutes on two cores; under one minute with --budget quick
"""

import data
import folklore
from folklore import Experiment, Hypothesis, Metric, Recipe
from models import mlp

images = Recipe(
    model=mlp,
    params=dict(widths=(300, 100), initializer="he_normal"),
    data=data.fashion_mnist,
    data_params=dict(train_size=20_000),
    batch_size=128,
    epochs=10,
)
as_keras_shows = Metric("last validation/accuracy - last running/accuracy", goal="max")
measured_alike = Metric("last train/accuracy - last validation/accuracy", goal="max")
moved_meanwhile = Metric("last train/accuracy - last running/accuracy", goal="max")

validation_above_train = Experiment(
    claim="Validation accuracy above train accuracy is an artefact of how the train figure is measured.",
    arms={"plain": images, "dropout 0.4": images.but(params=dict(dropout=0.4))},
    baseline="plain",
    metric=measured_alike,
    hypothesis=(
        Hypothesis("dropout 0.4", "better", 0.005, as_keras_shows, against=0.0,
                   claim="With dropout, validation accuracy lies above the train accuracy that Keras shows."),
        Hypothesis("dropout 0.4", "better", 0.005, measured_alike, against=0.0,
                   claim="Measured alike, on finished weights without dropout, train accuracy is the higher one."),
        Hypothesis("plain", "better", 0.005, moved_meanwhile, against=0.0,
                   claim="Without dropout, the lag alone puts Keras' figure below the train accuracy."),
        Hypothesis("dropout 0.4", "better", 0.005, moved_meanwhile,
                   claim="Dropout's noise adds to the lag."),
    ),
    quick=dict(epochs=3, data_params=dict(train_size=5_000)),
)  # fmt: skip

table = Recipe(
    model=mlp,
    params=dict(widths=(30, 30), initializer="he_normal"),
    data=data.california_housing,
    schedule="cosine",
    batch_size=32,
    epochs=30,
)
aa_noise = Experiment(
    claim="Two identical arms do not differ.",
    arms={f"stream {stream}": table.but(stream=stream) for stream in range(6)},
    baseline="stream 0",
    metric=Metric("test/rmse", goal="min"),
    hypothesis=Hypothesis("stream 1", "no difference", 0.01),
    seeds=30,
    quick=dict(epochs=3),
)

if __name__ == "__main__":
    folklore.run_file(__file__)
