"""The data that models are trained on: real data, split by seed, scaled by what is learnt from the training part only.

Importing this package costs next to nothing; NumPy, scikit-learn and Keras are imported when data is first loaded.
"""

from data.arrays import arrays
from data.binned import binned
from data.bundled import diabetes, digits
from data.cache import DataError
from data.california import california_housing
from data.dataset import Dataset, Split
from data.fashion import fashion_mnist
from data.pairs import two_labels
from data.preprocessing import Preprocessing
from data.source import Source, Whole, resolve
from data.table import table

__all__ = [
    "DataError",
    "Dataset",
    "Preprocessing",
    "Source",
    "Split",
    "Whole",
    "arrays",
    "binned",
    "california_housing",
    "diabetes",
    "digits",
    "fashion_mnist",
    "resolve",
    "table",
    "two_labels",
]
