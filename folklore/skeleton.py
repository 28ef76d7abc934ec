"""The skeleton of an experiment, for `new`."""

from __future__ import annotations

import importlib
import keyword
from pathlib import Path

from folklore.catalog import PACKAGE
from folklore.errors import ProblemError

TEMPLATE = '''"""What is asked, in one sentence?

Command:   python -m experiments run {topic}.{experiment}
"""

import data
import folklore
from folklore import Experiment, Hypothesis, Metric, Recipe
from models import mlp

base = Recipe(model=mlp, params=dict(widths=(64, 64)), data=data.california_housing, epochs=20, patience=8)

{experiment} = Experiment(
    claim="Dropout makes a regression network generalise worse.",
    baseline="no dropout",
    arms={{
        "no dropout": base,
        "dropout 0.5": base.but(params=dict(dropout=0.5)),
    }},
    metric=Metric("test/rmse", goal="min"),
    hypothesis=Hypothesis("dropout 0.5", "worse", by=0.005),
    quick=dict(epochs=3),
)

if __name__ == "__main__":
    folklore.run_file(__file__)
'''


def write(name: str) -> Path:
    """Write `experiments/<topic>.py` with one experiment in it, ready to be changed; return its path.

    Raises:
        ProblemError: the name is no identifier or pair of them, or the file exists.
    """
    topic, _, experiment = name.partition(".")
    experiment = experiment or topic
    for part in (topic, experiment):
        if not part.isidentifier() or keyword.iskeyword(part) or part.startswith("_"):
            raise ProblemError(
                f"{name!r} cannot name an experiment: {part!r} is no name in Python. Use letters, digits and _, as in "
                "regularization.dropout_regression."
            )
    path = Path(importlib.import_module(PACKAGE).__path__[0]) / f"{topic}.py"
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(TEMPLATE.format(topic=topic, experiment=experiment))
    except FileExistsError:
        raise ProblemError(f"{path} exists. Add {experiment!r} to it, or choose another topic.") from None
    return path
