"""What the board writes for TensorBoard, as TensorBoard reads it."""

import doctest
import json
import re
import socket
import subprocess
import sys
import urllib.parse
import zipfile

import pytest
from tensorboard.backend.event_processing.plugin_event_multiplexer import EventMultiplexer
from tensorboard.plugins.hparams import metadata

from folklore.errors import ProblemError
from folklore.report import plots
from folklore.report.board import links, live, palette, places
from folklore.report.summary import differing
from folklore.storage import run_directory
from folklore.storage.locks import locked
from tests.conftest import add_run, declare, recipe_of, study


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "topic.experiment"
    declare(path, [{"arm": "arm", "direction": "better", "by": 0.5}])
    for seed in range(3):
        for arm, shift in (("base", 0), ("arm", -2)):
            curves = {"train/rmse": [3, 2, 1], "validation/rmse": [seed, 2, 2], "running/train/loss": [1, 1, 1]}
            add_run(path, arm, seed, 10 + seed + shift, curves)
    return path


def read(out):
    multiplexer = EventMultiplexer().AddRunsFromDirectory(str(out))
    return multiplexer.Reload()


def course(runs, run, tag):
    return [(event.step, event.tensor_proto.float_val[0]) for event in runs.Tensors(run, tag)]


def shown_in(board):
    return json.loads((board.out / places.CONTENT).read_text())


def test_arm_has_means_in_train_and_validation_under_one_tag(path, tmp_path):
    runs = read(live.Board([path], tmp_path / "out").out)
    assert set(runs.Runs()) == {"verdict", "base/train", "base/validation", "arm/train", "arm/validation"}
    assert course(runs, "arm/train", "rmse") == [(1, 3), (2, 2), (3, 1)]
    assert course(runs, "arm/validation", "rmse") == [(1, 1), (2, 2), (3, 2)]


def test_mean_ends_where_first_seed_stops(path, tmp_path):
    rows = [{"epoch": epoch, "seconds": 1, "validation/rmse": 9} for epoch in (1, 2)]
    run_directory.write_history(path / "arm" / "seed-0", rows)
    board = live.Board([path], tmp_path / "out")
    assert course(read(board.out), "arm/validation", "rmse") == [(1, 4), (2, pytest.approx(13 / 3, rel=1e-4))]
    (chart,) = shown_in(board)[0]["charts"]
    assert "faint: only over the seeds that have not stopped" in chart["about"]
    (rest,) = (trace for trace in chart["figure"]["data"] if trace.get("opacity") == 0.6)
    assert (rest["x"], rest["text"]) == ([2, 3], ["3 of 3 seeds", "2 of 3 seeds"])


def test_hparams_show_figures_of_report_at_the_selected_epoch(path, tmp_path):
    runs = read(live.Board([path], tmp_path / "out").out)
    contents = runs.PluginRunToTagToContent(metadata.PLUGIN_NAME)
    (declared,) = map(metadata.parse_experiment_plugin_data, contents["verdict"].values())
    names = {info.name.tag: info.display_name for info in declared.metric_infos}
    figures = {name: course(runs, "arm/validation", tag)[0][1] for tag, name in names.items()}
    half = 4.302653 / 3**0.5
    assert list(figures) == ["test/rmse", "± (95 % interval)", "n", "against baseline, + is better", "sd over seeds"]
    assert list(figures.values()) == pytest.approx([9, half, 3, 2, 1], rel=1e-4)
    (event,) = contents["arm/validation"].values()
    start = metadata.parse_session_start_info_plugin_data(event)
    assert {name: value.string_value for name, value in start.hparams.items()} == {"params.kind": "arm"}


def test_many_settings_are_one_column_of_what_differs_from_baseline(path, tmp_path):
    other = {"params": {"width": 9, "kind": "arm", "depth": 3, "dropout": 0.5}, "epochs": 3, "batch_size": 32}
    declare(path, arms={"base": recipe_of("base"), "arm": other})
    for seed in range(3):
        add_run(path, "arm", seed, 9, recipe=other)
    contents = read(live.Board([path], tmp_path / "out").out).PluginRunToTagToContent(metadata.PLUGIN_NAME)
    found = {}
    for arm in ("base", "arm"):
        (event,) = contents[f"{arm}/validation"].values()
        found[arm] = metadata.parse_session_start_info_plugin_data(event).hparams["settings"].string_value
    assert found == {"base": "as the baseline", "arm": "width 9, kind arm, depth 3, dropout 0.5"}


