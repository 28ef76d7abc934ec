"""Seconds an epoch: `folklore.fit` against `keras.Model.fit`, loops by hand, PyTorch and JAX.

    python -m benchmarks.epoch [--rounds 5] [--work fashion] [--peer model.fit]

All sides train the same network, with Adam and a metric, on the same arrays, which have the real sets' shapes; each in
a process of its own, in turn. First it is checked that `folklore.fit` arrives at the weights of `model.fit` when both
are fed the same batches. PyTorch and JAX are optional: without them their columns stay empty. A figure is the median
of the ratios, peer over ours, round by round; "first" is our first epoch with its compilation and, where that was not
measured before, the choice of a mode.
"""

from __future__ import annotations

import importlib.util
import multiprocessing
import statistics
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from typing import Annotated

import typer
from rich.console import Console

from benchmarks.processes import CALLBACKS, OURS, PRODUCT, SIDES, VALIDATED, SideProcess
from benchmarks.works import WORKS, Work
from folklore.errors import did_you_mean
from folklore.report.tables import table

PEERS = ("model.fit", "model.fit, 50 steps a call", "tf.function loop", "torch", "jax")
OPTIONAL = ("torch", "jax")
TOLERANCE = 1e-9
Seconds = dict[str, list[float]]


def peers_of(work: Work, wanted: Sequence[str]) -> list[str]:
    """The sides to be measured beside ours: those that are installed, and that can train such a network."""
    peers = [peer for peer in wanted if peer not in OPTIONAL or importlib.util.find_spec(peer)]
    if work.convolutional:
        return [*(peer for peer in peers if peer != "jax"), PRODUCT]
    return peers + ([VALIDATED, CALLBACKS] if work.small else [])


def check(work: Work) -> None:
    """Stop where `folklore.fit` and `model.fit` part; in a process of its own, which is gone before any is timed."""
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as executor:
        difference = executor.submit(_difference, work).result()
    print(f"{work.name}: weights differ by {difference:.0e}", flush=True)
    if not difference < TOLERANCE:
        raise SystemExit(f"{work.name}: that is more than {TOLERANCE:g}, so nothing is timed.")


def _difference(work: Work) -> float:
    from benchmarks.same_weights import worst_difference

    return worst_difference(work)


def measure(work: Work, sides: Sequence[str], rounds: int) -> tuple[Seconds, float]:
    """Seconds an epoch of every side, round by round, and of the first epoch of ours."""
    processes = {side: SideProcess(side, work) for side in sides}
    try:
        seconds: Seconds = {side: [] for side in sides}
        for _ in range(rounds):
            for side, process in processes.items():
                seconds[side].append(process.train(work.epochs * SIDES[side].lengthen))
        return seconds, processes[OURS].first
    finally:
        for process in processes.values():
            process.close()


def ratio(seconds: Seconds, side: str, ours: str = OURS) -> float:
    """The median of the ratios, theirs over ours, round by round."""
    return statistics.median(theirs / mine for theirs, mine in zip(seconds[side], seconds[ours], strict=True))


def row(work: Work, seconds: Seconds, first: float) -> dict[str, str]:
    """A line of the table."""
    cells = {"work": work.name, OURS: f"{statistics.median(seconds[OURS]):.4f} s", "first": f"{first:.1f} s"}
    for peer in PEERS:
        wanted = f" ({work.wanted[peer]:g})" if peer in work.wanted else ""
        cells[peer] = f"{ratio(seconds, peer):.1f}{wanted}" if peer in seconds else ""
    return cells


def remarks(work: Work, seconds: Seconds) -> list[str]:
    """What the table has no column for."""
    said = []
    if CALLBACKS in seconds:
        said.append(
            f"{work.name}: {statistics.median(seconds[VALIDATED]):.4f} s with validation; callbacks, all together, "
            f"make that {ratio(seconds, CALLBACKS, VALIDATED):.2f} times as long. model.fit, without validation and "
            f"callbacks, takes {ratio(seconds, 'model.fit', CALLBACKS):.1f} (20) times as long as that."
        )
    if PRODUCT in seconds:
        ours = work.operations / statistics.median(seconds[OURS])
        product = SIDES[PRODUCT].operations / statistics.median(seconds[PRODUCT])
        said.append(
            f"{work.name}: {ours / 1e9:.0f} GFLOP/s, {ours / product:.0%} of the {product / 1e9:.0f} GFLOP/s "
            "of float32 matrix products of 1,024 × 1,024 in the same run."
        )
    return said


def known(names: Iterable[str]) -> Callable[[list[str] | None], list[str] | None]:
    """A check of an option's values, which answers a misspelt one with the nearest of `names`."""

    def checked(given: list[str] | None) -> list[str] | None:
        for name in set(given or []).difference(names):
            raise typer.BadParameter(f"{name!r} is unknown. {did_you_mean(name, names)}")
        return given

    return checked


def main(
    rounds: Annotated[int, typer.Option(min=1, help="how often the sides take turns")] = 5,
    work: Annotated[list[str] | None, typer.Option(help="may be repeated; else all", callback=known(WORKS))] = None,
    peer: Annotated[list[str] | None, typer.Option(help="may be repeated; else all", callback=known(PEERS))] = None,
) -> None:
    """Check, measure, and print a table."""
    rows, said = [], []
    for name in work or WORKS:
        check(WORKS[name])
        sides = [OURS, *peers_of(WORKS[name], peer or PEERS)]
        seconds, first = measure(WORKS[name], sides, rounds)
        rows.append(row(WORKS[name], seconds, first))
        said += remarks(WORKS[name], seconds)
        print(", ".join(f"{side} {statistics.median(times):.4f} s" for side, times in seconds.items()), flush=True)
    console = Console(width=150)
    console.print(table(rows, title=f"Times as long as folklore.fit (wanted), medians of {rounds} interleaved rounds"))
    console.print("\n".join(said))


if __name__ == "__main__":
    typer.run(main)
