"""How often do the rules of evidence mislead? By simulation, where the truth is known.

    python -m benchmarks.evidence [--runs logs/measurement.aa_noise]

Coverage: how often Student's interval of 95 % covers a true difference. A/A: how often two arms that do not differ end
in a clear difference, with all planned looks taken, for a single hypothesis and in a family. With `--runs`, arms that
differ only by chance replace the simulation: any two of them, their seeds in any order.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from rich.console import Console

from folklore.declare.hypothesis import Direction
from folklore.evidence import sequential, statistics
from folklore.evidence.compare import compare
from folklore.evidence.verdict import Evidence, judge
from folklore.report.tables import table

Draw = Callable[[np.random.Generator, tuple[int, ...]], np.ndarray]
SHAPES: dict[str, Draw] = {
    "normal": lambda rng, size: rng.normal(size=size),
    "Student, 5 degrees": lambda rng, size: rng.standard_t(5, size=size),
    "uniform": lambda rng, size: rng.uniform(-1, 1, size=size),
}
WRONG = ("supported", "refuted")  # where arms do not differ


def coverage(draw: Draw, n: int, studies: int, rng: np.random.Generator) -> float:
    """The share of studies of `n` seeds whose 95 % interval covers the true mean, 0."""
    found = (statistics.t_interval(values) for values in draw(rng, (studies, n)))
    return float(np.mean([lo <= 0 <= hi for lo, hi in found]))


def wrong_at_any_look(
    draw: Draw, family: int, studies: int, rng: np.random.Generator, delta: float = 0.1, direction: Direction = "better"
) -> float:
    """The share of A/A studies with a wrong verdict on any of `family` hypotheses at any planned look.

    Spread is about 1 from seed to seed; a small delta leaves few studies to end early in "no practical difference".
    """
    wrong = 0
    for study in draw(rng, (studies, family, sequential.LOOKS[-1])):
        wrong += any(
            verdict.word in WRONG
            for n in sequential.LOOKS
            for verdict in judge([_evidence(values[:n], delta, direction) for values in study])
        )
    return wrong / studies


def real_differences(path: Path) -> Draw:
    """Differences between two arms of an experiment whose arms differ only by chance, with seeds in a random order."""
    arms = [arm.values for arm in compare(path).arms.values()]
    seeds = sorted(set.intersection(*(set(arm) for arm in arms)), key=int)
    if len(seeds) < sequential.LOOKS[-1]:
        raise SystemExit(
            f"The arms in {path} share {len(seeds)} seeds: run them with --seeds {sequential.LOOKS[-1]} first."
        )
    table = np.array([[arm[seed] for seed in seeds] for arm in arms])

    def draw(rng: np.random.Generator, size: tuple[int, ...]) -> np.ndarray:
        found = np.empty(size)
        for place in np.ndindex(size[:-1]):
            one, other = rng.choice(len(table), 2, replace=False)
            found[place] = rng.permutation(table[one] - table[other])[: size[-1]]
        return found / table.std(axis=1, ddof=1).mean()

    return draw


def _evidence(values: np.ndarray, delta: float, direction: Direction) -> Evidence:
    mean, std = float(values.mean()), statistics.sample_std(values)
    return Evidence(mean, len(values), lambda c, n: statistics.t_from_moments(mean, std, n, c), direction, delta)


def main(
    studies: Annotated[int, typer.Option(min=100, help="simulated studies per share")] = 60_000,
    runs: Annotated[Path | None, typer.Option(help="an experiment's directory, with arms that are all alike")] = None,
) -> None:
    """Simulate, and print the shares."""
    rng = np.random.default_rng(0)
    shapes = SHAPES if runs is None else {runs.name: real_differences(runs)}
    rows = [
        {"differences": name}
        | {f"covered, n={n}": f"{coverage(draw, n, studies, rng):.1%}" for n in (6, 10, 30)}
        | {f"A/A wrong, {m} hypotheses": f"{wrong_at_any_look(draw, m, studies // m, rng):.1%}" for m in (1, 4)}
        for name, draw in shapes.items()
    ]
    Console(width=150).print(
        table(rows, title=f"{studies:,} studies; looks at {', '.join(map(str, sequential.LOOKS))} seeds")
    )


if __name__ == "__main__":
    typer.run(main)
