"""The contents of experiment.json and run.json, as far as readers rely on them; other keys are kept as they are."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Strict, ValidationError

from folklore.declare.hypothesis import Direction

Number = int | float
Goal = Literal["min", "max"]


class MisfitError(ValueError):
    """A value that does not fit its record. The message is its place, such as "metric/goal"."""


class Record(BaseModel):
    """Data read from JSON, or to be written as JSON."""

    # Building a record's validator takes milliseconds, so each is built when it is first needed: `list` needs none.
    model_config = ConfigDict(strict=True, frozen=True, extra="allow", defer_build=True)

    @classmethod
    def of(cls, data: Mapping[str, Any]) -> Self:
        """The record with this content.

        Raises:
            MisfitError: something is missing or not of its kind.
        """
        try:
            return cls.model_validate(data)
        except ValidationError as error:
            raise MisfitError(_place(error, data)) from None

    def to_dict(self) -> dict[str, Any]:
        """The content as JSON-able data, without what was never given."""
        return self.model_dump(exclude_unset=True)


class StoredMetric(Record):
    """A metric and its goal."""

    name: str
    goal: Goal


class StoredHypothesis(Record):
    """A hypothesis; None stands for the experiment's own metric, baseline or claim."""

    arm: str | list[str]
    direction: Direction
    by: Number
    metric: StoredMetric | None = None
    against: str | Number | None = None
    claim: str | None = None
    values: list[Number] | None = None
    more_than: list[str] | None = None


class StoredFact(Record):
    """A fact that was computed."""

    statement: str
    expected: Any = None
    found: Any = None
    holds: bool


class Tried(Record):
    """A point of an arm's grid and its mean score."""

    point: dict[str, Any]
    scores: list[Number | None] | None = None
    mean: Number | None = None


class Tuned(Record):
    """How an arm's best point was found.

    Attributes:
        monitor: the metric by which points were compared, and its goal.
        by_seed: whether each seed of the comparison takes the point that is best for it, see
            `folklore.evidence.tuning_choice`.
        edges: settings whose best value is the first or last of the grid, and the side on which to widen it.
    """

    grid: dict[str, list[Any]] | None = None
    monitor: str | None = None
    goal: Goal | None = None
    by_seed: bool = False
    tried: list[Tried] | None = None
    best: dict[str, Any] | None = None
    edges: dict[str, Annotated[tuple[Any, str], Strict(False)]]  # JSON has no tuples


class Question(Record):
    """What is asked: all that, changed after runs exist, could turn a verdict."""

    claim: str
    baseline: str
    metric: StoredMetric
    hypotheses: list[StoredHypothesis]
    grid: dict[str, dict[str, list[Any]]]
    tuned: str = ""  # a hash of how points were chosen


class LedgerEntry(Record):
    """An entry of an experiment's ledger: what was asked, or a look at the verdicts.

    Attributes:
        time: ISO 8601.
        commit: of the code; None outside a checkout.
        runs: of the experiment that had ended by then.
        asked: the question, in an entry about one.
        look: the seeds behind each hypothesis, in an entry about a look.
        end: seeds at the last planned look.
        sha256: of this entry and of the one before it.
    """

    time: str
    commit: str | None = None
    runs: int
    asked: Question | None = None
    look: list[int] | None = None
    end: int | None = None
    sha256: str


class OtherLogs(Record):
    """Logs of other programs that were read as an experiment, see `folklore.evidence.logs.adopt`.

    Attributes:
        path: their directory.
        seeds: arm to the number of a seed here to its name there.
        paired: whether arms share seeds by name.
        notes: what a reader must know: how runs were grouped, which were left out, which files are damaged.
    """

    path: str
    seeds: dict[str, dict[str, str]]
    paired: bool
    notes: list[str]


class Declaration(Record):
    """The experiment.json of any claim.

    Attributes:
        kind: "stat", "mech" or "exact", or several joined by "+"; "logged" of runs that the suite did not train.
        logs: of other programs, where they were read as this experiment.
    """

    claim: str
    kind: str | None = None
    logs: OtherLogs | None = None
    baseline: str | None = None
    arms: dict[str, dict[str, Any]]
    unit: str | None = None
    options: list[str] | None = None
    tuning: dict[str, Tuned] | None = None
    facts: list[StoredFact] | None = None
    end: int | None = None
    ledger: list[LedgerEntry] | None = None
    note: str = ""
    about: str = ""
    file: str = ""


class ExactClaim(Declaration):
    """The experiment.json of a claim that computation settles, without arms."""


class StoredExperiment(Declaration):
    """The experiment.json of a claim about arms."""

    baseline: str
    metric: StoredMetric
    hypotheses: list[StoredHypothesis]


class DataSet(Record):
    """The data that a run was trained on; `rows` are the numbers of rows of its parts."""

    name: str
    source: str
    unit: str
    sha256: str
    rows: dict[str, Number] | None = None


class Divergence(Record):
    """When and why a run diverged, or collapsed; `epoch` counts from 1."""

    epoch: Number
    reason: str


class StoredRun(Record):
    """The run.json of any run."""

    status: Literal["running", "done", "diverged", "failed"]
    identity: str
    recipe: dict[str, Any]
    error: str | None = None
    divergence: Divergence | None = None


class Code(Record):
    """The code that made a run; see `folklore.study.provenance`."""

    commit: str | None = None
    changed: bool | None = None
    sha256: str | None = None


class EndedRun(StoredRun):
    """The run.json of a run that came to its end: it is done, or it diverged."""

    status: Literal["done", "diverged"]
    data: DataSet | None  # None where it is unknown: of a run that `callbacks.Logger` or another program logged
    metrics: dict[str, Number | None]
    before: dict[str, Number | None] | None = None  # what its probes measured before the first step, by metric
    selected_epoch: int | None = None
    collapse: Divergence | None = None  # of a run that is done: at its selected epoch no better than a constant
    seconds: dict[str, Number | None] | None = None
    versions: dict[str, str] | None = None
    code: Code | None = None
    asked: str | None = None  # the hash of the ledger's entry under which it was trained
    machine: Any = None
    device: Any = None
    host: str | None = None
    processor: str | None = None
    workers: Any = None
    threads: Any = None


def _place(error: ValidationError, data: Any) -> str:
    """The first place at which data do not fit; of the alternatives there, the one that fits furthest."""
    places = [_path(each["loc"], data, each["type"] == "missing") for each in error.errors(include_url=False)]
    first = places[0]
    return max((place for place in places if f"{place}/".startswith(f"{first}/")), key=len) or "all of it"


def _path(location: tuple[int | str, ...], value: Any, missing: bool) -> str:
    """A location as keys and indices, without the labels that pydantic puts in for alternatives."""
    found = []
    for index, key in enumerate(location):
        last = missing and index == len(location) - 1
        if isinstance(value, dict) and (key in value or last):
            value = value.get(key)
        elif isinstance(value, list) and isinstance(key, int):
            value = value[key] if key < len(value) else None
        else:
            continue
        found.append(str(key))
    return "/".join(found)
