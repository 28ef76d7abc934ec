"""Prints docs/probes.md."""

from callbacks.probes.page import page

print(page(), end="")
