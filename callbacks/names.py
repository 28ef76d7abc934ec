"""From Keras' names in logs to recorded names: `val_loss` is "validation/loss". And the names of pictures."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import keras

# Each picture, and what the data must have for it; see callbacks.filters, .feature_maps, .confusion, …
PICTURES = {
    "filters": {"images"},
    "feature_maps": {"images"},
    "confusion": {"classes"},
    "mistakes": {"images", "classes"},
    "embedding": {"classes"},
}


def split_and_metric(log: str) -> tuple[str, str]:
    """The part of the data and the metric that a name in Keras' logs stands for.

    `val_x` is ("validation", "x"); `train_x`, measured on the finished epoch's weights, ("train", "x"); `probe_x`,
    measured by `Probes`, ("probe", "x"); and plain `x`, Keras' average over an epoch in which the weights kept
    changing, ("running", "x").

    Example:
        >>> split_and_metric("val_loss")
        ('validation', 'loss')
    """
    for prefix, split in (("val_", "validation"), ("train_", "train"), ("probe_", "probe")):
        if log.startswith(prefix):
            return split, log.removeprefix(prefix)
    return "running", log


def metrics_in(logs: Mapping[str, float] | None) -> Iterator[tuple[str, str, float]]:
    """Split, metric and value of every entry of an epoch's logs.

    The learning rate is left out, which is no metric, see `learning_rate_in`.
    """
    for log, value in (logs or {}).items():
        if log != "learning_rate":
            yield *split_and_metric(log), value


def learning_rate_in(logs: dict[str, Any] | None, model: keras.Model) -> float:
    """The learning rate with which an epoch was trained: the one in its logs, or else the optimizer's, which is added.

    Keras' schedulers log it as `learning_rate` too. Computing one that follows a schedule takes half a millisecond. A
    model that trains itself may have no optimizer, and then none.
    """
    logs = {} if logs is None else logs
    if "learning_rate" not in logs:
        optimizer = getattr(model, "optimizer", None)
        logs["learning_rate"] = float(getattr(optimizer, "learning_rate", math.nan))
    return float(logs["learning_rate"])


def log_name(recorded: str) -> str:
    """The name in Keras' logs of a recorded one: "validation/loss" is `val_loss`. The inverse of `split_and_metric`.

    Example:
        >>> from callbacks import log_name
        >>> log_name("validation/loss")
        'val_loss'
    """
    split, _, name = recorded.partition("/")
    return {"validation": "val_", "train": "train_", "probe": "probe_", "running": ""}[split] + name
