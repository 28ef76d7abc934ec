"""docs/probes.md, made from the docstrings of the probes."""

from __future__ import annotations

import inspect
import re
import textwrap
from collections.abc import Iterator

from callbacks.probes.probe import PROBES, Probe

WIDTH = 120
INTRODUCTION = """
A probe measures inside the network: `Recipe(probes=("gradient_norms", "dead_units"))`. Each is measured before the
first step and after every epoch. history.csv, TensorBoard and the report have its values as `probe/…`; run.json has
those before the first step under `before`. A metric such as `probe/dead_units/hidden_1` is the value at the
selected epoch, `last probe/…` that after the last epoch, `at 5 probe/…` that after the fifth, and `first probe/…`,
or `at 0 probe/…`, that before the first step.

Probes of activations read the first 10,000 rows of the training part, in inference mode. A hidden layer is named
after the layer that its nonlinearity ends: `hidden_1` stands for `hidden_1_activation`. Only nonlinearities that
are layers of their own are seen, as in all networks of `models/`. Nothing that a probe does changes the training,
and a run without probes pays nothing. [performance.md](performance.md#probes) has what they cost.

[CONTRIBUTING.md](../CONTRIBUTING.md#add-something) shows how to add one. This page is made by

```
python -m callbacks.probes > docs/probes.md
```
"""


def page() -> str:
    """The page, as Markdown."""
    prose = "\n\n".join(
        part if part.startswith("```") else _filled(part) for part in INTRODUCTION.strip().split("\n\n")
    )
    sections = "\n".join(section(name, probe) for name, probe in PROBES.items())
    return f"# Probes\n\n{prose}\n\n{sections}"


def section(name: str, probe: type[Probe]) -> str:
    """A probe's section, as Markdown."""
    lines = [f"## {name}"]
    for paragraph in _paragraphs(probe):
        if paragraph.startswith("Records:"):
            lines.append("\n".join(f"- `probe/{figure}`: {what}" for figure, what in records(probe).items()))
        elif paragraph.startswith("Raises:"):
            lines.append(_filled("Fails if " + paragraph.partition("ValueError: ")[2]))
        else:
            lines.append(_filled(paragraph))
    return "\n\n".join(lines) + "\n"


def records(probe: type[Probe]) -> dict[str, str]:
    """What a probe records, as its docstring says: the name of each figure, without `probe/`, and its meaning.

    Example:
        >>> from callbacks.probes import PROBES
        >>> list(records(PROBES["activations"]))
        ['mean/hidden_1', 'std/hidden_1']
    """
    (listed,) = (paragraph for paragraph in _paragraphs(probe) if paragraph.startswith("Records:"))
    entries = re.findall(r"^    (\S+): (.+(?:\n {8}.+)*)", listed, re.MULTILINE)
    return {name: " ".join(what.split()) for name, what in entries}


def _paragraphs(probe: type[Probe]) -> Iterator[str]:
    yield from (inspect.getdoc(probe) or "").split("\n\n")


def _filled(text: str) -> str:
    return textwrap.fill(" ".join(text.split()), WIDTH, break_long_words=False, break_on_hyphens=False)
