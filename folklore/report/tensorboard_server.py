"""TensorBoard's own command line, without TensorFlow: it starts in a second, and says nothing of oneDNN."""

from __future__ import annotations

import sys
import types

# TensorBoard uses its own stand-in for TensorFlow where this module exists (tensorboard/compat/__init__.py).
sys.modules["tensorboard.compat.notf"] = types.ModuleType("tensorboard.compat.notf")

if __name__ == "__main__":
    from tensorboard import main, main_lib

    # There it is asked for one thing, whether to say that TensorFlow is not installed, which it is. Elsewhere the
    # stand-in must be known for what it is: the projector and the reader of event files do without TensorFlow then.
    main_lib.tf = types.SimpleNamespace(__version__="none")

    main.run_main()
