"""A fresh population: how often do intervals cover what an effect is on other data sets of the same kind?

A data set is 2,000 of the 20,640 rows of California housing; arms are models that are fitted in milliseconds. Each seed
splits the data set, as seeds do in the suite. The truth is the mean effect over other data sets, each tested on 4,000
rows outside it. So an interval has to cover the choice of the data set too: its test rows, for which two-way accounts,
and its training rows, which no interval from one data set can know.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from benchmarks.evidence.studies import LOOKS, Row, percent
from data import california_housing
from folklore.evidence import statistics, two_way
from folklore.storage.row_outcomes import RowOutcomes

ROWS, TEST, TRAIN = 2_000, 400, 1_280  # of a data set; the rest would be its validation part
OUTSIDE = 4_000  # rows outside, on which the truth is measured
SEEDS = (LOOKS[0], LOOKS[-1])
Predict = Callable[[np.ndarray], np.ndarray]
Fit = Callable[[np.ndarray, np.ndarray, np.random.Generator], Predict]


def _ridge(features: Callable[[np.ndarray], np.ndarray], x: np.ndarray, y: np.ndarray, penalty: float) -> Predict:
    phi = features(x)
    weights = np.linalg.solve(phi.T @ phi + penalty * np.eye(phi.shape[1]), phi.T @ y)
    return lambda new: features(new) @ weights


def random_features(activation: Callable[[np.ndarray], np.ndarray], width: int = 100) -> Fit:
    """A network of one layer whose first weights stay as drawn (Rahimi & Recht 2008)."""

    def fit(x: np.ndarray, y: np.ndarray, rng: np.random.Generator) -> Predict:
        kernel, bias = rng.normal(size=(x.shape[1], width)) / np.sqrt(x.shape[1]), rng.normal(size=width)
        return _ridge(lambda z: np.c_[activation(z @ kernel + bias), np.ones(len(z))], x, y, 1.0)

    return fit


def neighbours(x: np.ndarray, y: np.ndarray, rng: np.random.Generator) -> Predict:
    """The mean of the ten nearest rows."""
    from sklearn.neighbors import KNeighborsRegressor

    return KNeighborsRegressor(10).fit(x, y).predict


def polynomial(degree: int) -> Fit:
    """Least squares on the columns, and for degree 2 on their products."""

    def features(z: np.ndarray) -> np.ndarray:
        one, two = np.triu_indices(z.shape[1])
        return np.column_stack([np.ones(len(z)), z, *([z[:, one] * z[:, two]] if degree == 2 else [])])

    return lambda x, y, rng: _ridge(features, x, y, 1e-3)


relu, tanh = random_features(lambda z: np.maximum(z, 0)), random_features(np.tanh)
PAIRS: dict[str, tuple[Fit, Fit]] = {
    "random features, relu - tanh": (relu, tanh),
    "random features - neighbours": (tanh, neighbours),
    "least squares - quadratic": (polynomial(1), polynomial(2)),
}


@dataclass(frozen=True)
class Studied:
    """What the seeds of one data set give: effects (seeds,) and each seed's test rows with their influence on it."""

    effects: np.ndarray
    influences: dict[int, tuple[np.ndarray, np.ndarray]]

    def variances(self, n: int) -> dict[str, float]:
        """The variance of the mean of the first n seeds, by each rule."""
        effects = self.effects[:n]
        seeds = statistics.sample_std(effects) ** 2 / n
        rows = two_way.variance_from_rows({seed: self.influences[seed] for seed in range(n)})
        return {
            "seeds": seeds,
            "two-way": seeds + rows,
            "Nadeau-Bengio": two_way.corrected_variance(effects, TEST, TRAIN),
        }


def outcomes(fit: Fit, train: np.ndarray, test: np.ndarray, rng: np.random.Generator) -> RowOutcomes:
    """Fit on rows of California housing, and test on others: as the suite stores it, in standard deviations."""
    whole = california_housing.read()
    low, high = np.quantile(whole.x[train], [0.005, 0.995], axis=0)
    x, new = (np.clip(whole.x[rows], low, high) for rows in (train, test))
    mean, spread = x.mean(axis=0), x.std(axis=0)
    y = whole.y[train]
    predict = fit((x - mean) / spread, y, rng)
    predicted = np.clip(predict((new - mean) / spread), 0, 6)  # prices end at 5
    return RowOutcomes(test, error=((predicted - whole.y[test]) / y.std()).astype(np.float32), unit=float(y.std()))


def rmse(found: RowOutcomes) -> float:
    """In the target's unit."""
    assert found.error is not None and found.unit is not None
    return float(found.unit * np.sqrt(np.mean(found.error.astype(float) ** 2)))


def study(pair: tuple[Fit, Fit], data_set: np.ndarray, rng: np.random.Generator, seeds: int) -> Studied:
    """Both arms with each seed on one data set: row numbers, shape (2000,)."""
    effects, influences = [], {}
    for seed in range(seeds):
        order = rng.permutation(data_set)
        test, train = order[:TEST], order[TEST : TEST + TRAIN]
        arms = [outcomes(fit, train, test, rng) for fit in pair]
        one, other = (two_way.influence("rmse", arm) for arm in arms)
        assert one is not None and other is not None
        effects.append(rmse(arms[0]) - rmse(arms[1]))
        influences[seed] = test, one - other
    return Studied(np.array(effects), influences)


def truth(pair: tuple[Fit, Fit], data_sets: int, rng: np.random.Generator) -> float:
    """The mean effect over data sets, with one seed on each, tested on rows outside it."""
    effects = []
    for _ in range(data_sets):
        order = rng.permutation(len(california_housing.read().y))
        arms = [outcomes(fit, order[:TRAIN], order[ROWS : ROWS + OUTSIDE], rng) for fit in pair]
        effects.append(rmse(arms[0]) - rmse(arms[1]))
    return float(np.mean(effects))


def row(name: str, data_sets: int, seed: int) -> Row:
    """One row of the table."""
    rng = np.random.default_rng(seed)
    pair, rows = PAIRS[name], len(california_housing.read().y)
    true = truth(pair, data_sets, rng)
    found = [study(pair, rng.permutation(rows)[:ROWS], rng, max(SEEDS)) for _ in range(data_sets)]
    cells = {"arms": name, "true effect": f"{true:+.4f}"}
    for n in SEEDS:
        variances = [each.variances(n) for each in found]
        usual = np.median([each["seeds"] for each in variances])
        for rule in variances[0]:
            covered = [
                lo <= true <= hi
                for lo, hi in (
                    statistics.t_from_error(float(each.effects[:n].mean()), float(np.sqrt(variance[rule])), n)
                    for each, variance in zip(found, variances, strict=True)
                )
            ]
            width = np.sqrt(np.median([each[rule] for each in variances]) / usual)
            cells[f"{rule},\nn = {n}"] = percent(covered) + (f" ×{width:.2f}" if rule != "seeds" else "")
    return cells
