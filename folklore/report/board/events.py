"""Event files with the mean over seeds of every arm, its figures and the verdicts, for TensorBoard's own tabs."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from tensorboard.plugins.hparams import summary_v2 as hparams
from tensorboard.plugins.text.summary_v2 import text_pb

from callbacks.event_file import EventFile
from folklore.evidence.comparison import ComparedArm, Comparison
from folklore.report import formatting, tables
from folklore.report.board.places import split_tag
from folklore.report.summary import KeptBand, Result

_COLUMNS = 3
_FIGURES = "~figures"  # the first part of the tags of figures, which Time Series so lists after the curves


def write(result: Result, out: Path) -> None:
    """Write the event files of an experiment, in place of earlier ones.

    As in a run of one seed, each arm has a run for train and one for validation, with equal tags, so that one chart
    shows both. The second is also the arm's trial in the HParams tab, with the figures of the comparison. The
    experiment's own run holds the verdicts.

    Args:
        result: of the experiment, with whole curves (`summary.summarise`).
        out: the experiment's folder.
    """
    compared = result.comparison
    settings = _settings(result)
    names = sorted({name for values in settings.values() for name in values})
    with _replaced(out / "verdict") as file:
        file.add_summary(text_pb("verdict", _as_markdown(compared)), step=0)
        infos = [hparams.Metric(tag, display_name=shown) for tag, shown in _figure_names(compared).items()]
        file.add_summary(hparams.hparams_config_pb([*map(hparams.HParam, names)], infos), step=0)
    for arm, values in settings.items():
        _write_arm(out / arm, arm, values, result)


def _write_arm(out: Path, arm: str, settings: Mapping[str, Any], result: Result) -> None:
    compared = result.comparison
    with _replaced(out / "train") as train, _replaced(out / "validation") as validation:
        files = {"train": train, "validation": validation}
        validation.add_summary(hparams.hparams_pb(settings, trial_id=arm), step=0)
        for name, bands in result.curves.items():
            split, tag = split_tag(name)
            for epoch, mean in _while_all_run(bands[arm]):
                files[split].add_scalars({tag: mean}, epoch)
        validation.add_scalars(_figures(compared.arms[arm], compared), 0)


def _while_all_run(band: KeptBand | None) -> list[tuple[int, float]]:
    """Epochs with their means, up to the last that all runs have: then it jumps whenever a run ends."""
    if band is None:
        return []
    return [
        (epoch, mean)
        for epoch, mean, runs in zip(band.epochs, band.mean, band.runs, strict=True)
        if mean is not None and runs == max(band.runs)
    ]


def _figure_names(compared: Comparison) -> dict[str, str]:
    """The tags of the figures, with the words over their columns."""
    better = "better" if compared.goal else "larger"
    shown = [compared.metric or "", "± (95 % interval)", "n", f"against baseline, + is {better}", "sd over seeds"]
    return {f"{_FIGURES}/{place}": name for place, name in enumerate(shown)}


def _figures(arm: ComparedArm, compared: Comparison) -> dict[str, float]:
    """The arm's row of the report."""
    lo, hi = arm.ci
    half = None if lo is None or hi is None else (hi - lo) / 2
    difference = formatting.signed(arm.difference.mean, compared.goal) if arm.difference else None
    values = (arm.mean, half, arm.n, difference, arm.std)
    return {tag: value for tag, value in zip(_figure_names(compared), values, strict=True) if value is not None}


@contextlib.contextmanager
def _replaced(folder: Path) -> Iterator[EventFile]:
    """A new event file in a folder, which is read in place of the earlier ones; they are removed."""
    earlier = list(folder.glob("events.out.tfevents.*"))
    file = EventFile(folder)
    file.start_again()
    yield file
    file.close()
    for old in earlier:
        old.unlink()


def _settings(result: Result) -> dict[str, dict[str, Any]]:
    """The options in which arms differ, as plain values for the HParams tab; each arm has every name.

    Many are one column, without those of the baseline: TensorBoard shows five settings at most, and with so many the
    metric is off the screen.
    """
    compared = result.comparison
    arms = {arm: result.settings.get(arm, {}) for arm in compared.arms}
    names = sorted({name for values in arms.values() for name in values})
    if 0 < len(names) <= _COLUMNS:
        return {arm: {name: _plain(values.get(name, "default")) for name in names} for arm, values in arms.items()}
    usual = arms.get(compared.baseline or "", {})
    own = {
        arm: {name: value for name, value in given.items() if usual.get(name) != value} for arm, given in arms.items()
    }
    said = {arm: ", ".join(f"{name.rpartition('.')[2]} {value}" for name, value in v.items()) for arm, v in own.items()}
    return {arm: {"settings": text or "as the baseline"} for arm, text in said.items()}


def _plain(value: Any) -> Any:
    return value if isinstance(value, bool | int | float | str) else str(value)


def _as_markdown(compared: Comparison) -> str:
    lines = [f"# {compared.experiment}", compared.claim or "", ""]
    lines += [f"- Beware: {warning}." for warning in compared.warnings]
    lines += [
        f"- **{formatting.label(h.verdict, h.size)}**: {h.claim} {formatting.in_words(h)}" for h in compared.hypotheses
    ]
    for fact in compared.facts or ():
        lines += [f"- **{'holds' if fact.holds else 'does not hold'}**: {fact.statement}: {fact.found}"]
    if compared.arms:
        lines += ["", tables.as_markdown(tables.arm_rows(compared)), *(f"- {note}" for note in tables.about(compared))]
    return "\n".join(lines)
