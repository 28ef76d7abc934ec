"""The devices that TensorFlow uses, and their memory."""

from __future__ import annotations

import os
import platform
from functools import cache
from typing import Literal

import psutil
import tensorflow as tf

from folklore.keras_internals import gpu_memory_limits
from folklore.machine import processor

OUT_OF_MEMORY = (MemoryError, tf.errors.ResourceExhaustedError)
SHARE = 0.6  # the share of a device's free memory for data; models, gradients and copies need the rest


def devices() -> Literal["gpu", "cpu"]:
    """The kind of device on which TensorFlow places the model."""
    return "gpu" if tf.config.list_physical_devices("GPU") else "cpu"


def names() -> list[str]:
    """TensorFlow's devices: "CPU", and "GPU 0: " with the name of the GPU."""
    found = ["CPU"]
    for number, gpu in enumerate(tf.config.list_physical_devices("GPU")):
        found.append(f"GPU {number}: {tf.config.experimental.get_device_details(gpu).get('device_name', 'unknown')}")
    return found


def describe() -> str:
    """Everything besides the model on which the speed of a mode depends, in one line."""
    threads = tf.config.threading.get_intra_op_parallelism_threads() or os.environ.get("TF_NUM_INTRAOP_THREADS", "all")
    one_dnn = os.environ.get("TF_ENABLE_ONEDNN_OPTS", "default")
    host = f"{platform.system()} {platform.machine()} {processor()}, {os.cpu_count()} cores"
    return f"TensorFlow {tf.__version__} on {', '.join(names())} of {host}; {threads} threads, oneDNN {one_dnn}"


def room_for_data() -> int:
    """The number of bytes of training data that fit on the device; larger data are streamed."""
    return int(SHARE * (psutil.virtual_memory().available if devices() == "cpu" else _gpu_bytes()))


@cache
def _gpu_bytes() -> int:
    """The memory that TensorFlow may use of the smallest GPU."""
    return min(gpu_memory_limits())
