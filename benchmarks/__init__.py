"""Measurements, each a table of ratios from one run: `python -m benchmarks.epoch`."""
