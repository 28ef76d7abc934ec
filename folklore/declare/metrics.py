"""The metrics of a run: a table of those that are recorded, and expressions of them by which arms are compared.

test/accuracy                              at the selected epoch; also train/…, validation/…, running/…, probe/…, and
                                           logged/… for a tag of another program that names no part of the data
best validation/accuracy                   the best of all epochs; other forms are in `curves.FORMS`
at 5 validation/loss                       after epoch 5; `at 0 probe/…`, or `first probe/…`, before the first step
epochs to validation/accuracy 0.85         the first epoch that is as good: some forms have a number
train/accuracy - validation/accuracy       the difference of any two of these, here the gap
last probe/dead_units above 0.9            1 for a run where this holds, else 0: over seeds, a rate; also `below`
failure                                    1 for a run that diverged or collapsed, else 0; also divergence and
                                           collapse, each by itself

docs/metrics.md, which `python -m folklore.declare.metrics_page` writes, lists them all.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from folklore.declare import checks
from folklore.declare.curves import FORMS
from folklore.declare.expressions import HISTORY_ONLY, RATES, Expression, Term
from folklore.errors import DeclarationError, did_you_mean

Goal = Literal["min", "max"]


@dataclass(frozen=True)
class RecordedMetric:
    """A row of the table: a metric that every run of a task records.

    Attributes:
        name: as recorded, in "test/accuracy", and in Keras' logs, in `val_accuracy`; no slash and no space.
        task: the data's.
        goal: whether smaller or larger is better.
        keras: the dotted name of its Keras class, a metric; empty for "loss", which is minimised and which
            `Recipe.loss` names.
        options: arguments of the class.
        in_units: whether it is multiplied by the unit of the targets, which are standardised in training.
    """

    name: str
    task: str
    goal: Goal
    keras: str = ""
    options: Mapping[str, Any] = field(default_factory=dict)
    in_units: bool = False


# A new metric is a new row. A goal belongs to a name, so it is the same in both tasks.
TABLE = (
    RecordedMetric("loss", "classification", "min"),
    RecordedMetric("accuracy", "classification", "max", "keras.metrics.SparseCategoricalAccuracy"),
    RecordedMetric("loss", "multilabel", "min"),
    RecordedMetric("r_precision", "multilabel", "max", "folklore.training.label_metrics.RPrecision"),
    RecordedMetric("loss", "regression", "min"),
    RecordedMetric("rmse", "regression", "min", "keras.metrics.RootMeanSquaredError", in_units=True),
    RecordedMetric("mae", "regression", "min", "keras.metrics.MeanAbsoluteError", in_units=True),
)
SPLITS = ("train", "validation", "test")
EXAMPLES = "test/accuracy, best validation/loss, epochs to validation/accuracy 0.85, train/loss - validation/loss"
_MAXIMISED = (
    *("acc", "auc", "auroc", "f1", "score", "precision", "recall", "reward", "return", "r2", "iou", "bleu", "rouge"),
    *("dice", "kappa", "mcc", "matthews", "ssim", "psnr", "ndcg", "mrr", "specificity", "sensitivity", "spearman"),
    *("pearson", "correlation", "success", "win_rate", "hit", "top1", "top5", "elbo", "likelihood"),
)
_MINIMISED = (
    *("loss", "err", "mse", "mae", "mape", "perplexity", "ppl", "nll", "negative", "entropy", "distance", "deviance"),
    *("regret", "cost", "seconds", "time"),
)
_MEAN_AVERAGE_PRECISION = re.compile(r"(?<![a-z])map(?![a-z])")  # not in "mape" or "feature_maps"
_NUMBER = r"-?(?:\d{1,15}(?:\.\d{0,15})?|\.\d{1,15})(?:[eE][-+]?\d{1,2})?"
_TERM = re.compile(rf"(?:({'|'.join(filter(None, FORMS))})(?: (\d{{1,6}}))? )?([^/\s]+)/(\S+?)(?: ({_NUMBER}))?")
_EVENT = re.compile(rf"(.+) (above|below) ({_NUMBER})")


def parse(name: str) -> Expression:
    """The expression that a text stands for.

    Raises:
        DeclarationError: it has none of the forms above; shows them.

    Example:
        >>> parse("best validation/loss - last validation/loss").from_history
        True
        >>> parse("train/loss - validation/loss").names
        ['train/loss', 'validation/loss']
    """
    if name in RATES:
        return Expression((), name)
    if event := _EVENT.fullmatch(name):
        of, side, bound = event.groups()
        return Expression(tuple(_terms(of)), side, float(bound))
    return Expression(tuple(_terms(name)))


def for_tuning(name: str, monitor: str) -> str:
    """The metric by which points of a grid are compared, where arms are compared by the metric `name`.

    It is the same metric of the validation part, so that what is chosen is what is asked about; where there is none,
    as of a probe, a rate, a difference or the shape of a curve, it is the metric that selects epochs.

    Example:
        >>> for_tuning("test/accuracy", "validation/loss"), for_tuning("probe/dead_units", "validation/loss")
        ('validation/accuracy', 'validation/loss')
    """
    expression = parse(name)
    terms = expression.terms
    if len(terms) != 1 or expression.is_rate or terms[0].split in ("probe", "train", "running"):
        return monitor
    if FORMS[terms[0].form].goal != "metric" and not terms[0].has_target:
        return monitor
    return name.replace("test/", "validation/")


def _terms(name: str) -> Iterator[Term]:
    parts = name.split(" - ")
    for part in parts:
        match = _TERM.fullmatch(part)
        form, epoch, split, metric, behind = match.groups(default="") if match else ("", "", "", "", "")
        if len(parts) > 2 or split not in (*SPLITS, *HISTORY_ONLY):
            hint = "" if len(parts) > 2 else f" {did_you_mean(*_misspelt(part))}"
            raise DeclarationError(f"The metric {name!r} is not understood. Write one like: {EXAMPLES}.{hint}")
        number = epoch or behind
        if bool(number) != bool(FORMS[form].number) or bool(epoch) != (form == "at") or (epoch and behind):
            raise DeclarationError(f"The metric {name!r}: {_why_number(form, f'{split}/{metric}')}")
        if epoch and int(epoch) == 0 and split != "probe":
            raise DeclarationError(
                f"The metric {name!r}: epoch 0 is before the first step, where only probes are measured. Write "
                f"'first {split}/{metric}' for the value after the first epoch."
            )
        if FORMS[form].needs_goal and split == "probe":
            raise DeclarationError(
                f"The metric {name!r}: of a probe nobody knows whether more is better, so `{form}` has no meaning. "
                f"Write probe/{metric}, at the selected epoch, or last probe/{metric}."
            )
        if form and split == "test":
            raise DeclarationError(
                f"The metric {name!r} needs the test metric of every epoch, but it is read once, at the selected "
                f"epoch. Write test/{metric}, or take the validation part."
            )
        yield Term(form, split, metric, float(number) if number else None, goal_of(f"{split}/{metric}"))


def _why_number(form: str, name: str) -> str:
    """What to write where a number is missing, or is one too many."""
    if form == "at":
        return f"`at` needs only an epoch, before the name, as in 'at 5 {name}'."
    if what := FORMS[form].number:
        return f"`{form}` needs {what}, as in '{form} {name} 0.85'."
    with_number = ", ".join(f"`{form}`" for form, row in FORMS.items() if row.number and form != "at")
    return f"a number belongs to {with_number} only, as in 'epochs to validation/accuracy 0.85'."


def _misspelt(part: str) -> tuple[str, list[str]]:
    """What seems to be misspelt in a term, and the names that it may be: a form's, else a metric's."""
    words = re.sub(rf" {_NUMBER}$", "", part).split(" ")
    form, metric = " ".join(words[:-1]), words[-1]
    return (form, list(filter(None, FORMS))) if form and form not in FORMS else (metric, recorded_names())


def goal(name: str) -> Goal | None:
    """The goal that a metric must have, None where either makes sense (a difference, a probe).

    Raises:
        DeclarationError: as `parse` does.
    """
    expression = parse(name)
    terms = expression.terms
    if not terms:
        return "min"
    if len(terms) != 1 or expression.is_rate:
        return None
    if FORMS[terms[0].form].goal == "min":
        return "min"
    return goal_of(name) if terms[0].name in recorded_names() or terms[0].split == "running" else None


def is_probe(name: str) -> bool:
    """Whether a metric looks inside the network."""
    return any(term.split == "probe" for term in parse(name).terms)


def is_loss(name: str) -> bool:
    """Whether a metric is, or has a part that is, the loss that runs minimise."""
    return any(term.metric == "loss" and term.split != "probe" for term in parse(name).terms)


def has_unit(name: str) -> bool:
    """Whether a metric is in the unit of the targets."""
    in_units, expression = {row.name for row in TABLE if row.in_units}, parse(name)
    return (
        bool(expression.terms)
        and not expression.is_rate
        and all(
            term.metric in in_units and term.split != "probe" and FORMS[term.form].in_units for term in expression.terms
        )
    )


def check_task(name: str, task: str) -> None:
    """Refuse a metric that runs of this task do not record.

    Raises:
        DeclarationError: names the nearest.
    """
    recorded = [f"{split}/{metric}" for split in (*SPLITS, "running") for metric in names_of(task)]
    for term in parse(name).terms:
        if term.split != "probe":
            checks.one_of(f"The metric for {task}", term.name, recorded)


def rows_of(task: str) -> list[RecordedMetric]:
    """The rows of the table for a task, the loss first."""
    return sorted((row for row in TABLE if row.task == task), key=lambda row: row.name != "loss")


def names_of(task: str) -> list[str]:
    """The names of the metrics of a task, without the part of the data."""
    return [row.name for row in rows_of(task)]


def recorded_names() -> list[str]:
    """The metrics that runs record, of either task, such as "test/accuracy"."""
    return sorted({f"{split}/{row.name}" for split in SPLITS for row in TABLE})


def goal_of(name: str) -> Goal:
    """Whether smaller or larger is better, for a metric as recorded, such as "validation/loss"; "min" for a probe.

    Of a metric that the table lacks, its name says it: accuracies, scores and areas are maximised, the rest are losses.

    Example:
        >>> goal_of("validation/f1"), goal_of("validation/mean_absolute_error")
        ('max', 'min')
    """
    split, _, metric = name.partition("/")
    if split == "probe":
        return "min"
    return goal_in_table(metric) or goal_in_name(metric) or "min"


def goal_in_name(metric: str) -> Goal | None:
    """What a metric's own name says of its goal, without the part of the data; None where it says nothing.

    Example:
        >>> goal_in_name("mAP"), goal_in_name("mape"), goal_in_name("negative_log_likelihood"), goal_in_name("gap")
        ('max', 'min', 'min', None)
    """
    name = metric.lower()
    if any(word in name for word in _MINIMISED):
        return "min"
    return "max" if any(word in name for word in _MAXIMISED) or _MEAN_AVERAGE_PRECISION.search(name) else None


def goal_in_table(metric: str) -> Goal | None:
    """The goal of a metric by its name in the table, such as "accuracy"; None for another."""
    return next((row.goal for row in TABLE if row.name == metric), None)
