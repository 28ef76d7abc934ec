"""The probes: measurements inside the network after every epoch, a class each. Mechanism beside outcome.

A recipe names them in snake case: `probes=("dead_units",)` finds `DeadUnits`. A new probe is a new class here. Naming
probes must not import Keras or NumPy, so import them inside methods.

Example:
    >>> PROBES["dead_units"].__name__
    'DeadUnits'
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

    from callbacks.probing import Network

PROBES: dict[str, type[Probe]] = {}
_RANK_TOLERANCE = 1e-4


class Probe(ABC):
    """A measurement after every epoch. Each training has an object of its own."""

    def __init_subclass__(cls) -> None:
        """Make the class known by its name in snake case."""
        PROBES[re.sub(r"(?<!^)(?=[A-Z])", "_", cls.__name__).lower()] = cls

    @abstractmethod
    def measure(self, network: Network) -> dict[str, float]:
        """Values by name, such as "dead_units/hidden_1", which is recorded as `probe/dead_units/hidden_1`."""


class Activations(Probe):
    """Mean and standard deviation over rows and units of each hidden layer: `mean/hidden_1`, `std/hidden_1`."""

    def measure(self, network: Network) -> dict[str, float]:
        """Both, layer by layer."""
        return {
            f"{name}/{layer}": value
            for layer, moments in network.activations.items()
            for name, value in (("mean", moments.mean), ("std", moments.std))
        }


class DeadUnits(Probe):
    """Share of units that are 0 on every row: `dead_units` in the network, `dead_units/hidden_1` in a layer."""

    def measure(self, network: Network) -> dict[str, float]:
        """The share in the network, then layer by layer; nothing for a network without hidden layers."""
        dead = {layer: moments.dead for layer, moments in network.activations.items()}
        if not dead:
            return {}
        count, units = sum(int(part.sum()) for part in dead.values()), sum(part.size for part in dead.values())
        return {
            "dead_units": count / units,
            **{f"dead_units/{name}": float(part.mean()) for name, part in dead.items()},
        }


class WeightRank(Probe):
    """Number of a kernel's singular values that exceed 1e-4 of the largest one; 0 for a kernel of zeros."""

    def measure(self, network: Network) -> dict[str, float]:
        """The rank of each kernel."""
        return {f"weight_rank/{layer}": rank(kernel) for layer, kernel in network.kernels.items()}


class WeightMovement(Probe):
    """Distance of a kernel from its first value, relative to the length of that, by Frobenius norms."""

    def measure(self, network: Network) -> dict[str, float]:
        """The movement of each kernel that was not zero at first."""
        import numpy as np

        return {
            f"weight_movement/{layer}": float(np.linalg.norm(kernel - network.first[layer]) / length)
            for layer, kernel in network.kernels.items()
            if (length := np.linalg.norm(network.first[layer]))
        }


def rank(kernel: np.ndarray) -> int:
    """The rank of a kernel as a matrix (inputs, units); 0 if a weight is not finite."""
    import numpy as np

    matrix = kernel.reshape(-1, kernel.shape[-1])
    if not np.isfinite(matrix).all() or not matrix.any():
        return 0
    return int(np.linalg.matrix_rank(matrix, rtol=_RANK_TOLERANCE))
