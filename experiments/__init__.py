"""Experiments: declarations only, one file per topic."""
