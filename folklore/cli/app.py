"""The commands: `python -m experiments list|run|compare|report|board|describe|doctor|new`."""

from __future__ import annotations

import io
import json
import os
import shlex
import signal
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal, NoReturn

import typer
from rich.console import Console
from rich.text import Text

from data import DataError
from folklore.cli import read
from folklore.cli.read import Logdir, out
from folklore.declare import catalog
from folklore.errors import ProblemError, WorkerDiedError
from folklore.report import tables
from folklore.tf_stderr import quietly

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="Deep-learning advice on trial: run experiments, watch them in TensorBoard, compare the runs.",
)
err = Console(stderr=True, emoji=False)


Settings = Annotated[
    list[str] | None, typer.Option("--set", help="a setting as key=value; may be repeated", show_default=False)
]
Engine = Annotated[
    Literal["local", "ray"],
    typer.Option(envvar="FOLKLORE_ENGINE", help="ray: workers are on the nodes of a Ray cluster"),
]
Address = Annotated[
    str, typer.Option(help="of the Ray cluster, HOST:PORT; auto: RAY_ADDRESS, or the one on this machine")
]
PerWorker = Annotated[
    str, typer.Option(help="what Ray reserves for a worker, as in CPU=2,GPU=0.5; it has a thread a CPU")
]


app.command("list")(read.list_)
app.command()(read.compare)
app.command()(read.report)
app.command()(read.board)


@app.callback()
def _options(debug: Annotated[bool, typer.Option(help="show tracebacks of errors")] = False) -> None:
    pass


@app.command()
def run(
    names: Annotated[
        list[str], typer.Argument(help="topic, topic.experiment or a file, my_study.py", show_default=False)
    ],
    seeds: Annotated[
        int | None, typer.Option(min=1, help="train seeds 0 … N-1 of each arm; default: the experiment's number")
    ] = None,
    epochs: Annotated[int | None, typer.Option(min=1, help="maximum number of epochs; default: the recipe's")] = None,
    budget: Annotated[Literal["quick", "full"], typer.Option(help="quick: the experiment's short version")] = "full",
    data: Annotated[
        Literal["auto", "real", "bundled"], typer.Option(help="auto: real data, or the bundled stand-in if unavailable")
    ] = "auto",
    jobs: Annotated[
        str, typer.Option(help="number of worker processes; auto: set by cores, GPUs and the size of the networks")
    ] = "auto",
    set_: Settings = None,
    logdir: Logdir = Path("logs"),
    fresh: Annotated[bool, typer.Option("--fresh", help="move earlier runs aside and start again")] = False,
    until_decided: Annotated[
        bool,
        typer.Option("--until-decided", help="add seeds in planned looks until every verdict and its size are settled"),
    ] = False,
    max_seeds: Annotated[int, typer.Option(min=8, help="limit of seeds for --until-decided")] = 30,
    verbose: Annotated[bool, typer.Option("--verbose", help="a line for every run, not only for every arm")] = False,
    deterministic: Annotated[
        bool, typer.Option("--deterministic", help="bit-identical results for equal seeds; slower on a GPU")
    ] = False,
    engine: Engine = "local",
    address: Address = "auto",
    per_worker: PerWorker = "CPU=1",
) -> None:
    """Train the arms of experiments and compare them. Finished runs are skipped, unfinished ones resumed."""
    if until_decided and seeds is not None:
        raise ProblemError("--seeds and --until-decided were both given. The looks decide: give --max-seeds instead.")
    experiments, workers = catalog.find(names), worker_count(jobs)
    from folklore.study import resources

    if engine == "local":
        from folklore.study.engines import preload

        # Now that a mistake is unlikely: workers import TensorFlow while this process imports what plans and compares.
        with resources.exported(resources.deterministic_ops() if deterministic else {}):
            preload.preload(resources.settle_resources(workers, runs=1))
    from folklore.study.request import Request
    from folklore.study.run import run_studies

    request = Request(
        seeds=seeds, epochs=epochs, quick=budget == "quick", data=data, jobs=workers,
        settings=tuple(set_ or ()), logdir=logdir, fresh=fresh,
        until_decided=until_decided, max_seeds=max_seeds, verbose=verbose, deterministic=deterministic,
        engine=engine, address=address, per_worker=per_worker,
    )  # fmt: skip
    if run_studies(experiments, out, request):
        raise typer.Exit(1)


def worker_count(given: str) -> int | None:
    """The number given by `--jobs`; None for "auto".

    Raises:
        ProblemError: it is neither a positive integer nor "auto".
    """
    if given == "auto":
        return None
    if not (given.isascii() and given.isdecimal() and int(given) > 0):
        raise ProblemError(f"--jobs {given!r} is not a number of worker processes. Give a positive integer, or auto.")
    return int(given)


