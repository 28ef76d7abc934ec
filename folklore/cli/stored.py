"""Names on the command line, as directories of experiments. Logs of other programs are read into temporary ones."""

from __future__ import annotations

import contextlib
from collections.abc import Container, Iterator, Sequence
from pathlib import Path
from typing import Annotated

import typer

from folklore.errors import ProblemError, did_you_mean
from folklore.storage import files, run_paths

_RUN_SOMETHING = "Run: python -m experiments run quickstart"


def directory(given: str | Path) -> Path:
    """The log directory that was given.

    Raises:
        ProblemError: the name is empty.
    """
    if not str(given).strip():
        raise ProblemError("--logdir is empty. Name a directory, such as --logdir logs.")
    return Path(given)


Logdir = Annotated[Path, typer.Option(parser=directory, metavar="<path>", help="where runs are stored")]
Group = Annotated[
    str | None,
    typer.Option(
        help="of logs of other programs, the pattern of a run's path, such as '{arm}/seed-{seed}' or 'lr={lr}/{seed}'; "
        "default: guessed, and printed"
    ),
]
Baseline = Annotated[
    str | None, typer.Option(help="of logs of other programs, the arm to compare with; default: the first")
]
Expect = Annotated[
    list[str] | None,
    typer.Option(
        help='a hypothesis about logs of other programs: "ARM better 0.01", or worse, no difference, not worse; may be '
        "repeated",
        show_default=False,
    ),
]
OthersMetric = Annotated[
    str | None, typer.Option("--metric", help="of logs of other programs, by which to compare; see compare")
]


def experiments(
    names: Sequence[str] | None,
    logdir: Path,
    metrics: Sequence[str | None] = (None,),
    group: str | None = None,
    baseline: str | None = None,
    expect: Sequence[str] | None = None,
) -> contextlib.AbstractContextManager[list[tuple[Path, str | None]]]:
    """The directories of experiments, each with every metric to compare it by, while the context is open.

    Args:
        names: topics, experiments, log directories, or directories of logs of other programs; none for all of `logdir`.
        logdir: where runs are stored.
        metrics: None stands for the declared one.
        group, baseline, expect: for logs of other programs, see `folklore.evidence.logs`.

    Raises:
        ProblemError: nothing is stored under a name; or an option for other logs is given for experiments.
    """
    others, own = divided(names, logdir, group)
    if own is not None and baseline is not None:
        raise ProblemError(f"--baseline {baseline} is for logs of other programs: an experiment declares its baseline.")
    if own is not None and expect:
        raise ProblemError(
            f"--expect {expect[0]!r} is for logs of other programs: an experiment declares its hypotheses."
        )
    return _opened(others, own, logdir, metrics, group, baseline, expect)


@contextlib.contextmanager
def _opened(
    others: Sequence[Path], own: Sequence[str] | None, logdir: Path, metrics: Sequence[str | None], group: str | None,
    baseline: str | None, expect: Sequence[str] | None,
) -> Iterator[list[tuple[Path, str | None]]]:  # fmt: skip
    with contextlib.ExitStack() as held:
        found: list[tuple[Path, str | None]] = []
        for path in others:
            from folklore.evidence.logs import adopt, tensorboard_logs

            logs = tensorboard_logs.read(path, group)
            adopted = (adopt.adopted(logs, metric, baseline, expect or ()) for metric in metrics)
            found += [(held.enter_context(each), None) for each in adopted]
        if own is not None:
            found += [(path, metric) for path in stored(own, logdir) for metric in metrics]
        yield found


def divided(names: Sequence[str] | None, logdir: Path, group: str | None = None) -> tuple[list[Path], list[str] | None]:
    """The directories of logs that others wrote, or that are to be read as such; and the names of experiments.

    Where nothing is named, `logdir` itself may be such a directory; otherwise the names are [], for all that it holds.
    They are None where only logs of others are asked for.
    """
    if not names:
        return ([logdir], None) if _is_of_others(str(logdir), group=None) else ([], [])
    others, own = [], []
    for name in names:
        if _is_of_others(name, group):
            others.append(Path(name))
        elif name.strip() and _is_of_others(str(logdir / name), group=None):  # logged, and no question declared yet
            others.append(logdir / name)
        else:
            own.append(name)
    return others, own or None


def _is_of_others(name: str, group: str | None) -> bool:
    if not name.strip() or not Path(name).is_dir():
        return False
    if group or run_paths.experiments(Path(name)):
        return bool(group)
    if next(run_paths.event_files(Path(name)), None) is None:
        return False
    return next(Path(name).rglob("experiment.json"), None) is None  # or it holds log directories


def listed_beside(logdir: Path, known: Container[str], topic: str | None) -> Iterator[dict[str, str]]:
    """Rows of `list` for what is in the log directory and declared nowhere: logged experiments, logs of other programs.

    Args:
        logdir: where runs are stored.
        known: the names of declared experiments.
        topic: only of this topic or experiment; None for all.
    """
    for path in run_paths.experiments(logdir):
        if path.name not in known and topic in (None, path.name, path.name.partition(".")[0]):
            content: dict[str, object] = {}
            with contextlib.suppress(ProblemError):  # `compare` says what is damaged
                content = files.read_json(path / "experiment.json") or {}
            claim, kind = (str(content.get(key) or "") for key in ("claim", "kind"))
            yield {"name": path.name, "claim": claim, "kind": kind, "runs": runs_of(path)}
    folders = [path for path in sorted(logdir.glob("[!.]*")) if _is_of_others(str(path), group=None)]
    for path in divided(None, logdir)[0] or folders if topic is None else ():
        from folklore.evidence.logs import tensorboard_logs

        logs = tensorboard_logs.read(path)
        name = path.name if path in folders else str(path)  # as `compare` takes it
        claim, runs = logs.grouping.in_words(), str(len(logs.runs))
        yield {"name": name, "claim": claim, "kind": run_paths.LOGGED, "runs": runs}


def runs_of(path: Path) -> str:
    """The number of an experiment's runs that are done; "" for none."""
    return str(len(list(path.glob("*/seed-*/DONE"))) or "")


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
