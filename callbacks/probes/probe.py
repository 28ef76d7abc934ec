"""What every probe is, and the table in which a recipe finds it."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from callbacks.probes.network import Network

PROBES: dict[str, type[Probe]] = {}


class Probe(ABC):
    """A measurement before the first step and after every epoch. Each training has an object of its own.

    Attributes:
        kept: what the probe keeps from one measurement to the next. Checkpoints hold it: a dictionary, with text as
            keys, of numbers, text, None, lists, NumPy arrays and such dictionaries.
    """

    def __init__(self) -> None:
        self.kept: dict[str, Any] = {}

    def __init_subclass__(cls) -> None:
        """Make the class known by its name in snake case."""
        PROBES[re.sub(r"(?<!^)(?=[A-Z])", "_", cls.__name__).lower()] = cls

    @abstractmethod
    def measure(self, network: Network) -> Mapping[str, float]:
        """Values by name, such as "dead_units/hidden_1", which is recorded as `probe/dead_units/hidden_1`.

        The first call is the one before the first step.
        """
