"""The skeleton of an experiment, for `new`."""

from __future__ import annotations

import keyword
import re
import sys
from pathlib import Path

from folklore.declare import catalog
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


# Names that the skeleton uses: an experiment of such a name would hide it.
_USED = {"base", "data", "dict", "folklore", "mlp", "models", "Experiment", "Hypothesis", "Metric", "Recipe"}
_LONGEST = 100  # so that files and directories named after both parts, and more, can be made


def write(name: str) -> Path:
    """Write `experiments/<topic>.py` with one experiment in it, as a start; return its path.

    Raises:
        ProblemError: the name is not one or two identifiers, the file uses that name itself, or the file exists.
    """
    topic, dot, experiment = name.partition(".")
    experiment = experiment if dot else topic
    for part in (topic, experiment):
        # Python allows other letters, but turns some into their plain forms: the command would not find "ﬁt", now fit.
        if not re.fullmatch(r"[A-Za-z]\w*", part, re.ASCII) or keyword.iskeyword(part) or len(part) > _LONGEST:
            raise ProblemError(
                f"{name!r} cannot name an experiment: {part!r} is not a plain Python name of at most {_LONGEST} "
                "characters. Use letters, digits and _, as in regularization.dropout_regression."
            )
    # `python experiments/<topic>.py` looks for modules beside that file first, even for those of the standard library.
    if taken := {topic, experiment} & _USED or {topic} & sys.stdlib_module_names:
        raise ProblemError(
            f"{name!r} cannot name an experiment: {taken.pop()!r} is the name of something that its file uses. "
            f"Choose another, such as {topic}_study.{experiment}_effect."
        )
    path = catalog.folder() / f"{topic}.py"
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(TEMPLATE.format(topic=topic, experiment=experiment))
    except FileExistsError:
        raise ProblemError(f"{path} exists. Add {experiment!r} to it, or choose another topic.") from None
    return path