@app.command()
def describe(
    model: Annotated[
        str, typer.Argument(help="a published network such as resnet50, or a builder such as mlp", show_default=False)
    ],
    input_: Annotated[
        str | None, typer.Option("--input", help="shape of the input, such as 28x28x1", show_default="as published")
    ] = None,
    outputs: Annotated[int | None, typer.Option(min=1, help="number of outputs", show_default="as published")] = None,
    set_: Settings = None,
    format_: Annotated[Literal["table", "json", "svg"], typer.Option("--format", help="svg: a diagram")] = "table",
) -> None:
    """Show a model's layers with output shapes, parameters, receptive fields, FLOPs and memory; or draw a diagram."""
    from folklore.study.resources import cores, environment

    os.environ.update(environment(threads=cores()))  # before Keras imports TensorFlow
    with quietly():
        from folklore.describe import summary
        from folklore.describe.diagram import svg

    layers = summary.build(model, input_, outputs, set_ or [])
    if format_ == "svg":
        print(svg.diagram(model, layers), end="")
        return
    described = summary.as_data(model, layers)
    if format_ == "json":
        print(json.dumps(described, indent=1, ensure_ascii=False))
    else:
        out.print(tables.table(summary.as_rows(layers), title=model, caption=summary.caption(described)))


@app.command()
def doctor(engine: Engine = "local", address: Address = "auto", per_worker: PerWorker = "CPU=1") -> None:
    """Show versions, devices, threads and caches, and the resources that the run command would use."""
    from folklore.cli.doctor import examine, examine_cluster
    from folklore.study.engines.choice import engine_of
    from folklore.study.engines.remote.engine import RemoteEngine

    used = engine_of(engine, address, per_worker, lambda line: None)  # wrong options are refused at once
    out.print(tables.table([{"fact": fact, "value": value} for fact, value in examine().items()]))
    if isinstance(used, RemoteEngine):
        examine_cluster(used, out)


@app.command()
def new(name: Annotated[str, typer.Argument(help="topic or topic.experiment", show_default=False)]) -> None:
    """Write the skeleton of an experiment."""
    from folklore.declare.skeleton import write

    path = write(name)
    topic, _, experiment = name.partition(".")
    out.print(f"Wrote {path}. Run it: python -m experiments run {topic}.{experiment or topic}", highlight=False)


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the command line and exit with its status: 0 done, 1 a run or a file failed, 2 wrong usage."""
    given = sys.argv[1:] if arguments is None else list(arguments)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # a terminal whose encoding lacks "–" shows "?"
    before = signal.signal(signal.SIGTERM, _terminate)
    try:
        status = _invoke(given)
    except (ProblemError, DataError) as problem:
        status = _say(str(problem), 2)
    except typer.TyperException as problem:
        wrong = problem.format_message().rstrip(".") or "A command is missing"
        status = _say(
            f"{wrong}{'' if wrong.endswith('?') else '.'} Given: {shlex.join(given) or 'nothing'}. See --help.", 2
        )
    except WorkerDiedError as problem:
        status = _say(str(problem), 1)
    except KeyboardInterrupt as interrupt:
        what, status = ("Terminated", 143) if isinstance(interrupt, TerminatedError) else ("Interrupted", 130)
        status = _say(f"{what}. Finished runs and checkpoints are kept: run the same command to resume.", status)
    except BrokenPipeError:
        # The reader of the output closed it. Python flushes once more at exit, which must not raise an error.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        status = 1
    except OSError as error:
        place = f"{error.filename}: " if error.filename else ""
        status = _say(
            f"{place}{error.strerror or error}. This file or directory cannot be used: name another place, such as "
            "with --logdir, or make room or permission for it. --debug before the command shows where.",
            1,
        )
    except Exception as error:
        status = _say(f"Internal error: {type(error).__name__}: {error}. --debug before the command shows where.", 1)
    finally:
        signal.signal(signal.SIGTERM, before)
    sys.exit(status)


class TerminatedError(KeyboardInterrupt):
    """SIGTERM, which stops the command in the same way as Ctrl-C."""


def _terminate(*_: object) -> NoReturn:
    raise TerminatedError


def _invoke(given: Sequence[str]) -> int:
    """Run the command as `app(…)` would, without turning Ctrl-C into an exit status."""
    try:
        with typer.main.get_command(app).make_context("python -m experiments", list(given)) as context:
            context.command.invoke(context)
        sys.stdout.flush()
    except typer.Exit as left:
        return left.exit_code
    return 0


def _say(text: str, status: int) -> int:
    """Show the text as one paragraph: the message of a quoted exception may have several lines."""
    if "--debug" in sys.argv:
        traceback.print_exc()
    err.print(Text(" ".join(text.split())), soft_wrap=True)
    return status
