"""A probe of batch normalisation."""

from __future__ import annotations

from typing import TYPE_CHECKING

from callbacks.probes.probe import Probe

if TYPE_CHECKING:
    from callbacks.probes.network import Network

SIZES = (1, 8, 256)


class BatchStatistics(Probe):
    """Loss and metrics where batch normalisation uses the statistics of the batch in place of the moving ones.

    On the first rows of the validation part, at most 1,024, in batches of 1, 8 and 256, sorted by label or shuffled,
    with dropout off. That is what a network gives that was left in training mode. The moving statistics stay as they
    are. With batches of one row a dense layer's normalised values are all 0. Ioffe & Szegedy 2015 ("Batch
    normalization", section 3.1) say why inference uses moving statistics.

    Records:
        accuracy_in_batches_of_8_sorted: likewise `shuffled`, `256`, and `loss`, `rmse`, `mae`.
        accuracy_in_batches_of_1: likewise; their order changes nothing.
        accuracy_in_inference_mode: on the same rows with the moving statistics.

    Nothing for a network without batch normalisation.

    Cost: six evaluations of 1,024 rows, one of them row by row.
    """

    def measure(self, network: Network) -> dict[str, float]:
        """Every metric in every kind of batch."""
        import keras

        if not any(isinstance(layer, keras.layers.BatchNormalization) for layer in network.model.layers):
            return {}
        labelled = network.labelled
        found = {"in_inference_mode": labelled.in_inference_mode()}
        for size in SIZES:
            for order in ("sorted", "shuffled"):
                name = f"in_batches_of_{size}" if size == 1 else f"in_batches_of_{size}_{order}"
                if name not in found:
                    found[name] = labelled.with_batch_statistics(size, order == "sorted")
        return {f"{metric}_{name}": value for name, logs in found.items() for metric, value in logs.items()}
