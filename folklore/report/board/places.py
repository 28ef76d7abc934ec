"""Where the board's files lie, and the address at which a browser finds it."""

from __future__ import annotations

import json
import urllib.parse
from collections.abc import Iterable, Sequence
from pathlib import Path

from folklore.declare.metrics import parse

FOLDER = ".board"
LINKS = ".board-seeds"
CONTENT = "verdict-tab.json"  # of the first tab
_BY_ARM = r"regex:^(?:.*?/)??([^/]+)/(?:seed-\d+|train|validation)"  # the runs of an arm, in every experiment
_SPLITS = ("train", "validation", "test")


def folders(paths: Sequence[Path], out: Path) -> dict[Path, Path]:
    """The folder of each experiment in the board's log directory: the log directory itself where there is only one.

    Example:
        >>> paths = [Path("logs/topic.name"), Path("elsewhere/topic.name")]
        >>> [str(folder) for folder in folders(paths, Path("out")).values()]
        ['out/topic.name', 'out/topic.name_']
    """
    found: dict[Path, Path] = {}
    for path in paths:
        folder = out / path.name if len(paths) > 1 else out
        while folder in found.values():  # an experiment of the same name in another log directory
            folder = folder.with_name(f"{folder.name}_")
        found[path] = folder
    return found


def split_tag(name: str) -> tuple[str, str]:
    """The run below an arm, or below one of its runs, and the tag under which TensorBoard has a metric.

    Train and validation are runs of their own, so that one chart shows both.

    Example:
        >>> split_tag("validation/rmse"), split_tag("probe/dead_units")
        (('validation', 'rmse'), ('train', 'probe/dead_units'))
    """
    split, _, short = name.partition("/")
    return (split, short) if split in _SPLITS else ("train", name)


def tags(metric: str | None) -> list[str]:
    """The tags of the curves that a metric is computed from, such as "rmse" for "test/rmse"; none for a rate."""
    terms = parse(metric).terms if metric else ()
    return list(dict.fromkeys(split_tag(term.name)[1] for term in terms))


def address(host: str, port: int, metrics: Iterable[str | None], tab: str = "verdict") -> str:
    """The address of the board. In Time Series, the compared metrics are pinned.

    There, curves are not smoothed, and all runs of an arm have one colour.

    Args:
        host, port: where TensorBoard listens.
        metrics: by which arms are compared. Of a test metric, which has one value, the curves in train and validation
            are shown.
        tab: on which it opens.

    Example:
        >>> address("127.0.0.1", 6006, ["test/rmse"])
        'http://127.0.0.1:6006/?smoothing=0&runColorGroup=regex%3A%5E%28%3F%3A.%2A%3F%2F%29%3F%3F%28%5B%5E%2F%5D%2B%29%2F%28%3F%3Aseed-%5Cd%2B%7Ctrain%7Cvalidation%29&pinnedCards=%5B%7B%22plugin%22%3A%22scalars%22%2C%22tag%22%3A%22rmse%22%7D%5D#verdict'
    """
    pinned = dict.fromkeys(tag for metric in metrics for tag in tags(metric))
    query = {"smoothing": "0", "runColorGroup": _BY_ARM}
    if pinned:
        cards = [{"plugin": "scalars", "tag": tag} for tag in pinned]
        query["pinnedCards"] = json.dumps(cards, separators=(",", ":"))
    return f"http://{host}:{port}/?{urllib.parse.urlencode(query)}#{tab}"
