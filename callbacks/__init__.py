"""What watches training: one callback, one job. Each works with `folklore.fit` and with `keras.Model.fit`.

The public names are listed in `__init__.pyi`. Each is imported on first use: callbacks import Keras, which takes
seconds, and writing event files does not need it.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
