"""Seconds per epoch: `folklore.fit` against `keras.Model.fit`, hand-written loops, PyTorch and JAX.

    python -m benchmarks.epoch [--rounds 5] [--work fashion] [--peer model.fit]

All sides train the same network, with Adam and a metric, on the same arrays, which have the shapes of the real sets.
Each side has its own process, and they take turns. Before timing, a check makes sure that `folklore.fit` reaches the
weights of `model.fit` on the same batches. PyTorch and JAX are optional: without them their columns stay empty. The
table shows the median of the ratios, peer over ours, round by round. "first" is our first epoch including compilation
and, if it was not measured before, the choice of a mode.
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
    """The other sides to measure: those that are installed and can train this network."""
    peers = [peer for peer in wanted if peer not in OPTIONAL or importlib.util.find_spec(peer)]
    if work.convolutional:
        return [*(peer for peer in peers if peer != "jax"), PRODUCT]
    return peers + ([VALIDATED, CALLBACKS] if work.small else [])


def check(work: Work) -> None:
    """Exit if `folklore.fit` and `model.fit` differ. Runs in its own process, which ends before the timing."""
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as executor:
        difference = executor.submit(_difference, work).result()
    print(f"{work.name}: weights differ by {difference:.0e}", flush=True)
    if not difference < TOLERANCE:
        raise SystemExit(f"{work.name}: that is more than {TOLERANCE:g}, so nothing is timed.")


def _difference(work: Work) -> float:
    from benchmarks.same_weights import worst_difference

    return worst_difference(work)


def measure(work: Work, sides: Sequence[str], rounds: int) -> tuple[Seconds, float]:
    """Seconds per epoch of every side, round by round, and of our first epoch."""
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
    """One row of the table."""
    cells = {"work": work.name, OURS: f"{statistics.median(seconds[OURS]):.4f} s", "first": f"{first:.1f} s"}
    for peer in PEERS:
        wanted = f" ({work.wanted[peer]:g})" if peer in work.wanted else ""
        cells[peer] = f"{ratio(seconds, peer):.1f}{wanted}" if peer in seconds else ""
    return cells


def remarks(work: Work, seconds: Seconds) -> list[str]:
    """Results that have no column in the table."""
    lines = []
    if CALLBACKS in seconds:
        lines.append(
            f"{work.name}: {statistics.median(seconds[VALIDATED]):.4f} s with validation; with all callbacks, "
            f"{ratio(seconds, CALLBACKS, VALIDATED):.2f} times as long. model.fit, without validation and callbacks, "
            f"takes {ratio(seconds, 'model.fit', CALLBACKS):.1f} (wanted: 20) times as long as the latter."
        )
    if PRODUCT in seconds:
        ours = work.operations / statistics.median(seconds[OURS])
        product = SIDES[PRODUCT].operations / statistics.median(seconds[PRODUCT])
        lines.append(
            f"{work.name}: {ours / 1e9:.0f} GFLOP/s, {ours / product:.0%} of the {product / 1e9:.0f} GFLOP/s "
            "of float32 matrix products of 1,024 × 1,024 in the same run."
        )
    return lines


def choice_of(names: Iterable[str]) -> Callable[[list[str] | None], list[str] | None]:
    """A check of an option's values, which suggests the nearest of `names` for a misspelt one."""

    def checked(given: list[str] | None) -> list[str] | None:
        for name in set(given or []).difference(names):
            raise typer.BadParameter(f"{name!r} is unknown. {did_you_mean(name, names)}")
        return given

    return checked


def main(
    rounds: Annotated[int, typer.Option(min=1, help="number of rounds in which the sides take turns")] = 5,
    work: Annotated[list[str] | None, typer.Option(help="repeatable; default: all", callback=choice_of(WORKS))] = None,
    peer: Annotated[list[str] | None, typer.Option(help="repeatable; default: all", callback=choice_of(PEERS))] = None,
) -> None:
    """Check, measure, and print a table."""
    rows, lines = [], []
    for name in work or WORKS:
        check(WORKS[name])
        sides = [OURS, *peers_of(WORKS[name], peer or PEERS)]
        seconds, first = measure(WORKS[name], sides, rounds)
        rows.append(row(WORKS[name], seconds, first))
        lines += remarks(WORKS[name], seconds)
        print(", ".join(f"{side} {statistics.median(times):.4f} s" for side, times in seconds.items()), flush=True)
    console = Console(width=150)
    console.print(table(rows, title=f"Time relative to folklore.fit (wanted), medians of {rounds} interleaved rounds"))
    console.print("\n".join(lines))


if __name__ == "__main__":
    typer.run(main)
