"""The commands: `python -m experiments …`."""
