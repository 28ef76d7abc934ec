"""TensorBoard's own command line, without TensorFlow: it starts in a second, and says nothing of oneDNN."""

from __future__ import annotations

import sys
import types

# TensorBoard uses its own stand-in for TensorFlow where this module exists (tensorboard/compat/__init__.py).
sys.modules["tensorboard.compat.notf"] = types.ModuleType("tensorboard.compat.notf")

if __name__ == "__main__":
    from tensorboard.compat import tensorflow_stub
    from tensorboard.main import run_main

    tensorflow_stub.__version__ = "none"  # at "stub" it says that TensorFlow is not installed, which it is

    run_main()
