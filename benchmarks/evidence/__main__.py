"""How often do the rules of evidence mislead? By the suite's own functions, where the truth is known.

    python -m benchmarks.evidence [equal] [effects] [bad-seeds] [images] [tuned] [fresh] [networks]
                                  [--studies 6000] [--data-sets 300] [--jobs 1] [--runs logs/measurement.aa_noise]

Parts by name; without one, all but `networks`, which trains hundreds of networks. Studies take the planned looks, 8,
12, 16, 22 and 30 seeds. "Any look" counts a word that was said at any of the five, as if nobody ever stopped; "at the
end" is what is said where a study stops, because the size of the effect is settled or after 30 seeds.

- equal: arms that do not differ, of several shapes of noise. Which share is called better or worse?
- effects: arms that differ by a half to one and a half times the smallest difference that matters.
- bad-seeds: arms that are equal but for 5 % of one arm's seeds.
- images: arms that are equally accurate in the population, on 10,000 images that all seeds share.
- tuned: equal arms that are tuned with a few seeds each.
- fresh: intervals from one data set, and what the effect is on others.
- networks: how much the effects of three claims differ between data sets, and between seeds.

With `--runs`, arms of stored runs that differ only by chance replace the shapes of "equal": any two of them, with
their seeds in any order.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from rich.console import Console
from rich.table import Table
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from benchmarks.evidence import fresh, images, tuned, words
from benchmarks.evidence.studies import END, Row, in_processes, standard_error
from folklore.evidence.compare import compare
from folklore.report.tables import table

Rows = Callable[["Size"], list[Row]]


class Size:
    """How much is simulated.

    Attributes:
        studies: of a row about equal arms; the others are in proportion.
        data_sets: of the fresh population.
        jobs: processes.
        draws: what stands for the shapes of noise.
    """

    def __init__(self, studies: int, data_sets: int, jobs: int, draws: dict[str, words.Draw]) -> None:
        self.studies, self.data_sets, self.jobs, self.draws = studies, data_sets, jobs, draws

    def rows(self, cell: Callable[..., Row], arguments: list[tuple[Any, ...]], number: int) -> list[Row]:
        """A row for each of the arguments, with as many studies; every row has random numbers of its own."""
        return in_processes(cell, [(*each, number, place) for place, each in enumerate(arguments)], self.jobs)


def stored(path: Path) -> words.Draw:
    """Differences between two arms of an experiment whose arms differ only by chance, with seeds in a random order."""
    arms = [arm.values for arm in compare(path).arms.values()]
    seeds = sorted(set.intersection(*(set(arm) for arm in arms)), key=int)
    if len(seeds) < END:
        raise SystemExit(f"The arms in {path} share {len(seeds)} seeds: run them with --seeds {END} first.")
    return functools.partial(_stored, np.array([[arm[seed] for seed in seeds] for arm in arms]))


def _stored(values: np.ndarray, rng: np.random.Generator, size: tuple[int, ...]) -> np.ndarray:
    found = np.empty(size)
    for place in np.ndindex(size[:-1]):
        one, other = rng.choice(len(values), 2, replace=False)
        found[place] = rng.permutation(values[one] - values[other])[: size[-1]]
    return found / np.sqrt(2 * values.var(axis=0, ddof=1).mean())  # the usual spread of a difference is then 1


def _equal(size: Size) -> list[Row]:
    return size.rows(words.equal_arms, list(size.draws.items()), size.studies)


def _effects(size: Size) -> list[Row]:
    return size.rows(words.effect, words.EFFECTS, size.studies // 4)


def _bad_seeds(size: Size) -> list[Row]:
    settings = [(depth, delta) for depth in (5.0, 20.0) for delta in (words.SMALL, words.TYPICAL)]
    return size.rows(words.bad_seeds, settings, size.studies)


def _images(size: Size) -> list[Row]:
    covered = size.rows(images.coverage, [()], size.studies // 3)
    settings = [(hypotheses, images.DELTAS[0]) for hypotheses in (1, 3, 5)] + [(1, images.DELTAS[1])]
    said = size.rows(images.wrong, settings, size.studies // 3)
    return [row | (covered[0] if not place else dict.fromkeys(covered[0], "")) for place, row in enumerate(said)]


def _tuned(size: Size) -> list[Row]:
    return size.rows(tuned.row, tuned.SETTINGS, size.studies // 2)


def _fresh(size: Size) -> list[Row]:
    return size.rows(fresh.row, [(name,) for name in fresh.PAIRS], size.data_sets)


PARTS: dict[str, tuple[str, int, Rows]] = {  # a title, what divides the number of studies, and the rows
    "equal": ("Equal arms: a wrong word at any look. sd = 1, δ = 0.3 where nothing else is said", 1, _equal),
    "effects": ("True effects, until the size is settled. sd = 1", 4, _effects),
    "bad-seeds": ("Equal arms, but 5 % of one arm's seeds are bad. It is claimed to be better. sd = 1", 1, _bad_seeds),
    "images": (
        "Equal accuracy in the population, 10,000 images for all seeds: a wrong word at any look",
        3,
        _images,
    ),
    "tuned": ("Equal arms, tuned: a wrong word at any look. sd of an arm = 1, δ = 0.1", 2, _tuned),
}
FRESH, NETWORKS = "fresh", "networks"


def main(
    parts: Annotated[list[str] | None, typer.Argument(help=f"{', '.join(PARTS)}, {FRESH}, {NETWORKS}")] = None,
    studies: Annotated[int, typer.Option(min=8, help="simulated studies of a row about equal arms")] = 6_000,
    data_sets: Annotated[int, typer.Option(min=2, help="of the fresh population")] = 300,
    sets: Annotated[int, typer.Option(min=2, max=10, help="data sets on which networks are trained")] = 10,
    seeds: Annotated[int, typer.Option(min=2, help="of each network and data set")] = 16,
    epochs: Annotated[int, typer.Option(min=1, help="of each network")] = 30,
    jobs: Annotated[int, typer.Option(min=1, help="processes")] = 1,
    runs: Annotated[Path | None, typer.Option(help="an experiment's directory, with arms that are all alike")] = None,
) -> None:
    """Simulate, and print a table for each part."""
    wanted = parts or (["equal"] if runs else [*PARTS, FRESH])
    if unknown := set(wanted) - {*PARTS, FRESH, NETWORKS}:
        raise SystemExit(f"Unknown: {', '.join(sorted(unknown))}. Name any of: {', '.join([*PARTS, FRESH, NETWORKS])}.")
    size = Size(studies, data_sets, jobs, words.SHAPES if runs is None else {runs.name: stored(runs)})
    console = Console(width=170)
    with threadpool_limits(1):  # matrices are small, and processes share the cores
        for part in wanted:
            if part == NETWORKS:
                console.print(_networks(sets, seeds, epochs, jobs))
            elif part == FRESH:
                title = "95 % intervals: coverage of the effect on fresh data sets, and width relative to seeds only"
                console.print(table(_fresh(size), title=title, caption=f"{data_sets} data sets."))
            else:
                title, divisor, simulate = PARTS[part]
                caption = f"{studies // divisor:,} studies; a share of 3 % has a standard error of "
                caption += f"{100 * standard_error(studies // divisor, 0.03):.2f} %."
                console.print(table(simulate(size), title=title, caption=caption))


def _networks(sets: int, seeds: int, epochs: int, jobs: int) -> Table:
    from benchmarks.evidence import networks  # which imports Keras

    found = networks.trained(sets, seeds, epochs, jobs, Console(quiet=True))
    title = f"Effects on the test RMSE, {sets} data sets of {networks.ROWS:,} rows, {seeds} seeds each"
    return table([networks.row(networks.CLAIMS[arm], effects) for arm, effects in found.items()], title=title)


if __name__ == "__main__":
    typer.run(main)
