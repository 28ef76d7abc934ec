"""Who trains: one module a side, imported only by the process that measures it.

Each has a class `Side`, made from a `Work`, whose `train(epochs)` trains so many epochs and returns when they are done.
"""
