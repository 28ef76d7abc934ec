"""The page of all metrics, docs/metrics.md, from the tables that the code reads.

python -m folklore.declare.metrics_page > docs/metrics.md
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from callbacks.probes import PROBES
from folklore.declare.curves import FORMS, Form
from folklore.declare.metrics import TABLE, RecordedMetric

_GOALS = {"min": "lower", "max": "higher"}
_EVENTS = (
    ("failure", "it diverged or collapsed"),
    ("divergence", "its loss or a weight became NaN or infinite"),
    ("collapse", "at the selected epoch it was no better than a constant prediction"),
    ("X above 0.9", "the value of X, any of the metrics above, is above the number; likewise `below`"),
)


def page() -> str:
    """The page, in Markdown."""
    return f"""# Metrics

Arms are compared by a metric of their runs: `Metric("test/accuracy", goal="max")` in an experiment, `--metric
"test/accuracy"` on the command line. A command writes this page from the tables that the code reads:

```
python -m folklore.declare.metrics_page > docs/metrics.md
```

## What runs record

{_table(("metric", "task", "better", "Keras", "unit"), map(_recorded, TABLE))}

Each is recorded for a part of the data:

{_table(("part", "when", "in"), _PARTS)}

`probe/…` is what a [probe](probes.md) measured: {", ".join(f"`{name}`" for name in sorted(PROBES))}. Those before the
first step are in run.json.

## Forms

Of every metric but those of the test part, which is read once, the curve over the epochs gives figures:

{_table(("form", "example", "what it is", "better", "of runs that failed"), (_form(*row) for row in FORMS.items()))}

`X - Y` is the difference of any two of these, such as the gap `train/accuracy - validation/accuracy`. Whether more or
less of it is better is yours to say.

## Events

An event happens in a run or not. Over seeds it is a rate, whose interval is Wilson's or Newcombe's.

{_table(("metric", "1 for a run if"), ((f"`{name}`", meaning) for name, meaning in _EVENTS))}

The death of a network is such an event: `last probe/dead_units above 0.9`. Runs that failed count in rates.

## What has no value

A run that diverged or collapsed has no value of a metric that only training that succeeds gives; its failure is counted
beside the verdict. Where many fail, only a rate gets a verdict ([evidence.md](evidence.md)). Probes look inside
networks that failed, too.

A difference of two differences, such as "dropout costs the small network more than the large one", is not a metric but
a hypothesis with `more_than`, see `folklore.Hypothesis`.
"""


# Of the parts of the data, what a run records and where it is stored.
_PARTS = (
    ("`train/…`", "after every epoch, on the whole training part, in inference mode", "history.csv, run.json"),
    ("`validation/…`", "after every epoch, in inference mode", "history.csv, run.json"),
    ("`test/…`", "once, with the weights of the selected epoch", "run.json"),
    ("`running/…`", "during every epoch, while weights change and dropout acts: Keras' own figure", "history.csv"),
    ("`logged/…`", "a tag of another program that names no part of the data ([logs.md](logs.md))", "its logs"),
)


def _recorded(row: RecordedMetric) -> tuple[str, ...]:
    unit = "that of the target" if row.in_units else "–"
    return (
        f"`{row.name}`",
        row.task,
        _GOALS[row.goal],
        f"`{row.keras}`" if row.keras else "what `Recipe.loss` names",
        unit,
    )


def _form(name: str, form: Form) -> tuple[str, ...]:
    metric = "validation/accuracy"
    number = {"a target": " 0.85", "a width": " 0.02"}.get(form.number, "")
    before = "at 5" if name == "at" else name
    better = "as the metric" if form.goal == "metric" else "lower"
    needs = ", not of probes" if form.needs_goal else ""
    return (
        f"`{name}`" if name else "–",
        f"`{f'{before} {metric}{number}'.strip()}`",
        form.meaning,
        better + needs,
        "has a value" if form.of_failures else "no value",
    )


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


if __name__ == "__main__":
    print(page(), end="")
