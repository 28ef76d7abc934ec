"""The question that runs of one's own answer: `folklore.declare` writes it beside them."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from folklore.declare import checks
from folklore.declare.hypothesis import Hypothesis, Metric
from folklore.errors import DeclarationError, did_you_mean
from folklore.evidence import ledger
from folklore.storage import files, run_directory
from folklore.storage.locks import exclusive
from folklore.storage.run_paths import LOGGED
from folklore.storage.schema import StoredExperiment


def declare(
    logdir: str | os.PathLike[str],
    *,
    claim: str,
    metric: Metric,
    baseline: str,
    hypothesis: Hypothesis | Sequence[Hypothesis] = (),
    arms: Iterable[str] = (),
) -> None:
    """Declare the question that runs in `logdir` answer, which `callbacks.Logger` writes there.

    It is written to experiment.json, with a ledger as that of the suite's own experiments: declared before the runs, it
    was asked before; a later change is named beside the verdicts. So call it before training, in the same script.

    Args:
        logdir: the experiment's directory, such as "logs/houses.width". Its name is the experiment's; what stands
            before a dot is the topic.
        claim: the advice on trial, as a sentence.
        metric: the one by which the arms are compared.
        baseline: the arm that every other is compared with.
        hypothesis: one, or several, about arms other than the baseline.
        arms: their names, where there are more than the baseline, those of the hypotheses and those that have runs.

    Raises:
        DeclarationError: something is contradictory, an arm is unknown though others have runs (names the nearest), or
            the directory holds an experiment of the suite.

    Example:
        >>> import folklore
        >>> from folklore import Hypothesis, Metric
        >>> folklore.declare(
        ...     "logs/houses.width",
        ...     claim="A wider network predicts house prices better.",
        ...     metric=Metric("test/rmse", goal="min"),
        ...     baseline="8 units",
        ...     hypothesis=Hypothesis("64 units", "better", by=0.01),
        ... )
    """
    hypotheses = (hypothesis,) if isinstance(hypothesis, Hypothesis) else tuple(hypothesis)
    checks.kind("claim", claim, str, "Write the advice on trial as one sentence.")
    checks.kind("metric", metric, Metric, 'Write, say, metric=Metric("test/rmse", goal="min").')
    for each in hypotheses:
        checks.kind("A hypothesis", each, Hypothesis, 'Write, say, hypothesis=Hypothesis("arm", "better", by=0.01).')
        _check(each, baseline)
    if not claim.strip():
        raise DeclarationError("The claim is empty. Write the advice on trial as one sentence.")
    path = run_directory.check_logdir(Path(logdir))
    path.mkdir(parents=True, exist_ok=True)
    with exclusive(path):
        before = run_directory.read_experiment(path)
        if before is not None and not (isinstance(before, StoredExperiment) and before.kind == LOGGED):
            raise DeclarationError(f"{path} holds an experiment of the suite, which declares its own question.")
        runs = list(run_directory.runs(path))
        named = [baseline, *(name for each in hypotheses for name in each.named)]
        found = _arms(before, [*arms, *dict.fromkeys(run.arm for run in runs)], named)
        declaration: dict[str, Any] = {
            "claim": claim,
            "kind": LOGGED,
            "baseline": baseline,
            "metric": dataclasses.asdict(metric),
            "hypotheses": [each.to_dict() for each in hypotheses],
            "arms": {arm: {} for arm in found},
        }
        end = ledger.planned_end(before, 0)
        ended = sum(run.done for run in runs)
        asked = ledger.asked(before, declaration, ended, None, end)
        files.write_json(path / "experiment.json", declaration | {"end": end, "ledger": asked})


def _check(hypothesis: Hypothesis, baseline: str) -> None:
    if hypothesis.arm == (baseline if hypothesis.against is None else hypothesis.against):
        raise DeclarationError(f"A hypothesis is about {hypothesis.arm!r}, the arm it is compared with. Name another.")
    if hypothesis.is_trend and hypothesis.values is None:
        example = ", ".join(f"{arm!r}: {place}" for place, arm in enumerate(hypothesis.arms, 1))
        raise DeclarationError(
            f"The trend over {hypothesis.arms!r} needs a number for each arm, for recipes are unknown here: "
            f"Hypothesis({{{example}}}, …)."
        )


def _arms(before: StoredExperiment | None, known: Sequence[str], named: Sequence[str]) -> list[str]:
    """The arms, the baseline first. Where some are known, one that is only named here may be misspelt."""
    all_known = [*(before.arms if before else ()), *known]
    for arm in named:
        checks.directory_name("The arm", arm)
        if all_known and arm not in all_known:
            raise DeclarationError(
                f"The arm {arm!r} has no runs, and others have. {did_you_mean(arm, dict.fromkeys(all_known))} If it "
                f"is still to be trained, name it: arms=[{arm!r}]."
            )
    return list(dict.fromkeys([*named, *known]))
