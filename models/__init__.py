"""What is trained: functions that return a functional `keras.Model`, one file an architecture."""

from models.mlp import mlp

__all__ = ["mlp"]
