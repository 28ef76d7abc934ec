"""An ensemble in one network for tables: members share their weights but for rank-one adapters."""

from __future__ import annotations

import keras

from models import blocks
from models.builder import checked
from models.options import Count, Counts, Named, Share


@checked()
def tabm(
    input_shape: tuple[int, ...],
    outputs: int,
    *,
    widths: Counts = (512, 512, 512),
    members: Count = 32,
    dropout: Share = 0.0,
    activation: Named = "relu",
    initializer: Named = "glorot_uniform",
) -> keras.Model:
    """TabM of Gorishniy et al. 2025, "TabM: Advancing Tabular Deep Learning with Parameter-Efficient Ensembling".

    Each of the members sees the same input. Hidden layers share a kernel; each member has factors of its own for what
    enters and what leaves (BatchEnsemble of Wen et al. 2020), its own bias, and a head of its own. In training each
    member is compared with the target, so that their squared errors are averaged, see `ensemble.MeanOfMembers`; in
    inference their predictions are. The first layer's factors for what enters begin as random signs, all others as 1.

    Layers are named by their place: `members`, `hidden_1`, `hidden_1_activation`, `hidden_1_dropout`, …, `outputs`,
    `mean`.

    Args:
        input_shape: of one row.
        outputs: 1: for regression only.
        widths: units of each hidden layer.
        members: of the ensemble, k in the paper.
        dropout: share of each hidden layer's activations that dropout sets to zero, for each member apart.
        activation: see `mlp`.
        initializer: of every kernel, see `mlp`.

    Returns:
        A functional model from float (batch, features) to float32 (batch, 1).

    Raises:
        ValueError: a shape or an option is of the wrong type or out of range, or `outputs` is not 1.

    Example:
        >>> from models import tabm
        >>> tabm((8,), 1, widths=(4,), members=3).count_params()
        95
    """
    from models.ensemble import EnsembleDense, EnsembleHeads, MeanOfMembers, Members  # classes of Keras import it

    if outputs != 1 or len(input_shape) != 1:
        raise ValueError(
            f"tabm was given input_shape={input_shape!r} and outputs={outputs}, and it is for regression on a table: "
            "give rows of numbers and one output."
        )
    inputs = keras.Input(tuple(input_shape), name="inputs")
    x = Members(members, name="members")(inputs)
    for number, units in enumerate(widths, start=1):
        name = f"hidden_{number}"
        x = EnsembleDense(units, first=number == 1, kernel_initializer=initializer, name=name)(x)
        x = blocks.nonlinear(x, name=name, activation=activation, dropout=dropout)
    x = EnsembleHeads(kernel_initializer=initializer, dtype="float32", name="outputs")(x)
    return keras.Model(inputs, MeanOfMembers(dtype="float32", name="mean")(x), name="tabm")
