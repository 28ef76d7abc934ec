"""Stored runs as pandas frames, and comparisons as objects that a notebook shows. Nothing here imports TensorFlow."""

from __future__ import annotations

import contextlib
import html
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
from rich.console import Console

from folklore.declare.settings import flatten
from folklore.errors import ProblemError
from folklore.evidence import compare as comparing
from folklore.evidence import ledger
from folklore.evidence.comparison import Comparison
from folklore.report import formatting, tables
from folklore.storage import run_directory, run_paths
from folklore.storage.schema import Declaration

if TYPE_CHECKING:
    import plotly.graph_objects as go


def runs(logdir: str | Path = "logs") -> pd.DataFrame:
    """All stored runs of a log directory, of one experiment's directory, or of others' logs: a row a run.

    Columns: experiment, arm, seed, status ("done", "diverged", "failed", "incomplete"), collapsed, selected_epoch,
    seconds, one for each recorded metric, such as test/accuracy, at the selected epoch, in the metric's units, and one
    for each setting in which the arms of their experiment differ, such as params.dropout.

    Raises:
        ProblemError: there are none, or a file is damaged.

    Example:
        >>> import folklore
        >>> frame = folklore.runs("logs")  # doctest: +SKIP
        >>> frame.groupby(["experiment", "arm"])["test/accuracy"].mean()  # doctest: +SKIP
    """
    with _opened(Path(logdir)) as paths:
        return pd.DataFrame([row for path in paths for row in _rows(path)])


def compared_runs(paths: Sequence[Path], comparisons: Sequence[Comparison]) -> pd.DataFrame:
    """The same for compared experiments, a row a run, with the metrics that they were compared by after its status.

    Args:
        paths: of experiments, one for each comparison; one that is compared by several metrics comes several times.
        comparisons: by which metrics.
    """
    rows: dict[tuple[str, str, str], dict[str, Any]] = {}
    for path, compared in zip(paths, comparisons, strict=True):
        for row in _rows(path):
            arm = compared.arms.get(row["arm"])
            value = arm.values.get(str(row["seed"])) if arm else None
            key = (path.name, row["arm"], str(row["seed"]))
            rows[key] = rows.get(key, row) | ({compared.metric: value} if compared.metric else {})
    frame = pd.DataFrame(list(rows.values()))
    asked = list(dict.fromkeys(compared.metric for compared in comparisons if compared.metric))
    first = [name for name in ("experiment", "arm", "seed", "status") if name in frame]
    return frame[[*first, *asked, *(name for name in frame if name not in (*first, *asked))]]


def curves(logdir: str | Path = "logs") -> pd.DataFrame:
    """The histories of all runs that ended: a row an epoch of a run.

    Columns: experiment, arm, seed, and those of history.csv: epoch, seconds, lr, train/…, validation/…, running/…,
    probe/…; NaN where a run did not record one.

    Raises:
        ProblemError: there are no runs, or a file is damaged.

    Example:
        >>> import folklore
        >>> frame = folklore.curves("logs")  # doctest: +SKIP
        >>> frame.groupby(["arm", "epoch"])["validation/loss"].mean().unstack("arm").plot()  # doctest: +SKIP
    """
    frames = []
    with _opened(Path(logdir)) as paths:
        for path, run in ((found, run) for found in paths for run in run_directory.runs(found)):
            if run.done:
                history = pd.DataFrame(run_directory.read_history(run.path))
                history.insert(0, "seed", _seed(run_directory.read_experiment(path), run))
                history.insert(0, "arm", run.arm)
                history.insert(0, "experiment", path.name)
                frames.append(history)
    return pd.concat(frames, ignore_index=True) if frames else pd.DataFrame()


@dataclass(frozen=True, repr=False)
class Compared:
    """A comparison of an experiment's arms, as `compare` gives it. A notebook shows it as tables.

    Attributes:
        comparison: all of it, as `compare --format json` prints it.
    """

    comparison: Comparison

    @property
    def table(self) -> pd.DataFrame:
        """A row an arm: n, mean, std, ci_lo, ci_hi, the difference from the baseline (arm minus it) and its bounds."""
        rows = [{name: row[name] for name in row if name not in _SHARED} for row in tables.flat([self.comparison])]
        return pd.DataFrame(rows).set_index("arm") if rows else pd.DataFrame()

    @property
    def verdicts(self) -> pd.DataFrame:
        """A row a hypothesis: claim, verdict, size, effect, ci_lo, ci_hi, delta, n, p, sentence."""
        return pd.DataFrame([_verdict(h) for h in self.comparison.hypotheses])

    def plot(self) -> go.Figure:
        """Every seed's value, arm beside arm, with the arms' means and intervals: a plotly figure."""
        from folklore.report import plots

        return plots.strip(self.comparison, plots.styles([list(self.comparison.arms)]))

    def __repr__(self) -> str:
        console = Console(file=io.StringIO(), width=120, emoji=False, force_jupyter=False)
        console.print(tables.comparison(self.comparison))
        return console.file.getvalue()  # type: ignore[attr-defined]

    def _repr_html_(self) -> str:
        words = "".join(
            f"<p><b>{html.escape(formatting.label(h.verdict, h.size))}</b>: {html.escape(h.claim)} "
            f"{html.escape(formatting.plain(h))}</p>"
            for h in self.comparison.hypotheses
        )
        beware = "".join(f"<p>Beware: {html.escape(warning)}.</p>" for warning in self.comparison.warnings)
        shown = pd.DataFrame(tables.arm_rows(self.comparison)).to_html(index=False, escape=True)
        about = html.escape("; ".join(tables.about(self.comparison)))
        return f"<p><b>{html.escape(self.comparison.experiment)}</b></p>{beware}{words}{shown}<p>{about}</p>"


