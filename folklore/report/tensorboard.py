"""TensorBoard on stored runs: bands over seeds for every arm, or the single runs."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import urllib.parse
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.plugins.custom_scalar import layout_pb2, metadata
from tensorboard.plugins.hparams import summary_v2 as hparams
from tensorboard.plugins.text.summary_v2 import text_pb
from tensorboard.util.tensor_util import make_tensor_proto

from callbacks.event_file import EventFile
from folklore.declare.metrics import parse
from folklore.errors import ProblemError
from folklore.evidence import ledger
from folklore.evidence.compare import compare
from folklore.evidence.comparison import Comparison
from folklore.evidence.logs.curves import Band, band, histories, metrics_of
from folklore.report import formatting, tables
from folklore.report.summary import differing
from folklore.storage import run_directory

FOLDER = ".board"
LINKS = ".board-seeds"
ENDS_WITHIN = 5.0  # seconds, for TensorBoard to end when it is asked to
_BOUNDS = "~bounds"  # the first part of the bounds' tags, which TensorBoard so lists after the curves


def write(paths: Sequence[Path], out: Path) -> Path:
    """Write the aggregate log directory for experiments' directories, in place of an earlier one; return it.

    Each arm is one run in TensorBoard. It has the mean over seeds of every metric and the bounds of its interval, which
    the Custom Scalars tab draws as a band, and is one trial in the HParams tab. The experiment's own run holds the
    layout and the verdicts.
    """
    _remove(out)
    for path in paths:
        _write_experiment(path, out if len(paths) == 1 else out / path.name)
    return out


def _write_experiment(path: Path, out: Path) -> None:
    compared = ledger.record_look(path, compare(path))
    runs = histories(path, compared.arms)
    found = metrics_of(runs)
    name = "verdict"
    while name in compared.arms:
        name += "_"
    file = EventFile(out / name)
    file.add_summary(text_pb("verdict", _as_markdown(compared)), step=0)
    if found:
        file.add_summary(_layout(found, compared.metric), step=0)
    declared = run_directory.read_experiment(path)
    settings = _settings(declared.arms if declared else {})
    names = sorted({name for values in settings.values() for name in values})
    shown = [hparams.HParam("arm"), *map(hparams.HParam, names)]
    validation = (name for name in found if name.startswith("validation/"))
    metrics = dict.fromkeys([*filter(None, [compared.metric]), *validation])
    infos = [hparams.Metric(name, description="mean over seeds, at the end") for name in metrics]
    file.add_summary(hparams.hparams_config_pb(shown, infos), step=0)
    file.close()
    for arm, seeds in runs.items():
        _write_arm(out / arm, {name: band(seeds, name) for name in found}, arm, settings[arm], compared)


def _write_arm(
    out: Path, bands: Mapping[str, Band | None], arm: str, settings: Mapping[str, Any], compared: Comparison
) -> None:
    file = EventFile(out)
    file.add_summary(hparams.hparams_pb({"arm": arm, **settings}, trial_id=arm), step=0)
    epochs = 0
    for name, found in bands.items():
        if found is None:
            continue
        epochs = max(epochs, len(found.epochs))
        for epoch, mean, lo, hi in zip(found.epochs, found.mean, found.lo, found.hi, strict=True):
            file.add_scalars({name: mean}, epoch)
            if lo == lo:
                file.add_scalars({f"{_BOUNDS}/{name}/lower": lo, f"{_BOUNDS}/{name}/upper": hi}, epoch)
    final = compared.arms[arm].mean
    if final is not None and compared.metric and compared.metric not in bands:
        file.add_scalars({compared.metric: final}, epochs)
    file.close()


def _layout(names: Sequence[str], metric: str | None) -> Summary:
    """The Custom Scalars tab: for each metric one chart with the bands of train and validation, the compared one first.

    Args:
        names: of the curves, such as "validation/loss".
        metric: by which the arms are compared.
    """
    layout = layout_pb2.Layout()
    by_metric: dict[str, list[str]] = {}
    for name in names:
        split, _, short = name.partition("/")
        by_metric.setdefault(short if split in ("train", "validation") else name, []).append(name)
    first = parse(metric).terms[0].metric if metric and parse(metric).terms else ""
    for short, parts in sorted(by_metric.items(), key=lambda item: item[0] != first):
        both = short not in names
        title = "train and validation" if both else short.partition("/")[0]
        if not layout.category or layout.category[-1].title != title:
            layout.category.add(title=title)
        chart = layout.category[-1].chart.add(title=f"{short}: mean and 95 % interval over seeds")
        for name in sorted(parts, reverse=True):  # validation first
            chart.margin.series.add(value=name, lower=f"{_BOUNDS}/{name}/lower", upper=f"{_BOUNDS}/{name}/upper")
    value = Summary.Value(
        tag=metadata.CONFIG_SUMMARY_TAG,
        metadata=metadata.create_summary_metadata(),
        tensor=make_tensor_proto(layout.SerializeToString()),
    )
    return Summary(value=[value])


def _settings(arms: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """The options in which arms differ, as plain values for the HParams tab; each arm has every name."""
    found = differing(arms)
    names = sorted({name for values in found.values() for name in values})
    return {arm: {name: _plain(values.get(name, "default")) for name in names} for arm, values in found.items()}


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


def link(paths: Sequence[Path], out: Path) -> Path:
    """A folder with a link to each experiment's directory, in place of an earlier one; return it.

    TensorBoard takes several directories by `--logdir_spec`, but shows no projector then, and loads slowly.
    """
    _remove(out)
    out.mkdir(parents=True)
    for path in paths:
        name = path.name
        while (out / name).is_symlink():  # of the same experiment in another log directory
            name += "_"
        (out / name).symlink_to(path.resolve(), target_is_directory=True)
    return out


def _remove(out: Path) -> None:
    if out.is_symlink():
        out.unlink()  # the target is not ours
    elif out.exists():
        shutil.rmtree(out)


def address(host: str, port: int, metric: str | None) -> str:
    """The address at which TensorBoard shows a metric first, pinned above all others, without smoothing.

    Args:
        host, port: where it listens.
        metric: by which arms are compared. Of a test metric, which has one value, the course in validation is shown.

    Example:
        >>> address("127.0.0.1", 6006, "test/rmse")
        'http://127.0.0.1:6006/?smoothing=0&pinnedCards=%5B%7B%22plugin%22%3A%22scalars%22%2C%22tag%22%3A%22validation%2Frmse%22%7D%5D#timeseries'
    """
    terms = parse(metric).terms if metric else ()
    tags = dict.fromkeys(term.name.replace("test/", "validation/") for term in terms)
    pinned = json.dumps([{"plugin": "scalars", "tag": tag} for tag in tags], separators=(",", ":"))
    query = urllib.parse.urlencode({"smoothing": "0"} | ({"pinnedCards": pinned} if tags else {}))
    return f"http://{host}:{port}/?{query}#timeseries"


def command(logdir: Path, port: int, host: str = "127.0.0.1") -> list[str]:
    """The command that starts TensorBoard on a directory; by default only this machine can reach it."""
    # A run has an event file for each of its pictures. Without reload_multifile, TensorBoard's slow loader, which is
    # used where the fast one is unavailable, follows only the last file.
    given = ["--logdir", str(logdir), "--reload_multifile", "true", "--host", host, "--port", str(port)]
    return [sys.executable, "-m", "folklore.report.tensorboard_server", *given]


def serve(logdir: Path, port: int, host: str) -> int:
    """Run TensorBoard until it is interrupted; return its exit status.

    Raises:
        ProblemError: this machine has no such address.
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, 0, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind, protocol) as trial:
            trial.bind(address)
    except (OSError, UnicodeError) as error:
        raise ProblemError(
            f"The host is {host!r}, where this machine cannot listen: {error}. Give 127.0.0.1 for this machine only, "
            "or 0.0.0.0 for everyone who can reach it."
        ) from error
    process = subprocess.Popen(command(logdir, port, host), env=os.environ)
    try:
        return process.wait()
    except KeyboardInterrupt:
        process.terminate()
        try:
            process.wait(timeout=ENDS_WITHIN)
        except subprocess.TimeoutExpired:  # rare: Ctrl-C also reaches TensorBoard, which may be ending already
            process.kill()
            process.wait()
        return 0
