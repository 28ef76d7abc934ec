"""From Keras' names of logged figures to ours: `val_loss` is "validation/loss"."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

PROBES = ("activations", "dead_units", "weight_movement", "weight_rank")  # see callbacks.probes
# What can be drawn, and what the data must have for it; see callbacks.filters, .feature_maps, .confusion, …
PICTURES = {
    "filters": {"images"},
    "feature_maps": {"images"},
    "confusion": {"classes"},
    "mistakes": {"images", "classes"},
    "embedding": {"classes"},
}


def split_and_figure(log: str) -> tuple[str, str]:
    """The part of the data and the figure that one of Keras' log names stands for.

    `val_x` is ("validation", "x"); `train_x`, measured on the finished epoch's weights, ("train", "x"); `probe_x`, what
    `Probes` found, ("probe", "x"); and plain `x`, Keras' average over an epoch in which the weights kept changing,
    ("running", "x").
    """
    for prefix, split in (("val_", "validation"), ("train_", "train"), ("probe_", "probe")):
        if log.startswith(prefix):
            return split, log.removeprefix(prefix)
    return "running", log


def figures(logs: Mapping[str, float] | None) -> Iterator[tuple[str, str, float]]:
    """Split, figure and value of every entry of an epoch's logs.

    Without the learning rate that Keras' schedulers add: whoever records it asks the optimizer.
    """
    for log, value in (logs or {}).items():
        if log != "learning_rate":
            yield *split_and_figure(log), value


def log_name(figure: str) -> str:
    """Keras' name of one of our figures: "validation/loss" is `val_loss`. The inverse of `split_and_figure`."""
    split, _, name = figure.partition("/")
    return {"validation": "val_", "train": "train_", "probe": "probe_", "running": ""}[split] + name
