"""What the process that workers are forks of imports; see `preload`. Importing this module imports TensorFlow."""

import contextlib
import gc
import importlib
import signal

from folklore.tf_stderr import quietly

signal.signal(signal.SIGINT, signal.SIG_DFL)  # Ctrl-C reaches the whole group, and nothing is lost yet
gc.disable()  # it would look through all modules again and again, for a quarter of the time that imports take
with quietly(), contextlib.suppress(Exception):  # what cannot be imported, a worker says once it is needed
    for module in ("keras", "sklearn.model_selection", "folklore.training.preflight", "folklore.training.train"):
        importlib.import_module(module)
gc.freeze()  # so that no worker copies these objects only because its garbage collector looks at them
gc.enable()
signal.signal(signal.SIGINT, signal.SIG_IGN)  # from now on the parent decides what is saved
