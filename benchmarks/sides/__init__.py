"""The sides of a benchmark: one module per side, imported only by the process that measures it.

Each has a class `Side`, created from a `Work`, whose `train(epochs)` returns when these epochs are done.
"""