def test_verdict_is_written_as_text(path, tmp_path):
    (event,) = read(live.Board([path], tmp_path / "out").out).Tensors("verdict", "verdict")
    text = event.tensor_proto.string_val[0].decode()
    assert "**undecided**: It helps." in text
    assert "| arm | 3 | 9.0000 |" in text


def test_refresh_replaces_what_was_read(path, tmp_path):
    board = live.Board([path], tmp_path / "out")
    runs = read(board.out)
    assert not board.refresh()
    add_run(path, "arm", 3, 12, {"epoch": [1, 2], "seconds": [1, 2], "validation/rmse": [9, 2]})
    assert board.refresh()
    runs.Reload()
    assert course(runs, "arm/validation", "rmse") == [(1, 3), (2, 2)]
    assert course(runs, "arm/validation", "~figures/2") == [(0, 4)]
    assert shown_in(board)[0]["state"] == "7 runs ended"


def test_board_opens_before_any_run_has_ended(tmp_path):
    path = tmp_path / "topic.experiment"
    declare(path)
    board = live.Board([path], tmp_path / "out")
    assert board.metrics == ["test/rmse"]
    (waiting,) = shown_in(board)
    assert (waiting["claim"], waiting["state"][:21]) == ("It helps.", "No run has ended yet:")
    add_run(path, "base", 0, 1.0)
    assert board.refresh()
    (shown,) = shown_in(board)
    assert shown["arms"][0]["n"] == "1"
    assert "nothing shows what was asked before the runs existed" in shown["warnings"][0]  # nor in this test


def test_damage_stops_opening_and_is_told_once_open(path, tmp_path):
    board = live.Board([path], tmp_path / "out")
    add_run(path, "arm", 3, 1.0)
    (path / "arm" / "seed-3" / "run.json").write_text("{")
    assert board.refresh()
    assert "run.json" in shown_in(board)[0]["state"]
    with pytest.raises(ProblemError, match=r"run\.json"):
        live.Board([path], tmp_path / "out")


def test_verdict_is_read_only_when_training_has_ended(tmp_path):
    path = study(tmp_path / "topic.experiment")
    before = (path / "experiment.json").read_text()
    with locked(tmp_path, [path.name], print):
        board = live.Board([path], tmp_path / "out")
        (content,) = shown_in(board)
        assert content["state"] == "Training: 16 runs ended so far. The verdict follows when all have."
        assert content["verdicts"] == []
        assert (path / "experiment.json").read_text() == before
    assert board.refresh()
    assert [verdict["word"] for verdict in shown_in(board)[0]["verdicts"]] == ["supported"]


def test_first_chart_is_of_compared_metric_and_layers_have_none(tmp_path):
    board = live.Board([study(tmp_path / "topic.experiment")], tmp_path / "out")
    assert [chart["title"] for chart in shown_in(board)[0]["charts"]] == ["rmse", "probe/dead_units"]


def test_several_experiments_have_a_folder_and_one_chart_each(path, tmp_path):
    other = study(tmp_path / "topic.other")
    (tmp_path / "out" / "old").mkdir(parents=True)
    board = live.Board([path, other], tmp_path / "out")
    assert {folder.name for folder in board.out.iterdir()} == {"topic.experiment", "topic.other", places.CONTENT}
    assert [[chart["title"] for chart in one["charts"]] for one in shown_in(board)] == [["rmse"], ["rmse"]]


def test_diagrams_of_networks_are_shown(path, tmp_path):
    (path / "arm" / "network.svg").write_text("<svg/>")
    assert shown_in(live.Board([path], tmp_path / "out"))[0]["networks"] == [{"arm": "arm", "svg": "<svg/>"}]


def test_differences_between_arms_are_listed_by_option():
    arms = {"a": {"x": 1, "params": {"w": 2, "d": 3}}, "b": {"x": 1, "params": {"w": 2, "d": 4, "e": 5}}}
    assert differing(arms) == {"a": {"params.d": 3}, "b": {"params.d": 4, "params.e": 5}}


@pytest.mark.parametrize("module", [links, places])
def test_examples_give_what_they_show(module):
    assert doctest.testmod(module).attempted
    assert not doctest.testmod(module).failed


