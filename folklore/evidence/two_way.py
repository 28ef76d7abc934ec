"""The variance of a mean over seeds whose runs share test rows: seeds × rows.

A second study would draw other seeds and other test rows. Seeds are independent of each other; but a row that is in
the test part of several seeds moves the metric of all their runs in the same direction, and more seeds do not average
that out. Cameron, Gelbach & Miller 2011, "Robust inference with multiway clustering", equation 2.4: the variance is
that over seeds, plus that over rows, minus that over the cells that both count.

What a row does to a metric is its influence (Hampel 1974): the change of the metric per unit of weight on the row.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np

from folklore.declare import metrics
from folklore.errors import ProblemError
from folklore.storage import row_outcomes
from folklore.storage.row_outcomes import RowOutcomes
from folklore.storage.schema import EndedRun

TOLERANCE = 2e-3  # of a metric that is computed from errors of 16 bits
Weights = Mapping[str, float]  # of arms in a weighted sum
_Items = tuple[tuple[str, float], ...]
Influences = tuple[np.ndarray, np.ndarray]  # row numbers, and what each row adds


def influence(metric: str, outcomes: RowOutcomes) -> np.ndarray | None:
    """The influence of every test row of a run on one of its metrics, shape (rows,), with mean 0, in its units.

    For a mean (accuracy, loss, MAE) it is the row's value minus the mean; for the RMSE r of errors e it is
    (e² - r²) / 2r, the derivative of the root.

    Args:
        metric: "accuracy", "loss", "rmse" or "mae".
        outcomes: of the run's test rows.

    Returns:
        None for a metric that these rows do not determine.
    """
    if outcomes.error is None:
        if outcomes.predicted is None or outcomes.target is None or outcomes.loss is None:
            return None
        by_row = {"accuracy": outcomes.predicted == outcomes.target, "loss": outcomes.loss}.get(metric)
        return None if by_row is None else _centred(by_row)
    error, unit = outcomes.error.astype(float), outcomes.unit or 1.0
    if metric == "loss":
        return _centred(error**2)
    if metric == "mae":
        return _centred(unit * np.abs(error))
    if metric == "rmse":
        root = np.sqrt(np.mean(error**2))
        return unit * _centred(error**2) / (2 * root) if root > 0 else np.zeros(len(error))
    return None


def variance_from_rows(influences: Mapping[int, tuple[np.ndarray, np.ndarray]]) -> float:
    """The part of the variance of a mean over seeds that comes from test rows which several seeds share.

    It is the row-clustered variance minus that of the cells: the sum over rows of the products of the influences that
    two different seeds have there. The seeds' own variance, s²/n, already holds each seed's own rows. An estimate below
    0 counts as 0, so the interval is never narrower than that over seeds alone.

    Args:
        influences: by seed, the numbers of its test rows, integers (rows,), and their influences on the seed's effect,
            (rows,).

    Example:
        >>> import numpy as np
        >>> rows, influence = np.array([0, 1]), np.array([0.5, -0.5])
        >>> variance_from_rows({0: (rows, influence), 1: (rows, influence)})
        0.0625
        >>> variance_from_rows({0: (rows, influence), 1: (rows + 2, influence)})
        0.0
    """
    if len(influences) < 2:
        return 0.0
    rows = np.concatenate([numbers for numbers, _ in influences.values()])
    shares = np.concatenate([values / (len(influences) * len(values)) for _, values in influences.values()])
    by_row = np.bincount(rows, shares)
    return max(0.0, float(by_row @ by_row - shares @ shares))


def corrected_variance(values: np.ndarray, test: int, train: int) -> float:
    """Nadeau & Bengio's variance of the mean of (n,) values over random splits of one set into train and test rows.

    s² · (1/n + test/train) (Nadeau & Bengio 2003, "Inference for the generalization error", section 4): splits share
    rows, so that their mean varies more than that of n independent values. It is a bound for the mean over all splits
    of data sets of this size, and wide: it does not shrink below s² · test/train.
    """
    return float(values.var(ddof=1) * (1 / len(values) + test / train))


def _centred(values: np.ndarray) -> np.ndarray:
    values = values.astype(float)
    return values - values.mean()


class SharedRows:
    """What test rows add to the variance of weighted sums of arms' metrics.

    Args:
        runs: their directories and records, by arm and seed.
        read: gives a run's outcomes, or None.
    """

    def __init__(
        self,
        runs: Mapping[tuple[str, int], tuple[Path, EndedRun]],
        read: Callable[[Path], RowOutcomes | None] = row_outcomes.read,
    ) -> None:
        self._runs, self._read = runs, read
        self._of_run = functools.cache(self._influences)
        self._variance = functools.cache(self._variance_of)

    def kept(self, name: str) -> tuple[int, int]:
        """How many runs kept their rows, and how many there are, of a metric of the test part; (0, 0) of another."""
        if not metrics.parse(name).test_terms:
            return 0, 0
        found = [self._of_run(name, arm, seed) is not None for arm, seed in self._runs]
        return sum(found), len(found)

    def variance(self, name: str, weights: Weights, seeds: Sequence[int]) -> float | None:
        """The variance that test rows shared by seeds add to the mean over seeds of a weighted sum of arms' metrics.

        None of a metric that is not about the test part, and where a run kept no rows.
        """
        return self._variance(name, tuple(weights.items()), tuple(seeds))

    def resplit(self, name: str, weights: Weights, seeds: Sequence[int]) -> bool:
        """Whether seeds have different test rows, because the seed splits the set."""
        by_seed = self._by_seed(name, tuple(weights.items()), tuple(seeds[:2]))
        rows = [rows for rows, _ in (by_seed or {}).values()]
        return len(rows) == 2 and not np.array_equal(rows[0], rows[1])

    def _variance_of(self, name: str, weights: _Items, seeds: tuple[int, ...]) -> float | None:
        by_seed = self._by_seed(name, weights, seeds)
        return None if by_seed is None else variance_from_rows(by_seed)

    def _by_seed(self, name: str, weights: _Items, seeds: tuple[int, ...]) -> dict[int, Influences] | None:
        if not metrics.parse(name).test_terms:
            return None
        found = {}
        for seed in seeds:
            parts = [(weight, self._of_run(name, arm, seed)) for arm, weight in weights if weight]
            if (summed := _sum(parts)) is None:
                return None
            found[seed] = summed
        return found

    def _influences(self, name: str, arm: str, seed: int) -> Influences | None:
        if (arm, seed) not in self._runs:
            return None
        path, record = self._runs[arm, seed]
        if (outcomes := self._read(path)) is None:
            return None
        parts = []
        for sign, metric in metrics.parse(name).test_terms:
            _check(path, metric, record, outcomes)
            by_row = influence(metric, outcomes)
            parts.append((sign, None if by_row is None else (outcomes.rows, by_row)))
        return _sum(parts)


def _check(path: Path, metric: str, record: EndedRun, outcomes: RowOutcomes) -> None:
    """Refuse rows that are not those of the run beside them.

    A loss is not compared: the recorded one may include penalties on weights.

    Raises:
        ProblemError: they give another metric, or are of another number.
    """
    expected = ((record.data and record.data.rows) or {}).get("test")
    if expected is not None and len(outcomes.rows) != expected:
        raise _not_of_run(path, f"holds {len(outcomes.rows)} rows, and the run was tested on {expected}")
    stated, found = record.metrics.get(f"test/{metric}"), _value(metric, outcomes)
    if stated is not None and found is not None and abs(found - stated) > TOLERANCE * abs(stated) + 1e-6:
        raise _not_of_run(path, f"gives test/{metric} {found:.6g}, and run.json says {stated:.6g}")


def _value(metric: str, outcomes: RowOutcomes) -> float | None:
    if outcomes.error is None:
        right = outcomes.predicted == outcomes.target
        return float(np.mean(right)) if metric == "accuracy" else None
    error, unit = outcomes.error.astype(float), outcomes.unit or 1.0
    if not len(error) or np.abs(error).max() >= row_outcomes.LARGEST:  # cut off where 16 bits end
        return None
    return {"rmse": unit * float(np.sqrt(np.mean(error**2))), "mae": unit * float(np.abs(error).mean())}.get(metric)


def _not_of_run(path: Path, what: str) -> ProblemError:
    return ProblemError(
        f"{path / row_outcomes.FILE} {what}, so it is not of this run. Delete the run's directory, and `run` trains it "
        "again."
    )


def _sum(parts: Sequence[tuple[float, Influences | None]]) -> Influences | None:
    """The weighted sum of influences; None where one is missing, or they are of other rows."""
    first = parts[0][1]
    if first is None or any(found is None or not np.array_equal(found[0], first[0]) for _, found in parts):
        return None
    return first[0], np.sum([weight * found[1] for weight, found in parts if found], axis=0)
