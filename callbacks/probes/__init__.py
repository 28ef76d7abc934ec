"""The probes: measurements inside the network before the first step and after every epoch. Mechanism beside outcome.

A recipe names them in snake case: `probes=("dead_units",)` finds `DeadUnits`. A new probe is a new class in one of the
files below. Naming probes must not import Keras or NumPy, so import them inside methods. docs/probes.md lists them.

Example:
    >>> PROBES["dead_units"].__name__
    'DeadUnits'
"""

from callbacks.probes import batch_statistics, curvature, gradients, units, weights
from callbacks.probes.probe import PROBES, Probe

__all__ = ["PROBES", "Probe", "batch_statistics", "curvature", "gradients", "units", "weights"]
