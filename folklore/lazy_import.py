"""Import Keras when it is first used, so that declarations can be read without it.

Experiments import models and models import Keras, which takes seconds; yet who lists experiments, or hands runs out to
workers, only needs the declarations. `importlib.util.LazyLoader` would do, but a second `import keras` wakes it: the
import statement looks at `__spec__`.
"""

from __future__ import annotations

import importlib
import sys
from types import ModuleType
from typing import Any


class _Lazy(ModuleType):
    """Stands in `sys.modules` for a module until one of its attributes is asked for."""

    def __getattr__(self, attribute: str) -> Any:
        if sys.modules.get(self.__name__) is self:
            del sys.modules[self.__name__]
        module = importlib.import_module(self.__name__)
        vars(self).update(vars(module))
        return getattr(module, attribute)


def import_lazily(name: str) -> None:
    """Make `import name` cost nothing until an attribute of the module is used. No effect once it is imported."""
    sys.modules.setdefault(name, _Lazy(name))
