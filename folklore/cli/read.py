"""The commands that read: `list`, `compare`, `report`, `board`. None of them imports TensorFlow."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer
from rich.console import Console
from rich.text import Text

from folklore.declare import catalog
from folklore.errors import ProblemError, did_you_mean
from folklore.report import tables
from folklore.storage import run_paths

if TYPE_CHECKING:
    from folklore.declare.experiment import Experiment
    from folklore.evidence.comparison import Comparison

out = Console(emoji=False)  # a colon is a colon
if not out.is_terminal and "COLUMNS" not in os.environ:
    out.width = 120  # instead of 80: a file or a pipe has no edge, and folded text cannot be searched
_RUN_SOMETHING = "Run: python -m experiments run quickstart"


def _directory(given: str | Path) -> Path:
    if not str(given).strip():
        raise ProblemError("--logdir is empty. Name a directory, such as --logdir logs.")
    return Path(given)


Names = Annotated[list[str] | None, typer.Argument(help="topic or topic.experiment", show_default=False)]
Logdir = Annotated[Path, typer.Option(parser=_directory, metavar="<path>", help="where runs are stored")]


def list_(
    topic: Annotated[str | None, typer.Argument(help="topic or topic.experiment", show_default=False)] = None,
    format_: Annotated[Literal["table", "json"], typer.Option("--format")] = "table",
    logdir: Logdir = Path("logs"),
) -> None:
    """List the experiments, their claims, and how many of their runs are stored."""
    found, problems = catalog.find_all() if topic is None else (catalog.find([topic]), [])
    _list(found, format_, logdir)
    if problems:
        raise ProblemError(" ".join(problems))


def _list(found: Mapping[str, Experiment], format_: str, logdir: Path) -> None:
    if format_ == "json":
        listed = [{"name": name, "claim": e.claim, "kind": e.kind} for name, e in found.items()]
        print(json.dumps(listed, indent=1, ensure_ascii=False))
        return
    done = {name: len(list((logdir / name).glob("*/seed-*/DONE"))) for name in found}
    out.print(
        tables.table(
            [{"name": n, "claim": e.claim, "kind": e.kind, "runs": str(done[n] or "")} for n, e in found.items()]
        )
    )


def compare(
    names: Annotated[list[str] | None, typer.Argument(help="topic, topic.experiment or a log directory")] = None,
    metric: Annotated[str | None, typer.Option(help="such as test/accuracy; default: the experiment's")] = None,
    group: Annotated[
        str | None, typer.Option(help="pattern of a run's path in other TensorBoard logs; default: {arm}/seed-{seed}")
    ] = None,
    baseline: Annotated[
        str | None, typer.Option(help="of other TensorBoard logs, the arm to compare with; default: the first")
    ] = None,
    format_: Annotated[Literal["table", "json", "csv", "md"], typer.Option("--format")] = "table",
    logdir: Logdir = Path("logs"),
) -> None:
    """Compare the arms of experiments by their stored runs, or the runs in any directory of TensorBoard logs."""
    others = [Path(name) for name in names or [] if _is_foreign(name, group)]
    names = [name for name in names or [] if Path(name) not in others]
    if baseline is not None and (names or not others):
        raise ProblemError(f"--baseline {baseline} is for logs of other programs: an experiment declares its baseline.")
    comparisons = _compared_logs(others, metric, group, baseline) if others else []
    if names or not others:
        from folklore.evidence import compare, ledger

        comparisons += [ledger.record_look(path, compare.compare(path, metric)) for path in stored(names, logdir)]
    if format_ == "json":
        found = [compared.to_dict() for compared in comparisons]
        print(json.dumps(found, indent=1, ensure_ascii=False, allow_nan=False))
    elif format_ == "csv":
        print(tables.as_csv(tables.flat(comparisons)), end="")
    elif format_ == "md":
        print(tables.as_markdown(tables.flat(comparisons)), end="")
    else:
        from folklore.storage.run_directory import logdir_option

        for compared in comparisons:
            out.print(tables.comparison(compared, logdir_option(logdir)))


def _compared_logs(
    paths: Sequence[Path], metric: str | None, group: str | None, baseline: str | None
) -> list[Comparison]:
    from folklore.evidence.logs import tensorboard_logs

    return [tensorboard_logs.compare(path, metric, group or tensorboard_logs.GROUP, baseline) for path in paths]


def _is_foreign(name: str, group: str | None) -> bool:
    """Whether a name is a directory of TensorBoard logs that others wrote, or that are read as such."""
    if not name.strip() or not Path(name).is_dir():
        return False
    if group or run_paths.experiments(Path(name)):
        return bool(group)
    from folklore.evidence.logs.tensorboard_logs import has_events

    return has_events(Path(name))


def board(
    names: Names = None,
    seeds: Annotated[bool, typer.Option("--seeds", help="show runs of single seeds instead of means")] = False,
    only: Annotated[
        str | None, typer.Option(help="with --seeds, the runs to show, such as 'relu/*' or '*/seed-1?'")
    ] = None,
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 takes a free port")] = 6006,
    host: Annotated[
        str, typer.Option(help="address to listen on; 0.0.0.0 gives access to everyone who can reach this machine")
    ] = "127.0.0.1",
    logdir: Logdir = Path("logs"),
) -> None:
    """Open TensorBoard on verdicts and curves, which follow runs as they end; by default reachable from here only."""
    from folklore.report.board import live, places

    if only is not None and not seeds:
        raise ProblemError(f"--only {only} chooses among the runs of --seeds, which was not given. Add --seeds.")
    port = live.port_for(host, port)
    out_ = logdir / (places.LINKS if seeds else places.FOLDER)
    shown = live.Board(stored(names or [], logdir), out_, (only or "*") if seeds else None)
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


def report(
    names: Annotated[
        list[str] | None, typer.Argument(help="topic, topic.experiment, a log directory, or a folder of kept results")
    ] = None,
    out_: Annotated[Path, typer.Option("--out", help="folder to write")] = Path("reports"),
    open_: Annotated[bool, typer.Option("--open", help="open it in a browser")] = False,
    logdir: Logdir = Path("logs"),
) -> None:
    """Write a folder of HTML: every claim with its verdict, and a page for each experiment."""
    from folklore.report import html, summary

    kept = [file for name in names or [] if Path(name).is_dir() for file in sorted(Path(name).glob("*.json"))]
    folders = {file.parent for file in kept}
    names = [name for name in names or [] if Path(name) not in folders]
    found = [summary.read(file) for file in kept]
    if names or not kept:
        found += [summary.summarise(path, seeds=True) for path in stored(names, logdir)]
    try:
        index = html.write(found, out_)
    except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
        if not kept or isinstance(error, ProblemError):
            raise
        given = ", ".join(map(str, kept[:3])) + (" …" if len(kept) > 3 else "")
        raise ProblemError(f"A kept result is damaged, one of {given}: {error!r}. Nothing was written.") from error
    pages = f"{len(found)} page{'' if len(found) == 1 else 's'}"
    out.print(Text(f"Wrote {index}, and {pages} beside it."), soft_wrap=True)
    if open_:
        typer.launch(str(index.resolve()))


def stored(names: Sequence[str], logdir: Path) -> list[Path]:
    """The directories of stored experiments, given by topic, topic.experiment, or log directory.

    Raises:
        ProblemError: nothing is stored under a name; names the nearest.
    """
    by_name = {path.name: path for path in run_paths.experiments(logdir)}
    if not names and not by_name:
        raise ProblemError(f"{str(logdir)!r} holds no runs yet. {_RUN_SOMETHING}")
    found = [] if names else list(by_name.values())
    for name in names:
        here = [path for stem, path in by_name.items() if stem == name or stem.partition(".")[0] == name]
        here = here or (run_paths.experiments(Path(name)) if name.strip() and Path(name).is_dir() else [])
        if not here and len(Path(name).parts) > 1:
            raise ProblemError(f"There are no runs in {name!r}. Give a log directory, or the name of an experiment.")
        if not here:
            advice = did_you_mean(name, by_name) if by_name else f"It holds no runs at all. {_RUN_SOMETHING}"
            raise ProblemError(f"{str(logdir)!r} holds no runs of {name!r}. {advice}")
        found += here
    return list(dict.fromkeys(found))
