"""Probes of gradients on fixed labelled batches."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from callbacks.probes.probe import Probe

if TYPE_CHECKING:
    import numpy as np

    from callbacks.probes.network import Network

_LEAST = 1e-38  # what float32 can hold: below, a gradient has vanished for the optimizer too


class GradientNorms(Probe):
    """How large the gradients are, by layer, and how they change from the last hidden layer to the first.

    The gradient is that of the loss that training minimises, penalties included, averaged over sixteen fixed batches of
    the training part, each of the recipe's batch size, and in training mode: it is the gradient that steps take, with
    the statistics of the batch under batch normalisation and the masks of the next step under dropout. The backward
    norm is of the gradient by what enters a hidden layer's nonlinearity, which is what backpropagation carries from
    layer to layer; Glorot & Bengio 2010 ("Understanding the difficulty of training deep feedforward neural networks",
    section 4.2) look at both. In a linear network with orthogonal kernels of gain g, it changes by g^(L − 1) over L
    hidden layers, and the gradients by kernels, whose inputs grow as it shrinks, not at all.

    Records:
        gradient_norm: over all trainable weights.
        gradient_norm/hidden_1: by a layer's kernel, its Frobenius norm.
        gradient_ratio: log10 of the norm by the first hidden kernel over that by the last hidden kernel.
        backward_norm/hidden_1: root mean square over rows of the norm of the gradient of a row's loss by what enters
            the layer's nonlinearity.
        backward_ratio: log10 of the first hidden layer's over the last one's.

    A norm below 1e-38 counts as 1e-38 in a ratio. Ratios need two hidden layers.

    Cost: sixteen training steps.
    """

    def measure(self, network: Network) -> dict[str, float]:
        """The norms and the ratios."""
        from callbacks.probes.network import norm

        gradients = network.gradients
        kernels = {layer: norm(gradient) for layer, gradient in gradients.kernels.items()}
        hidden = list(kernels.values())[:-1]  # the last is the output layer's
        backward = gradients.backward
        return {
            "gradient_norm": gradients.norm,
            **{f"gradient_norm/{layer}": value for layer, value in kernels.items()},
            **({"gradient_ratio": log_ratio(hidden)} if len(hidden) > 1 else {}),
            **{f"backward_norm/{layer}": value for layer, value in backward.items()},
            **({"backward_ratio": log_ratio(list(backward.values()))} if len(backward) > 1 else {}),
        }


class ClipFraction(Probe):
    """Share of the sixteen fixed training batches whose gradient the optimizer would clip.

    By its own limit: `global_clipnorm` is compared with the norm over all weights, `clipnorm` with the norm by each
    variable, `clipvalue` with each number. Pascanu et al. 2013 ("On the difficulty of training recurrent neural
    networks", section 3.2) propose to clip norms.

    Records:
        clip_fraction: the share; nothing where the optimizer clips nothing.

    Cost: the sixteen training steps of `gradient_norms`, which both share.
    """

    def measure(self, network: Network) -> dict[str, float]:
        """The share of the batches."""
        gradients = network.gradients
        clipped = would_clip(network.model.optimizer, gradients.norms, gradients.largest)
        return {} if clipped is None else {"clip_fraction": float(clipped.mean())}


def would_clip(optimizer: Any, norms: np.ndarray, largest: np.ndarray) -> np.ndarray | None:
    """Whether an optimizer clips each batch's gradient, bool (batches,); None if it never clips.

    Args:
        optimizer: a Keras optimizer.
        norms: of each batch's gradient by each variable, (batches, variables).
        largest: the largest absolute value in each batch's gradient, (batches,).
    """
    optimizer = getattr(optimizer, "inner_optimizer", optimizer)  # under mixed_float16
    if (limit := optimizer.global_clipnorm) is not None:
        return (norms**2).sum(axis=1) ** 0.5 > limit
    if (limit := optimizer.clipnorm) is not None:
        return (norms > limit).any(axis=1)
    return largest > limit if (limit := optimizer.clipvalue) is not None else None


def log_ratio(norms: list[float]) -> float:
    """log10 of the first norm over the last; NaN where one is not finite."""
    first, last = (max(value, _LEAST) if math.isfinite(value) else math.nan for value in (norms[0], norms[-1]))
    return math.log10(first / last)
