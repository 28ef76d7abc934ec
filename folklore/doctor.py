"""What is installed here, and what a run would use."""

from __future__ import annotations

import os
import platform
from importlib.metadata import version

from data.cache import keras_home, sklearn_home
from folklore.layout import cores, layout


def examine() -> dict[str, str]:
    """Facts about this machine, each with its value in words."""
    used = layout(None, runs=100)
    os.environ.update(used.environment(0))
    from folklore import epoch

    facts = {"Python": platform.python_version(), "platform": platform.platform()}
    facts |= {name: version(name) for name in ("tensorflow", "keras", "tensorboard", "numpy", "scikit-learn")}
    facts["devices"] = ", ".join(epoch.names())
    facts["cores"] = str(cores())
    facts["a run of several arms would use"] = f"{used.workers} workers, each with {used.threads} threads"
    facts["oneDNN"] = "on" if os.environ["TF_ENABLE_ONEDNN_OPTS"] == "1" else "off"
    for source, home, variable, file in (
        ("fashion_mnist", keras_home(), "KERAS_HOME", "datasets/fashion-mnist/train-images-idx3-ubyte.gz"),
        ("california_housing", sklearn_home(), "SCIKIT_LEARN_DATA", "cal_housing_py3.pkz"),
    ):
        state = "is there" if (home / file).exists() else "would be downloaded"
        facts[source] = f"{state}; cache: {home} ({variable})"
    return facts