@pytest.mark.parametrize(
    ("metrics", "pinned"),
    [
        (["test/rmse"], ["rmse"]),
        (["last train/accuracy - last validation/accuracy", "test/rmse"], ["accuracy", "rmse"]),
        (["last probe/std/hidden_1"], ["probe/std/hidden_1"]),
        (["failure", None], []),
    ],
)
def test_address_pins_compared_metrics_without_smoothing(metrics, pinned):
    given = urllib.parse.urlsplit(places.address("127.0.0.1", 6006, metrics))
    query = urllib.parse.parse_qs(given.query)
    assert (given.netloc, given.fragment, query["smoothing"]) == ("127.0.0.1:6006", "verdict", ["0"])
    assert [card["tag"] for card in json.loads(query.get("pinnedCards", ["[]"])[0])] == pinned


@pytest.mark.parametrize(
    "run", ["bn after/train", "bn after/seed-10/validation", "topic.name/bn after/train", "t.n/bn after/seed-0/train"]
)
def test_runs_are_coloured_by_arm(run):
    query = urllib.parse.parse_qs(urllib.parse.urlsplit(places.address("127.0.0.1", 6006, [])).query)
    assert re.match(query["runColorGroup"][0].removeprefix("regex:"), run)[1] == "bn after"


def test_links_are_to_first_seeds_of_every_arm_and_follow_new_runs(path, tmp_path):
    for arm in ("base", "arm"):
        for seed in range(3, 15):
            (path / arm / f"seed-{seed}").mkdir()
    folders = places.folders([path], tmp_path / "out")
    assert links.write(folders) == (20, 30)
    assert {link.name for link in (tmp_path / "out" / "arm").iterdir()} == {f"seed-{seed}" for seed in range(10)}
    assert links.write(folders, "arm/seed-1?") == (5, 30 - 25)
    assert [link.parent.name for link in sorted((tmp_path / "out").glob("*/*"))] == ["arm"] * 5
    assert (path / "arm" / "seed-0" / "run.json").exists()


def test_experiments_of_one_name_are_linked_apart(tmp_path):
    paths = [tmp_path / place / "topic.name" for place in ("logs", "elsewhere")]
    for path in paths:
        declare(path)
        add_run(path, "base", 0, 1.0)
    board = live.Board(paths[::-1], tmp_path / "out", only="*")
    found = {link.relative_to(board.out).parts[0]: link.resolve() for link in board.out.glob("*/*/seed-0")}
    assert found == {"topic.name": paths[1] / "base" / "seed-0", "topic.name_": paths[0] / "base" / "seed-0"}


def test_run_of_other_logs_is_linked_to_them(tmp_path):
    add_run(tmp_path / "read", "base", 0, 1.0, logged_in=str(tmp_path / "theirs"))
    (tmp_path / "theirs").mkdir()
    links.write(places.folders([tmp_path / "read"], tmp_path / "out"))
    assert (tmp_path / "out" / "base" / "seed-0").resolve() == tmp_path / "theirs"


def test_board_listens_locally_unless_host_is_given(tmp_path):
    given = live.command(tmp_path, 7007)
    assert given[-4:] == ["--host", "127.0.0.1", "--port", "7007"]
    assert "--logdir" in given
    assert live.command(tmp_path, 7007, "0.0.0.0")[-4:-2] == ["--host", "0.0.0.0"]


@pytest.mark.parametrize("host", ["192.0.2.1", "no such host", "a" * 70])
def test_address_of_another_machine_is_refused(host):
    with pytest.raises(ProblemError, match="where this machine cannot listen"):
        live.port_for(host, 0)


def test_port_in_use_is_refused():
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        with pytest.raises(ProblemError, match="is in use"):
            live.port_for("127.0.0.1", other.getsockname()[1])


def test_tensorboard_has_palette_that_is_replaced():
    with zipfile.ZipFile(palette.coloured_assets()) as changed:
        script = changed.read("index.js").decode()
    assert all(f'"lightHex": "{colour}"' in script for colour in plots.COLOURS)


@pytest.mark.process
def test_server_does_not_import_tensorflow():
    code = (
        "import sys, folklore.report.board.server\nfrom tensorboard.compat import tf\ntf.io\n"
        "print('tensorflow' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
