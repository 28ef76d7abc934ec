"""Probes of the loss's curvature on a fixed labelled batch: eigenvalues of its Hessian."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from callbacks.probes.probe import Probe

if TYPE_CHECKING:
    import numpy as np

    from callbacks.probes.network import Network

LANCZOS_STEPS = 40
MOST_PARAMETERS = 2_000
NEGATIVE = 1e-5  # of the largest absolute eigenvalue: float32 products give zeros an error about a tenth of that


class HessianExtremes(Probe):
    """The largest and the smallest eigenvalue of the loss's Hessian by all trainable weights.

    Of the loss on the first rows of the training part, at most 1,024, in inference mode: there it is one function of
    the weights, without draws of dropout, and batch normalisation holds its moving statistics. Forty steps of Lanczos'
    method with full reorthogonalisation on Hessian-vector products (Pearlmutter 1994, "Fast exact multiplication by the
    Hessian"; Ghorbani et al. 2019, "An investigation into neural net optimization via Hessian eigenvalue density"),
    from one fixed random direction. Eigenvalues of both signs where the gradient is small are a saddle (Dauphin et al.
    2014, "Identifying and attacking the saddle point problem"). The largest is found within a few steps; of a large
    network the smallest is an upper bound, which more steps would lower.

    Records:
        hessian_largest: the largest eigenvalue.
        hessian_smallest: the smallest.

    Cost: forty Hessian-vector products, each about two training steps on 1,024 rows.
    """

    def measure(self, network: Network) -> dict[str, float]:
        """Both."""
        labelled = network.labelled
        found = lanczos(lambda v: labelled.hessian_products(v[None])[0], labelled.parameters, LANCZOS_STEPS)
        return {"hessian_largest": float(found[-1]), "hessian_smallest": float(found[0])}


class NegativeCurvature(Probe):
    """Number and share of negative eigenvalues of the loss's Hessian, for networks of at most 2,000 trainable weights.

    The full Hessian of the loss of `hessian_extremes`. An eigenvalue counts as negative below −1e-5 times the largest
    absolute eigenvalue, because float32 products do not tell smaller ones from zero. Dauphin et al. 2014 ("Identifying
    and attacking the saddle point problem") call the share the index of a critical point.

    Records:
        negative_eigenvalues: their number.
        negative_curvature: their share of all eigenvalues.

    Cost: a Hessian-vector product for each weight, and the eigenvalues of the matrix.

    Raises:
        ValueError: the network has more than 2,000 trainable weights.
    """

    def measure(self, network: Network) -> dict[str, float]:
        """Both."""
        import numpy as np

        labelled = network.labelled
        if labelled.parameters > MOST_PARAMETERS:
            raise ValueError(
                f"The probe negative_curvature needs the full Hessian, and the network has {labelled.parameters:,} "
                f"trainable weights: more than {MOST_PARAMETERS:,} take too long. Use hessian_extremes, or a smaller "
                "network."
            )
        hessian = labelled.hessian_products(np.eye(labelled.parameters, dtype=np.float32)).astype(np.float64)
        eigenvalues = eigenvalues_of((hessian + hessian.T) / 2)
        negative = eigenvalues < -NEGATIVE * np.abs(eigenvalues).max(initial=0)
        if np.isnan(eigenvalues).any():
            return {"negative_eigenvalues": np.nan, "negative_curvature": np.nan}
        return {"negative_eigenvalues": float(negative.sum()), "negative_curvature": float(negative.mean())}


def lanczos(product: Callable[[np.ndarray], np.ndarray], size: int, steps: int, seed: int = 0) -> np.ndarray:
    """Estimates of a symmetric matrix's eigenvalues, ascending float64; the first and the last are the best.

    Lanczos' method with full reorthogonalisation (Golub & Van Loan 2013, "Matrix computations", 4th edition,
    chapter 10). It is exact where `steps` is at least the number of distinct eigenvalues.

    Args:
        product: from a float32 vector (size,) to the matrix's product with it.
        size: rows of the matrix.
        steps: products at most.
        seed: of the first direction.

    Example:
        >>> import numpy as np
        >>> lanczos(lambda v: np.array([3.0, -1.0]) * v, size=2, steps=5).round(6).tolist()
        [-1.0, 3.0]
    """
    import numpy as np

    direction = np.random.default_rng(seed).normal(size=size)
    basis = np.empty((min(steps, size), size))
    diagonal: list[float] = []
    beside: list[float] = []
    for step in range(len(basis)):
        basis[step] = direction / np.linalg.norm(direction)
        direction = product(basis[step].astype(np.float32)).astype(np.float64)
        diagonal.append(float(direction @ basis[step]))
        for _ in range(2):  # once leaves what rounding leaves (Kahan's "twice is enough")
            direction = direction - basis[: step + 1].T @ (basis[: step + 1] @ direction)
        length = float(np.linalg.norm(direction))
        largest = max(map(abs, [*diagonal, *beside]))
        if not length > 1e-6 * largest:  # what is left is rounding, or it is not a number
            break
        beside.append(length)
    middle, off = np.array(diagonal), np.array(beside[: len(diagonal) - 1])
    return eigenvalues_of(np.diag(middle) + np.diag(off, 1) + np.diag(off, -1))


def eigenvalues_of(matrix: np.ndarray) -> np.ndarray:
    """The eigenvalues of a symmetric matrix, ascending; NaN if a number in it is not finite."""
    import numpy as np

    return np.linalg.eigvalsh(matrix) if np.isfinite(matrix).all() else np.full(len(matrix), np.nan)
