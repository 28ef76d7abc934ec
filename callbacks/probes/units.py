"""Probes of hidden units: their activations, and what enters them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from callbacks.probes.probe import Probe

if TYPE_CHECKING:
    import numpy as np

    from callbacks.probes.network import Network


class Activations(Probe):
    """Mean and standard deviation of each hidden layer's activations, over the probed rows and the layer's units.

    Records:
        mean/hidden_1: the mean in a layer.
        std/hidden_1: the standard deviation there.

    Cost: one forward pass over the probed rows, which all probes of activations share.
    """

    def measure(self, network: Network) -> dict[str, float]:
        """Both, layer by layer."""
        return {
            f"{name}/{layer}": value
            for layer, moments in network.activations.items()
            for name, value in (("mean", moments.mean), ("std", moments.std))
        }


class DeadUnits(Probe):
    """Share of units whose activation is 0 on every probed row.

    A unit is a channel where the layer is a convolution. Such a unit gets no gradient from these rows under ReLU. Leaky
    units are never 0 on every row; `never_positive` compares them with others.

    Records:
        dead_units: the share in the network.
        dead_units/hidden_1: the share in a layer.

    Cost: one forward pass over the probed rows, which all probes of activations share.
    """

    def measure(self, network: Network) -> dict[str, float]:
        """The share in the network, then layer by layer; nothing for a network without hidden layers."""
        return shares("dead_units", {layer: moments.dead for layer, moments in network.activations.items()})


class NeverPositive(Probe):
    """Share of units whose pre-activation, the value that enters the nonlinearity, is positive on no probed row.

    Under ReLU these are the units that are 0 on every row, and the definition holds for any activation.

    Records:
        never_positive: the share in the network.
        never_positive/hidden_1: the share in a layer.

    Cost: one forward pass over the probed rows, which all probes of pre-activations share.
    """

    def measure(self, network: Network) -> dict[str, float]:
        """The share in the network, then layer by layer."""
        return shares("never_positive", dead_by_layer(network))


class UnitFates(Probe):
    """Which units die, which come back, and which stay dead.

    A unit is dead while its pre-activation is positive on no probed row, as in `never_positive`. Each figure is a share
    of all hidden units, or of a layer's where a layer is named, except `revived`.

    Records:
        born_dead: dead before the first step.
        deaths: dead now, and not at the measurement before.
        revivals: dead at the measurement before, and not now.
        ever_dead: dead at some measurement so far.
        dead_for_good: dead at every measurement since its first death.
        revived: of the units that were dead at some measurement so far, the share that is alive now; 0 where none was.

    Cost: one forward pass over the probed rows, which all probes of pre-activations share.
    """

    def measure(self, network: Network) -> dict[str, float]:
        """The shares, in the network and layer by layer."""
        import numpy as np

        now = dead_by_layer(network)
        for name in ("born", "before", "ever"):
            self.kept.setdefault(name, now)
        self.kept.setdefault("came_back", {layer: np.zeros_like(dead) for layer, dead in now.items()})
        born, before = self.kept["born"], self.kept["before"]
        came_back = {layer: self.kept["came_back"][layer] | (before[layer] & ~dead) for layer, dead in now.items()}
        ever = {layer: self.kept["ever"][layer] | dead for layer, dead in now.items()}
        self.kept |= {"before": now, "ever": ever, "came_back": came_back}
        return {
            **shares("born_dead", born),
            **shares("deaths", {layer: dead & ~before[layer] for layer, dead in now.items()}),
            **shares("revivals", {layer: before[layer] & ~dead for layer, dead in now.items()}),
            **shares("ever_dead", ever),
            **shares("dead_for_good", {layer: ever[layer] & ~came_back[layer] for layer in now}),
            **shares("revived", {layer: ~dead[ever[layer]] for layer, dead in now.items()}),
        }


class Zeros(Probe):
    """Share of activations that are exactly 0, over the probed rows and units: sparsity.

    Glorot, Bordes & Bengio 2011 ("Deep sparse rectifier neural networks") say why it may help. Layers that pool
    maps are measured too, so that `zeros/stage_1_pool` stands beside the `zeros/stage_1_conv_2` that enters it.

    Records:
        zeros: the mean of the hidden layers' shares, pooling layers aside, each weighed by its number of values.
        zeros/hidden_1: the share in a hidden layer, or behind a pooling layer.

    Cost: one forward pass over the probed rows, which all probes of activations share; one more where layers pool.
    """

    def measure(self, network: Network) -> dict[str, float]:
        """The share in the network, then layer by layer."""
        found = network.activations
        if not found:
            return {}
        zeros = sum(moments.zeros * moments.count for moments in found.values())
        by_layer = {layer: moments.zeros for layer, moments in {**found, **network.pooled}.items()}
        total = zeros / sum(moments.count for moments in found.values())
        return {"zeros": total} | {f"zeros/{layer}": value for layer, value in by_layer.items()}


class Saturation(Probe):
    """Share of values at which the activation hardly responds: its derivative is below 1 % of its largest one.

    By the derivative, because saturation matters for the gradient that it stops, and so one rule fits every function:
    |z| > 2.993 for tanh, where |tanh z| > 0.995; |z| > 5.991 for sigmoid, outside of [0.0025, 0.9975]. The limits are
    read from the function itself, on a grid from -50 to 50. Only functions that level off on both sides saturate;
    layers with others, such as ReLU and ELU, record nothing. Glorot & Bengio 2010 ("Understanding the difficulty of
    training deep feedforward neural networks", section 3) follow saturation through training.

    Records:
        saturation: the share in the network.
        saturation/hidden_1: the share in a layer.

    Cost: one forward pass over the probed rows, which all probes of pre-activations share.
    """

    def measure(self, network: Network) -> dict[str, float]:
        """The share in the network, then layer by layer."""
        found = {layer: m for layer, m in network.preactivations.items() if m.outside is not None}
        if not found:
            return {}
        total = sum(m.outside * m.count for m in found.values() if m.outside is not None)
        return {
            "saturation": total / sum(m.count for m in found.values()),
            **{f"saturation/{layer}": m.outside for layer, m in found.items() if m.outside is not None},
        }


class PreactivationDrift(Probe):
    """How far the distribution that enters each unit has moved since the measurement before.

    With m and s, the mean and the standard deviation of a unit's pre-activation over the probed rows, the drift of its
    mean is |m − m'| / s', and that of its spread |s − s'| / s', where m' and s' are those of the measurement before.
    Units are summed up by their median, which a unit that had almost no spread does not move. It is measured in
    inference mode, so behind batch normalisation with moving statistics. Ioffe & Szegedy 2015 ("Batch normalization",
    figure 1) show such distributions; Santurkar et al. 2018 ("How does batch normalization help optimization?",
    section 2) dispute that they matter.

    Records:
        mean_drift: the median over all units with a spread.
        mean_drift/hidden_1: the median in a layer.
        spread_drift: likewise.
        spread_drift/hidden_1: likewise.

    Nothing before the first step, as there is nothing to compare with.

    Cost: one forward pass over the probed rows, which all probes of pre-activations share.
    """

    def measure(self, network: Network) -> dict[str, float]:
        """The medians, in the network and layer by layer."""
        import numpy as np

        now = {layer: {"mean": m.unit_mean, "std": m.unit_std} for layer, m in network.preactivations.items()}
        before, self.kept = self.kept, now
        drifts: dict[str, dict[str, np.ndarray]] = {"mean_drift": {}, "spread_drift": {}}
        for layer, earlier in before.items():
            spread = earlier["std"] > 0
            for name, what in (("mean_drift", "mean"), ("spread_drift", "std")):
                distance = np.abs(now[layer][what] - earlier[what])
                drifts[name][f"/{layer}"] = distance[spread] / earlier["std"][spread]
        return {
            f"{name}{layer}": float(np.median(values))
            for name, by_layer in drifts.items()
            for layer, values in [("", np.concatenate([*by_layer.values(), []])), *by_layer.items()]
            if len(values)
        }


def dead_by_layer(network: Network) -> dict[str, np.ndarray]:
    """Whether each unit's pre-activation is positive on no probed row, bool (units,), by hidden layer."""
    return {layer: moments.never_positive for layer, moments in network.preactivations.items()}


def shares(name: str, by_layer: Mapping[str, np.ndarray]) -> dict[str, float]:
    """The share of True in all arrays as `name`, then in each as `name/layer`; 0 in an empty one; {} without arrays."""
    if not by_layer:
        return {}
    count, units = sum(int(part.sum()) for part in by_layer.values()), sum(part.size for part in by_layer.values())
    each = {f"{name}/{layer}": float(part.mean()) if part.size else 0.0 for layer, part in by_layer.items()}
    return {name: count / units if units else 0.0, **each}
