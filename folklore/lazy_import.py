"""Import Keras when it is first used, so that declarations can be read without it.

Experiments import models, and models import Keras, which takes seconds. Listing experiments and sending runs to workers
need only the declarations. `importlib.util.LazyLoader` is not enough: a second `import keras` triggers the real import,
because the import statement reads `__spec__`.
"""

from __future__ import annotations

import importlib
import sys
from types import ModuleType
from typing import Any


class _Lazy(ModuleType):
    """A placeholder in `sys.modules` that imports the module when one of its attributes is first used."""

    def __getattr__(self, attribute: str) -> Any:
        if sys.modules.get(self.__name__) is self:
            del sys.modules[self.__name__]
        module = importlib.import_module(self.__name__)
        vars(self).update(vars(module))
        return getattr(module, attribute)


def import_lazily(name: str) -> None:
    """Make `import name` take no time until an attribute of the module is used. No effect on an imported module."""
    sys.modules.setdefault(name, _Lazy(name))
