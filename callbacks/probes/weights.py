"""Probes of kernels."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from callbacks.probes.probe import Probe

if TYPE_CHECKING:
    import numpy as np

    from callbacks.probes.network import Network

_RANK_TOLERANCE = 1e-4
_SMALL = 1e-3


class WeightRank(Probe):
    """Number of a kernel's singular values that exceed 1e-4 of the largest one; 0 for a kernel of zeros.

    A kernel counts as a matrix (inputs, units). Units that are all equal have rank 1.

    Records:
        weight_rank/hidden_1: the rank of a layer's kernel.

    Cost: a singular value decomposition of each kernel.
    """

    def measure(self, network: Network) -> dict[str, float]:
        """The rank of each kernel."""
        return {f"weight_rank/{layer}": rank(kernel) for layer, kernel in network.kernels.items()}


class WeightMovement(Probe):
    """Distance of a kernel from its value before the first step, relative to the length of that, by Frobenius norms.

    Records:
        weight_movement: all kernels taken as one vector.
        weight_movement/hidden_1: a layer's kernel, unless it was zero at first.

    Cost: a copy of the kernels.
    """

    def measure(self, network: Network) -> dict[str, float]:
        """The movement of all kernels, then of each that was not zero at first."""
        first = self.kept.setdefault("first", copied(network.kernels))
        return distances("weight_movement", first, network.kernels)


class WeightSteps(Probe):
    """Distance of a kernel from its value at the measurement before, relative to the length of that.

    By Frobenius norms: ‖W − W'‖ / ‖W'‖, the net movement of one epoch.

    Records:
        weight_steps: all kernels taken as one vector.
        weight_steps/hidden_1: a layer's kernel, unless it was zero before.

    Nothing before the first step, as there is nothing to compare with.

    Cost: a copy of the kernels.
    """

    def measure(self, network: Network) -> dict[str, float]:
        """The movement of all kernels, then of each that was not zero before."""
        before, self.kept = self.kept, copied(network.kernels)
        return distances("weight_steps", before, network.kernels)


class SmallWeights(Probe):
    """Share of a kernel's weights that are smaller than 0.001 in absolute value.

    Records:
        small_weights: the share among all kernels' weights.
        small_weights/hidden_1: the share in a layer's kernel.

    Cost: one look at each kernel.
    """

    def measure(self, network: Network) -> dict[str, float]:
        """The share among all weights, then kernel by kernel."""
        from callbacks.probes.units import shares

        return shares("small_weights", {layer: abs(kernel) < _SMALL for layer, kernel in network.kernels.items()})


def rank(kernel: np.ndarray) -> int:
    """The rank of a kernel as a matrix (inputs, units); 0 if a weight is not finite."""
    import numpy as np

    matrix = kernel.reshape(-1, kernel.shape[-1])
    if not np.isfinite(matrix).all() or not matrix.any():
        return 0
    return int(np.linalg.matrix_rank(matrix, rtol=_RANK_TOLERANCE))


def copied(kernels: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Copies, since the arrays of a network may be views of its variables, which training changes."""
    return {layer: kernel.copy() for layer, kernel in kernels.items()}


def distances(name: str, before: Mapping[str, np.ndarray], now: Mapping[str, np.ndarray]) -> dict[str, float]:
    """The relative distance of all kernels from those before as `name`, then of each as `name/layer`."""
    import numpy as np

    lengths = {layer: float(np.linalg.norm(kernel)) for layer, kernel in before.items()}
    moved = {layer: float(np.linalg.norm(now[layer] - kernel)) for layer, kernel in before.items()}
    length = float(np.linalg.norm([*lengths.values()]))
    total = {name: float(np.linalg.norm([*moved.values()])) / length} if length else {}
    return total | {f"{name}/{layer}": moved[layer] / lengths[layer] for layer in before if lengths[layer]}
