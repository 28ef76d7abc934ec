"""On networks that the suite trains: does an effect vary more between data sets, or between seeds?

The data sets are disjoint parts of California housing, 2,000 rows each. On each of them an experiment of the suite asks
the same three questions. Its interval is about the data set that it was run on; how far it speaks of a fresh one
depends on the ratio that is measured here.
"""

from __future__ import annotations

import functools
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from rich.console import Console

from benchmarks.evidence.studies import Row
from data import Source, Whole, california_housing
from folklore import Experiment, Hypothesis, Metric, Recipe
from folklore.evidence.compare import compare
from folklore.evidence.comparison import JudgedHypothesis
from models import mlp

ROWS = 2_000
CLAIMS = {
    "dropout .2": "dropout 0.2 against none",
    "selu": "selu against relu",
    "bn": "batch normalisation against none",
}
_SHUFFLE = 2017


@dataclass(frozen=True)
class Effects:
    """A claim's effects, in units of the metric.

    Attributes:
        by_seed: shape (data sets, seeds).
        from_rows: shape (data sets,): what two-way adds to the variance of each data set's mean.
    """

    by_seed: np.ndarray
    from_rows: np.ndarray

    @property
    def seeds(self) -> float:
        """The variance between seeds within a data set."""
        return float(self.by_seed.var(axis=1, ddof=1).mean())

    @property
    def sets(self) -> float:
        """The variance between data sets of the effect, without the part that seeds have in the means."""
        return float(self.by_seed.mean(axis=1).var(ddof=1) - self.seeds / self.by_seed.shape[1])


def part(number: int) -> Whole:
    """One of the disjoint data sets: rows of California housing, in an order that never changes."""
    whole = california_housing.read()
    rows = np.random.default_rng(_SHUFFLE).permutation(len(whole.y))[number * ROWS : (number + 1) * ROWS]
    return Whole(whole.x[rows], whole.y[rows], feature_names=whole.feature_names)


def experiment(number: int, epochs: int) -> Experiment:
    """The three questions, on one data set."""
    source = Source(
        name=f"california_housing_{number}",
        task="regression",
        source="real",
        load=functools.partial(part, number),
        unit=california_housing.unit,
    )
    base = Recipe(
        model=mlp,
        params=dict(
            depth=4,
            width=50,
        ),
        data=source,
        scaler="quantile",
        schedule="cosine",
        epochs=epochs,
    )
    arms = {
        "relu": base,
        "dropout .2": base.but(params=dict(dropout=0.2)),
        "selu": base.but(params=dict(activation="selu", initializer="lecun_normal")),
        "bn": base.but(params=dict(normalization="before")),
    }
    return Experiment(
        claim="Three claims on one data set.",
        arms=arms,
        baseline="relu",
        metric=Metric("test/rmse", goal="min"),
        hypothesis=tuple(Hypothesis(arm, "better", 0.01) for arm in CLAIMS),
    )


def trained(sets: int, seeds: int, epochs: int, jobs: int, console: Console) -> dict[str, Effects]:
    """Train everything in a temporary folder, and read the effects of the three claims."""
    from folklore.study.request import Request
    from folklore.study.run import run_studies

    asked = {f"benchmark.set_{number}": experiment(number, epochs) for number in range(sets)}
    with tempfile.TemporaryDirectory() as folder:
        request = Request(logdir=Path(folder), seeds=seeds, jobs=jobs)
        if failed := run_studies(asked, console, request):
            raise SystemExit(f"{failed} runs failed.")
        compared = [compare(Path(folder, name)).hypotheses for name in asked]
    return {arm: _effects([hypotheses[place] for hypotheses in compared]) for place, arm in enumerate(CLAIMS)}


def _effects(judged: Sequence[JudgedHypothesis]) -> Effects:
    by_seed = [list((hypothesis.effects or {}).values()) for hypothesis in judged]
    from_rows = [(hypothesis.variance or {})["rows"] for hypothesis in judged]
    return Effects(np.array(by_seed, dtype=float), np.array(from_rows, dtype=float))


def row(claim: str, found: Effects) -> Row:
    """One row of the table."""
    seeds = found.by_seed.shape[1]
    noise = found.seeds / seeds
    return {
        "claim": claim,
        "effect": f"{found.by_seed.mean():+.4f}",
        "sd between\ndata sets": f"{np.sqrt(max(0.0, found.sets)):.4f}",
        "sd between\nseeds": f"{np.sqrt(found.seeds):.4f}",
        "variance,\nsets / seeds": f"{found.sets / found.seeds:.2f}",
        "95 % interval": "{:.2f} to {:.2f}".format(*ratio_interval(found)),
        "variance of the mean of\nn seeds on a fresh set": f"{found.sets + noise:.2e}",
        "said by seeds": f"{noise:.2e}",
        "said by two-way": f"{noise + found.from_rows.mean():.2e}",
    }


def ratio_interval(found: Effects, confidence: float = 0.95) -> tuple[float, float]:
    """The interval of the ratio of the variances, from the F distribution (one-way random effects)."""
    from scipy import stats

    sets, seeds = found.by_seed.shape
    f = (found.sets + found.seeds / seeds) / (found.seeds / seeds)
    tails = (1 + confidence) / 2, (1 - confidence) / 2
    low, high = (f / stats.f.ppf(tail, sets - 1, sets * (seeds - 1)) for tail in tails)
    return max(0.0, (low - 1) / seeds), max(0.0, (high - 1) / seeds)
