"""Running an experiment from a notebook or a script of one's own."""

from __future__ import annotations

import multiprocessing
from pathlib import Path

from rich.console import Console

from folklore.declare import checks
from folklore.declare.experiment import Experiment
from folklore.errors import ProblemError
from folklore.report import frames
from folklore.study.request import DataChoice, Request
from folklore.wording import count


def run(
    experiment: Experiment,
    name: str = "my.experiment",
    *,
    seeds: int | None = None,
    until_decided: bool = False,
    data: DataChoice = "auto",
    logdir: str | Path = "logs",
    jobs: int | None = None,
    console: Console | None = None,
) -> frames.Compared:
    """Train the arms of an experiment in worker processes, and compare them; runs that are stored are not repeated.

    Workers import what they train, so models, data sets and callbacks of your own are defined in a module, not in the
    notebook. A script calls this under `if __name__ == "__main__":`, since workers may import the script too.

    Args:
        experiment: what is asked.
        name: topic and experiment, the directory's name in `logdir`.
        seeds: of each arm; None takes the experiment's own number.
        until_decided: whether seeds are added at planned looks until every verdict and its size are settled.
        data: "real", "bundled", or "auto" for the bundled stand-in where the real set is unavailable.
        logdir: where the runs are stored.
        jobs: worker processes; None chooses.
        console: where progress is shown; None takes the standard output.

    Returns:
        The comparison.

    Raises:
        ProblemError: the request is contradictory, or an experiment cannot be trained.

    Example:
        >>> import folklore
        >>> from experiments import quickstart  # doctest: +SKIP
        >>> folklore.run(quickstart.california_housing, "my.study", seeds=8)  # doctest: +SKIP
    """
    from folklore.study.run import run_studies

    # A spawned process imports the script before it knows its parent.
    importing = getattr(multiprocessing.current_process(), "_inheriting", False)
    if importing or multiprocessing.parent_process() is not None:
        raise ProblemError(
            "folklore.run was called while a worker imported the script. Put the call under "
            '`if __name__ == "__main__":`.'
        )
    checks.kind("experiment", experiment, Experiment, "Give an Experiment(…).")
    checks.directory_name("name", name)
    if "." not in name:
        raise ProblemError(f"name is {name!r}. Give a topic and an experiment, such as 'my.{name}'.")
    if until_decided and seeds is not None:
        raise ProblemError("seeds and until_decided were both given. The looks decide: leave seeds out.")
    request = Request(seeds=seeds, until_decided=until_decided, data=data, logdir=Path(logdir), jobs=jobs)
    failures = run_studies({name: experiment}, console or _console(), request)
    compared = frames.compare(Path(logdir) / name)
    if failures:
        note = f"{count(failures, 'run')} failed: see run.json of each"
        updated = compared.comparison.model_copy(update={"warnings": [*compared.comparison.warnings, note]})
        return frames.Compared(updated)
    return compared


def _console() -> Console:
    """The standard output; in a notebook as plain lines, of which rich would make an output each."""
    console = Console()
    return Console(force_jupyter=False, force_terminal=False, width=120) if console.is_jupyter else console
