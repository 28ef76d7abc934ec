"""The commands that read: `list`, `compare`, `report`, `board`. None of them imports TensorFlow."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, TypeVar

import typer
from rich.console import Console
from rich.text import Text

from folklore.cli.stored import (
    Baseline,
    Expect,
    Group,
    Logdir,
    OthersMetric,
    divided,
    experiments,
    listed_beside,
    runs_of,
    stored,
)
from folklore.declare import catalog
from folklore.errors import ProblemError
from folklore.report import tables
from folklore.wording import count

if TYPE_CHECKING:
    from folklore.declare.experiment import Experiment

One = TypeVar("One")
T = TypeVar("T")
out = Console(emoji=False)  # a colon is a colon
if not out.is_terminal and "COLUMNS" not in os.environ:
    out.width = 120  # instead of 80: a file or a pipe has no edge, and folded text cannot be searched
Names = Annotated[list[str] | None, typer.Argument(help="topic or topic.experiment", show_default=False)]


def list_(
    topic: Annotated[str | None, typer.Argument(help="topic or topic.experiment", show_default=False)] = None,
    format_: Annotated[Literal["table", "json"], typer.Option("--format")] = "table",
    logdir: Logdir = Path("logs"),
) -> None:
    """List the experiments, their claims, and how many of their runs are stored."""
    found: dict[str, Experiment] = {}
    problems: list[str] = []
    if topic and topic not in catalog.topics() and Path(topic).is_dir():
        logdir, topic = Path(topic), None
    if topic is None:
        found, problems = catalog.find_all()
    elif topic.partition(".")[0] in catalog.topics() or not any(listed_beside(logdir, (), topic)):
        found = catalog.find([topic])
    rows = [
        {"name": name, "claim": e.claim, "kind": e.kind, "runs": runs_of(logdir / name)} for name, e in found.items()
    ]
    rows += listed_beside(logdir, found, topic)
    if format_ == "json":
        listed = [{name: value for name, value in row.items() if name != "runs"} for row in rows]
        print(json.dumps(listed, indent=1, ensure_ascii=False))
    else:
        out.print(tables.table(rows))
    if problems:
        raise ProblemError(" ".join(problems))


def compare(
    context: typer.Context,
    names: Annotated[list[str] | None, typer.Argument(help="topic, topic.experiment or a log directory")] = None,
    metric: Annotated[
        list[str] | None,
        typer.Option(help="such as test/accuracy; may be repeated; default: the experiment's", show_default=False),
    ] = None,
    group: Group = None,
    baseline: Baseline = None,
    expect: Expect = None,
    sort: Annotated[bool, typer.Option("--sort", help="the arm with the best mean first")] = False,
    list_metrics: Annotated[
        bool, typer.Option("--list-metrics", help="only list the metrics that the runs recorded")
    ] = False,
    format_: Annotated[
        Literal["table", "json", "csv", "md", "runs"], typer.Option("--format", help="runs: CSV with a row a run")
    ] = "table",
    logdir: Logdir = Path("logs"),
) -> None:
    """Compare the arms of experiments by their stored runs, or the runs in any directory of TensorBoard logs."""
    if list_metrics:
        _list_metrics(names, logdir, group, format_)
        return
    found = context.with_resource(experiments(names, logdir, metric or [None], group, baseline, expect))
    from folklore.evidence import compare, ledger

    pairs, problems = _each(found, lambda one: (one[0], ledger.record_look(one[0], compare.compare(*one))))
    comparisons = [compared for _, compared in pairs]
    if sort:
        comparisons = [compared.by_mean() for compared in comparisons]
    if format_ == "json":
        shown = [compared.to_dict() for compared in comparisons]
        print(json.dumps(shown, indent=1, ensure_ascii=False, allow_nan=False))
    elif format_ == "csv":
        print(tables.as_csv(tables.flat(comparisons)), end="")
    elif format_ == "md":
        print(tables.as_markdown(tables.flat(comparisons)), end="")
    elif format_ == "runs":
        from folklore.report.frames import compared_runs

        print(compared_runs([path for path, _ in pairs], comparisons).to_csv(index=False), end="")
    else:
        from folklore.storage.run_directory import logdir_option

        for compared in comparisons:
            out.print(tables.comparison(compared, logdir_option(logdir)))
    if problems:
        raise ProblemError(" ".join(problems))


def _each(found: Sequence[One], of: Callable[[One], T]) -> tuple[list[T], list[str]]:
    """The results of a function for each of several experiments, and what is wrong with those that have none.

    Raises:
        ProblemError: none has a result.
    """
    results, problems = [], []
    for one in found:
        try:
            results.append(of(one))
        except ProblemError as problem:  # such as one whose first run has not ended: the others are shown all the same
            problems.append(str(problem))
    if problems and not results:
        raise ProblemError(" ".join(problems))
    return results, problems


def _list_metrics(names: Sequence[str] | None, logdir: Path, group: str | None, format_: str) -> None:
    from folklore.evidence.logs import recorded, tensorboard_logs

    others, own = divided(names, logdir, group)
    found = {str(path): recorded.of_logs(tensorboard_logs.read(path, group)) for path in others}
    if own is not None:
        found |= {path.name: recorded.of_experiment(path) for path in stored(own, logdir)}
    if format_ == "json":
        print(json.dumps(found, indent=1, ensure_ascii=False))
        return
    for title, rows in found.items():
        out.print(tables.table(rows, title=title))


def board(
    context: typer.Context,
    names: Names = None,
    seeds: Annotated[bool, typer.Option("--seeds", help="show runs of single seeds instead of means")] = False,
    only: Annotated[
        str | None, typer.Option(help="with --seeds, the runs to show, such as 'relu/*' or '*/seed-1?'")
    ] = None,
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 takes a free port")] = 6006,
    host: Annotated[
        str, typer.Option(help="address to listen on; 0.0.0.0 gives access to everyone who can reach this machine")
    ] = "127.0.0.1",
    metric: OthersMetric = None,
    group: Group = None,
    baseline: Baseline = None,
    expect: Expect = None,
    logdir: Logdir = Path("logs"),
) -> None:
    """Open TensorBoard on verdicts and curves, which follow runs as they end; by default reachable from here only."""
    from folklore.report.board import live, places

    if only is not None and not seeds:
        raise ProblemError(f"--only {only} chooses among the runs of --seeds, which was not given. Add --seeds.")
    port = live.port_for(host, port)
    paths = _opened(context, names, logdir, metric, group, baseline, expect)
    out_ = logdir / (places.LINKS if seeds else places.FOLDER)
    shown = live.Board(paths, out_, (only or "*") if seeds else None)
    _say_which_runs(*shown.linked, only)
    out.print(
        Text(f"Open {places.address(host, port, shown.metrics, 'timeseries' if seeds else 'verdict')}"), soft_wrap=True
    )
    raise typer.Exit(live.serve(shown, port, host))


def _say_which_runs(linked: int, found: int, only: str | None) -> None:
    """Say which of the runs are shown, unless all are.

    Raises:
        ProblemError: none has a name that was asked for.
    """
    if only is not None and not found:
        raise ProblemError(
            f"No run is called {only!r}. A run is arm/seed-N: give a pattern such as 'relu/*' or '*/seed-1?'."
        )
    if linked < found:
        said = (
            f"Showing {linked} of {found} runs, the first seeds of every arm, since with more some tabs of TensorBoard "
            "hide all. --only 'ARM/*' or --only '*/seed-1?' shows others."
        )
        out.print(Text(said), soft_wrap=True)


def _opened(
    context: typer.Context, names: Sequence[str] | None, logdir: Path, metric: str | None, group: str | None,
    baseline: str | None, expect: Sequence[str] | None,
) -> list[Path]:  # fmt: skip
    """The directories of experiments, while the command runs."""
    found = context.with_resource(experiments(names, logdir, [metric], group, baseline, expect))
    if any(asked is not None for _, asked in found):
        raise ProblemError(
            f"--metric {metric} is for logs of other programs: an experiment is shown by its own metric. `compare` "
            "takes any."
        )
    return [path for path, _ in found]


def report(
    context: typer.Context,
    names: Annotated[
        list[str] | None, typer.Argument(help="topic, topic.experiment, a log directory, or a folder of kept results")
    ] = None,
    out_: Annotated[Path, typer.Option("--out", help="folder to write")] = Path("reports"),
    open_: Annotated[bool, typer.Option("--open", help="open it in a browser")] = False,
    metric: OthersMetric = None,
    group: Group = None,
    baseline: Baseline = None,
    expect: Expect = None,
    logdir: Logdir = Path("logs"),
) -> None:
    """Write a folder of HTML: every claim with its verdict, and a page for each experiment."""
    from folklore.report import html, summary

    others = divided(names, logdir, group)[0]  # which may hold JSON files too
    named = [Path(name) for name in names or [] if Path(name).is_dir() and Path(name) not in others]
    kept = [file for folder in named for file in sorted(folder.glob("*.json"))]
    folders = {file.parent for file in kept}
    names = [name for name in names or [] if Path(name) not in folders]
    found = [summary.read(file) for file in kept]
    problems: list[str] = []
    if names or not kept:
        opened = _opened(context, names, logdir, metric, group, baseline, expect)
        summaries, problems = _each(opened, lambda path: summary.summarise(path, seeds=True))
        found += summaries
    try:
        index = html.write(found, out_)
    except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
        if not kept or isinstance(error, ProblemError):
            raise
        given = ", ".join(map(str, kept[:3])) + (" …" if len(kept) > 3 else "")
        raise ProblemError(f"A kept result is damaged, one of {given}: {error!r}. Nothing was written.") from error
    out.print(Text(f"Wrote {index}, and {count(len(found), 'page')} beside it."), soft_wrap=True)
    if open_:
        typer.launch(str(index.resolve()))
    if problems:
        raise ProblemError(f"Left out of the report: {' '.join(problems)}")
