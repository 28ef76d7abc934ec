"""Results that were kept under the first rules of evidence, judged again by those of now.

Those runs kept no test rows, so their intervals cover seeds only. Their verdicts had been read at 6, 10, 15, 20 and 30
seeds, which count as looks taken.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from folklore.evidence.asked import AskedHypothesis
from folklore.evidence.comparison import Comparison, Failures, JudgedHypothesis
from folklore.evidence.hypotheses import Runs, assess
from folklore.storage.schema import MisfitError, StoredMetric

LOOKS = (6, 10, 15, 20, 30)
FORMAT = 1


def judged_again(kept: Mapping[str, Any]) -> dict[str, Any]:
    """The content of a kept result of the first format, as one of now: with new verdicts, marked as first edition.

    Raises:
        MisfitError: it lacks something.
    """
    try:
        compared = Comparison.of(kept["comparison"])
        asked = [_asked(h, kept["settings"]) for h in compared.hypotheses]
        failed = {arm: sum(run["arm"] == arm for run in kept["failures"]) for arm in compared.arms}
        failures = [
            [Failures(arm=arm, failed=failed[arm], runs=compared.arms[arm].n + failed[arm]) for arm in h.needed]
            for h in asked
        ]
        values = _values(compared)
        withheld = [h.withheld for h in compared.hypotheses]
        found = assess(asked, Runs(values.__getitem__, looks=LOOKS), withheld, failures)
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        if isinstance(error, MisfitError):
            raise
        raise MisfitError(f"what the hypotheses need ({error})") from None
    again = compared.model_copy(update={"hypotheses": found, "edition": "first"})
    return {**kept, "comparison": again.to_dict()}


def _asked(h: JudgedHypothesis, settings: Mapping[str, Mapping[str, Any]]) -> AskedHypothesis:
    """The hypothesis; the arms of a trend stand at the number in which their recipes differ."""
    places: tuple[float, ...] = ()
    if isinstance(h.arm, list):
        names = dict.fromkeys(name for arm in h.arm for name in settings[arm])
        varied = [name for name in names if name not in ("optimizer.learning_rate",)]  # that is tuned
        places = tuple(float(settings[arm][varied[0]]) for arm in h.arm)
    metric = StoredMetric(name=h.metric, goal=h.goal)
    return AskedHypothesis(h.arm, h.against, metric, h.direction, h.delta, h.claim, places)


def _values(compared: Comparison) -> dict[str, dict[str, dict[int, float]]]:
    """By metric, arm and seed. Of a metric that is not the experiment's only effects were kept: then the arm that is
    compared with stands at 0.
    """
    found = {
        compared.metric or "": {
            name: {int(seed): value for seed, value in arm.values.items()} for name, arm in compared.arms.items()
        }
    }
    for h in compared.hypotheses:
        if h.metric == compared.metric or isinstance(h.arm, list):
            continue
        of_metric = found.setdefault(h.metric, {arm: {} for arm in compared.arms})
        effects = {int(seed): value for seed, value in h.effects.items() if value is not None}
        if isinstance(h.against, str):
            against = of_metric[h.against] = of_metric[h.against] or dict.fromkeys(effects, 0.0)
        else:
            against = dict.fromkeys(effects, h.against or 0.0)
        sign = (1 if h.goal == "max" else -1) * (-1 if h.direction == "worse" else 1)
        of_metric[h.arm] = {seed: against[seed] + sign * value for seed, value in effects.items() if seed in against}
    return found
