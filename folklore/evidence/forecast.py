"""How many seeds would decide a hypothesis: a distribution, from what the seeds so far leave possible."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

import numpy as np
from scipy import special

from folklore.declare.hypothesis import Direction
from folklore.evidence import sequential, statistics
from folklore.evidence.sample import Means, Rates
from folklore.evidence.verdict import LEAST, Evidence, Verdict

DRAWS = 400
SHARES = (0.5, 0.9)
_LATER = (*sequential.LOOKS, 40, 50, 60, 80, 100, 150, 200, 300, 500, 1_000)
Bounds = Callable[[float], tuple[np.ndarray, np.ndarray]]  # of the drawn studies' intervals, at a level
_SEED = 2017  # of the draws: the same runs always give the same numbers


def seeds_needed(
    evidence: Evidence, verdict: Verdict, end: int = sequential.LOOKS[-1], alpha: float = sequential.ALPHA
) -> tuple[int | None, int | None]:
    """By how many seeds a verdict is reached with an even chance, and with nine chances in ten.

    True mean and spread are drawn from their posterior after the seeds so far (normal values, the reference prior 1/σ),
    further seeds are drawn from these, and each later look is taken. If the verdict is undecided, any word decides it;
    if its size is open, settling the size does. The sign-flip test and the removal of seeds are left out, which costs
    a seed or two.

    Returns:
        Numbers of seeds; None where the verdict is settled, or where a thousand seeds would not do.
    """
    if verdict.word != "undecided" and verdict.size == "settled":
        return None, None
    sample = evidence.sample
    if sample.n < LEAST:
        return LEAST, None
    settle = verdict.word != "undecided"
    later = [n for n in _LATER if n > sample.n]
    draw = _means if isinstance(sample, Means) else _rates
    decided = np.zeros(DRAWS, dtype=bool)
    found: list[int | None] = [None, None]
    looks = evidence.taken
    for n, bounds in draw(sample, later):  # type: ignore[arg-type]
        looks = (*looks, n)
        lo, hi = bounds(sequential.level(looks, end, alpha))
        decided |= _decides(lo, hi, evidence.direction, evidence.delta, settle)
        for place, share in enumerate(SHARES):
            if found[place] is None and decided.mean() >= share:
                found[place] = n
        if None not in found:
            break
    return found[0], found[1]


def _decides(lo: np.ndarray, hi: np.ndarray, direction: Direction, delta: float, settle: bool) -> np.ndarray:
    """Where intervals give a word, or settle the size; `verdict.read` for many."""
    if direction == "not worse":
        return (lo > -delta) | (hi <= -delta)
    settled = ((lo > -delta) & (hi < delta)) | (lo >= delta) | (hi <= -delta)
    return settled if settle or direction == "no difference" else settled | (lo > 0) | (hi < 0)


def _means(sample: Means, later: list[int]) -> Iterator[tuple[int, Bounds]]:
    rng = np.random.default_rng(_SEED)
    n, squares = sample.n, sample.std**2 * (sample.n - 1)
    variance = squares / rng.chisquare(n - 1, DRAWS)
    truth = rng.normal(sample.effect, np.sqrt(variance / n))
    mean, spread, seen = np.full(DRAWS, sample.effect), np.full(DRAWS, squares), n
    for look in later:
        more = look - seen
        their_mean = rng.normal(truth, np.sqrt(variance / more))
        spread = spread + (rng.chisquare(more - 1, DRAWS) * variance if more > 1 else 0.0)
        spread = spread + (their_mean - mean) ** 2 * seen * more / look
        mean, seen = (mean * seen + their_mean * more) / look, look
        error = np.sqrt(spread / (look - 1) / look + sample.shared)
        yield look, partial(_student, mean, error, look)


def _student(mean: np.ndarray, error: np.ndarray, n: int, level: float) -> tuple[np.ndarray, np.ndarray]:
    half = special.stdtrit(n - 1, 1 - level / 2) * error
    return mean - half, mean + half


def _rates(sample: Rates, later: list[int]) -> Iterator[tuple[int, Bounds]]:
    rng = np.random.default_rng(_SEED)
    hits, others = sample.hits, sample.others
    kinds = [hits & others, hits & ~others, ~hits & others] if isinstance(others, np.ndarray) else [hits]
    counts = np.array([int(kind.sum()) for kind in kinds])
    counts = np.append(counts, sample.n - counts.sum())
    truth = rng.dirichlet(counts + 1 / len(counts), DRAWS)
    total, seen = np.tile(counts, (DRAWS, 1)), sample.n
    for look in later:
        total, seen = total + rng.multinomial(look - seen, truth), look
        yield look, partial(_score, total, look, others, sample.sign)


def _score(
    total: np.ndarray, n: int, others: np.ndarray | float, sign: int, level: float
) -> tuple[np.ndarray, np.ndarray]:
    if isinstance(others, np.ndarray):
        lo, hi = statistics.newcombe_from_counts(total.T, 1 - level)
    else:
        lo, hi = (bound - others for bound in statistics.wilson_interval(total[:, 0], n, 1 - level))
    return (lo, hi) if sign > 0 else (-hi, -lo)
