"""TensorBoard's own command line, without TensorFlow: it starts in a second, without messages about oneDNN."""

from __future__ import annotations

import sys
import types

# TensorBoard uses its own stand-in for TensorFlow where this module exists (tensorboard/compat/__init__.py).
sys.modules["tensorboard.compat.notf"] = types.ModuleType("tensorboard.compat.notf")

if __name__ == "__main__":
    from tensorboard import main, main_lib

    # main_lib uses `tf` only to decide whether to warn that TensorFlow is not installed; it is. The other modules must
    # recognise the stand-in: the projector and the reader of event files then work without TensorFlow.
    main_lib.tf = types.SimpleNamespace(__version__="none")

    main.run_main()