def compare(
    path: str | Path, metric: str | None = None, *, group: str | None = None, baseline: str | None = None,
    expect: str | Sequence[str] = (),
) -> Compared:  # fmt: skip
    """Compare the arms of one experiment, or of logs that other programs wrote.

    Args:
        path: an experiment's directory, such as "logs/quickstart.california_housing"; a log directory that holds one
            experiment; or any directory of TensorBoard logs.
        metric: such as "test/accuracy"; None takes the declared one.
        group: of others' logs, which part of a run's path is its arm and which its seed, such as "{arm}/seed-{seed}";
            None guesses it.
        baseline: of others' logs, the arm that others are compared with; None takes the first.
        expect: of others' logs, hypotheses such as "width 32 better 0.01".

    Raises:
        ProblemError: nothing is there to compare; names the nearest.

    Example:
        >>> import folklore
        >>> found = folklore.compare("logs/quickstart.california_housing")  # doctest: +SKIP
        >>> found.verdicts["sentence"][0]  # doctest: +SKIP
    """
    path = Path(path)
    experiments = run_paths.experiments(path)
    if group is None and len(experiments) > 1:
        raise ProblemError(
            f"{path} holds {len(experiments)} experiments. Give one: {', '.join(map(str, experiments))}."
        )
    if group is None and experiments:
        if expect:
            raise ProblemError(f"{experiments[0]} declares its hypotheses. Leave expect={expect!r} out.")
        if baseline is not None:
            raise ProblemError(f"{experiments[0]} declares its baseline. Leave baseline={baseline!r} out.")
        return Compared(ledger.record_look(experiments[0], comparing.compare(experiments[0], metric)))
    from folklore.evidence.logs import tensorboard_logs

    questions = [expect] if isinstance(expect, str) else expect
    return Compared(tensorboard_logs.compare(path, metric, group, baseline, questions))


_SHARED = ("experiment", "metric", "data")


@contextlib.contextmanager
def _opened(logdir: Path) -> Iterator[list[Path]]:
    """The experiments of a log directory; logs of other programs are one, in a temporary folder."""
    if found := run_paths.experiments(logdir):
        yield found
        return
    if next(run_paths.event_files(logdir), None):
        from folklore.evidence.logs import adopt, tags, tensorboard_logs

        logs = tensorboard_logs.read(logdir)
        known = tags.names({tag for run in logs.runs for tag in run.series})
        if not known:
            raise ProblemError(f"{logdir} holds event files, and no scalars in them.")
        metric = tags.default(known.values()) or next(iter(known))
        with adopt.adopted(logs, metric) as path:
            yield [path]
        return
    raise ProblemError(f"{str(logdir)!r} holds no runs. Give the directory that `run --logdir` wrote, such as logs.")


def _rows(path: Path) -> Iterator[dict[str, Any]]:
    declared = run_directory.read_experiment(path)
    flat = {arm: dict(flatten(recipe)) for arm, recipe in (declared.arms if declared else {}).items()}
    names = dict.fromkeys(name for recipe in flat.values() for name in recipe)
    differ = [name for name in names if len({str(recipe.get(name)) for recipe in flat.values()}) > 1]
    for run in run_directory.runs(path):
        ended = run.ended
        row: dict[str, Any] = {
            "experiment": path.name,
            "arm": run.arm,
            "seed": _seed(declared, run),
            "status": run.status,
        }
        row |= {
            "collapsed": bool(ended and ended.collapse),
            "selected_epoch": ended.selected_epoch if ended else None,
            "seconds": (ended.seconds or {}).get("total") if ended else None,
        }
        settings = dict(flatten(run.record.recipe)) if run.record else {}
        yield row | (ended.metrics if ended else {}) | {name: settings.get(name) for name in differ}


def _seed(declared: Declaration | None, run: run_directory.Run) -> int | str:
    """A run's seed; as another program named it, where the logs are of one."""
    name = declared.logs.seeds[run.arm][str(run.seed)] if declared and declared.logs else str(run.seed)
    return int(name) if name.isdecimal() else name


def _verdict(h: Any) -> dict[str, Any]:
    return {
        "claim": h.claim,
        "verdict": h.verdict,
        "size": h.size,
        "effect": h.effect,
        "ci_lo": h.ci[0],
        "ci_hi": h.ci[1],
        "delta": h.delta,
        "n": h.n,
        "p": h.p,
        "sentence": formatting.plain(h),
    }
