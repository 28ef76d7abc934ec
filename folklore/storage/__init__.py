"""The files of a log directory: how they are written and read."""
