"""The installed versions, and the resources that the run command would use, here and on a cluster."""

from __future__ import annotations

import os
import platform
from importlib.metadata import version

from rich.console import Console
from rich.text import Text

from data.cache import keras_home, sklearn_home
from folklore.cache_folder import cache_folder
from folklore.errors import ProblemError
from folklore.report import tables
from folklore.study.engines.remote.engine import RemoteEngine
from folklore.study.engines.remote.roll_call import SECONDS, RollCall, installed, refusal
from folklore.study.resources import cores, settle_resources
from folklore.tf_stderr import quietly
from folklore.wording import count


def examine() -> dict[str, str]:
    """Facts about this machine, and their values in words."""
    used = settle_resources(None, runs=100)
    os.environ.update(used.environment(0))
    with quietly():  # hides TensorFlow's messages about CUDA and oneDNN; the facts below cover them
        from folklore import epoch

        epoch.devices()

    facts = {"Python": platform.python_version(), "platform": platform.platform()}
    facts |= {name: version(name) for name in ("tensorflow", "keras", "tensorboard", "numpy", "scikit-learn")}
    facts["devices"] = ", ".join(epoch.names())
    facts["cores"] = str(cores())
    facts["a run of several arms would use"] = (
        f"{count(used.workers, 'worker')}, each with {count(used.threads, 'thread')}"
        + (f", on GPUs {', '.join(used.gpus)}" if used.gpus else "")
    )
    facts["data larger than"] = f"{epoch.room_for_data() / 2**30:.1f} GiB would be streamed to the device"
    facts["several GPUs"] = (
        "each GPU trains its own runs; folklore.fit trains one model on all of them in a tf.distribute.MirroredStrategy"
        if len(epoch.names()) > 2
        else "none"
    )
    facts["precision"] = "float32; a recipe's precision may be mixed_bfloat16 or mixed_float16"
    facts["measured modes"] = f"{_measured()} networks in {cache_folder() / 'modes'}"
    facts["oneDNN"] = "on" if os.environ["TF_ENABLE_ONEDNN_OPTS"] == "1" else "off"
    for source, home, variable, file in (
        ("fashion_mnist", keras_home(), "KERAS_HOME", "datasets/fashion-mnist/train-images-idx3-ubyte.gz"),
        ("california_housing", sklearn_home(), "SCIKIT_LEARN_DATA", "cal_housing_py3.pkz"),
    ):
        state = "cached" if (home / file).exists() else "would be downloaded"
        facts[source] = f"{state}; cache: {home} ({variable})"
    return facts


def examine_cluster(engine: RemoteEngine, console: Console, seconds: float = SECONDS) -> None:
    """Show the nodes of a cluster, and for how many workers there is room on them.

    Args:
        engine: of the cluster.
        console: where they are shown.
        seconds: in which a node must answer.

    Raises:
        ProblemError: there is no cluster, `run` would refuse a node, a node does not answer, or there is no room.
    """
    nodes = RollCall(engine.cluster, engine.per_worker)
    try:
        with console.status("Every node of the cluster is asked what it is …"):
            present = nodes.present(seconds)
        console.print(tables.table([one.as_row() for one in present], title="nodes of the cluster"))
        console.print(tables.table(installed(present), title="what is installed there"))
        if refused := refusal(present):
            raise ProblemError(refused)
        console.print(Text(nodes.room(present)), soft_wrap=True)
    finally:
        nodes.close()


def _measured() -> int:
    return len(list((cache_folder() / "modes").glob("[!.]*.json")))
