"""Measurements, each a table of ratios from one run: `python -m benchmarks.epoch`."""

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # hides messages about the processor; no effect on speed
