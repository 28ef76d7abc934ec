"""Data sets on their way to nodes that cannot load them: the driver's copy, once for each node.

The arrays travel through the cluster's own store of objects, as NumPy's file format without pickles. A node uses them
only if they have the SHA-256 that the driver named.
"""

from __future__ import annotations

import dataclasses
import io
import json
import os
import time
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from data import DataError, Source, Whole
from folklore.study.worker import UnfitError

if TYPE_CHECKING:
    from folklore.task import Task

FETCH_SECONDS = 600.0  # for a set of some gigabytes over a slow network
_LOOK_SECONDS = 0.05


@dataclass(frozen=True)
class WithDriver:
    """Stands for arrays that are not sent with every task; a node asks for them once."""

    sha256: str

    def __call__(self) -> Whole:
        """Refuse: the arrays are not here."""
        raise DataError("These arrays are with the command that was started, which did not send them.")


@dataclass(frozen=True)
class Loaded:
    """Gives a set back that has come from the driver."""

    sha256: str
    whole: Whole = dataclasses.field(compare=False, repr=False)

    def __call__(self) -> Whole:
        """The set."""
        return self.whole


def light(given: Any) -> Any:
    """An argument of a job as it is sent: sources and tasks without arrays in memory, all else as it is."""
    source = _source_of(given)
    if source is None or not isinstance(whole := getattr(source.load, "whole", None), Whole):
        return given
    return _with_source(given, dataclasses.replace(source, load=WithDriver(whole.sha256)))


def source_of(arguments: tuple[Any, ...]) -> Source | None:
    """The source of data that a job with these arguments is about."""
    return next((source for given in arguments if (source := _source_of(given)) is not None), None)


class AtHand:
    """The sources of data as a node has them. The first time it is asked about one, it tries to load it.

    Args:
        ask: asks the driver for its copy of the source of the present job; returns its file here and its SHA-256.

    Raises:
        UnfitError: from calls, where a copy does not arrive or is not what the driver named.
    """

    def __init__(self, ask: Callable[[], tuple[Path, str] | None]) -> None:
        self.ask = ask
        self._known: dict[Source, Source] = {}

    def __call__(self, given: Any) -> Any:
        """An argument of a job, with its source as it is at hand."""
        source = _source_of(given)
        if source is None:
            return given
        if source not in self._known:
            self._known[source] = self._find(source)
        return _with_source(given, self._known[source])

    def _find(self, source: Source) -> Source:
        try:
            source.read()
        except DataError:
            if (copy := self.ask()) is not None:
                return dataclasses.replace(source, load=Loaded(copy[1], unpack(*copy)))
        return source  # where there is no copy either, training says what is wrong


def pack(whole: Whole) -> bytes:
    """A data set as bytes.

    Raises:
        ValueError: an array holds objects.
    """
    import numpy as np

    for array in (whole.x, whole.y):
        if array.dtype.hasobject:
            raise ValueError(f"an array of the type {array.dtype} cannot be sent")
    rest = {"names": whole.feature_names, "published_test": whole.published_test}
    content = io.BytesIO()
    np.savez(content, x=whole.x, y=whole.y, rest=np.frombuffer(json.dumps(rest).encode(), np.uint8))
    return content.getvalue()


def unpack(file: Path, sha256: str) -> Whole:
    """The data set in a file that will appear.

    Raises:
        UnfitError: it does not appear, cannot be read, or is another set.
    """
    import numpy as np

    deadline = time.monotonic() + FETCH_SECONDS
    while not file.exists():
        if time.monotonic() > deadline:
            raise UnfitError(f"did not receive its data within {FETCH_SECONDS:g} s")
        time.sleep(_LOOK_SECONDS)
    try:
        with file.open("rb") as stream, np.load(stream, allow_pickle=False) as found:
            rest = json.loads(found["rest"].tobytes())
            whole = Whole(found["x"], found["y"], "", tuple(rest["names"]), rest["published_test"])
    except (OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
        raise UnfitError(f"received data that cannot be read: {error}") from error
    if whole.sha256 != sha256:
        raise UnfitError(f"received data with the SHA-256 {whole.sha256[:12]}… instead of {sha256[:12]}…")
    return whole


def keep(content: bytes, file: Path) -> None:
    """Write a file on this machine that others wait for, unless it is there."""
    if not file.exists():
        temporary = file.with_name(f".{os.getpid()}.{file.name}")
        temporary.write_bytes(content)
        temporary.replace(file)


def _source_of(given: Any) -> Source | None:
    if isinstance(given, Source):
        return given
    recipe = getattr(given, "recipe", None)
    return None if recipe is None else recipe.data


def _with_source(given: Source | Task, source: Source) -> Any:
    if isinstance(given, Source):
        return source
    return dataclasses.replace(given, recipe=dataclasses.replace(given.recipe, data=source))
