"""The board's log directory, as TensorBoard reads it."""

import json
import subprocess
import sys
import urllib.parse

import pytest
from tensorboard.backend.event_processing.plugin_event_multiplexer import EventMultiplexer
from tensorboard.plugins.custom_scalar import layout_pb2
from tensorboard.plugins.hparams import metadata

from folklore.errors import ProblemError
from folklore.report import tensorboard
from folklore.report.summary import differing
from tests.conftest import add_run, declare


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "topic.experiment"
    declare(path, [{"arm": "arm", "direction": "better", "by": 0.5}])
    for seed in range(3):
        for arm, shift in (("base", 0), ("arm", -2)):
            add_run(path, arm, seed, 10 + shift, {"train/rmse": [3, 2, 1], "validation/rmse": [seed, 2, 2]})
    return path


@pytest.fixture
def runs(path, tmp_path):
    out = tensorboard.write([path], tmp_path / "out")
    multiplexer = EventMultiplexer().AddRunsFromDirectory(str(out))
    multiplexer.Reload()
    return multiplexer


def course(runs, run, tag):
    return [(event.step, event.tensor_proto.float_val[0]) for event in runs.Tensors(run, tag)]


def test_every_arm_has_mean_and_bounds(runs):
    assert set(runs.Runs()) == {"base", "arm", "verdict"}
    assert course(runs, "arm", "validation/rmse") == [(1, 1), (2, 2), (3, 2)]
    (_, lower), *_ = course(runs, "arm", "~bounds/validation/rmse/lower")
    (_, upper), *_ = course(runs, "arm", "~bounds/validation/rmse/upper")
    assert (lower, upper) == pytest.approx((1 - 4.302653 / 3**0.5, 1 + 4.302653 / 3**0.5), rel=1e-5)
    assert course(runs, "base", "test/rmse") == [(3, 10)]


def test_layout_draws_bands_of_train_and_validation_in_one_chart(runs):
    (event,) = runs.Tensors("verdict", "custom_scalars__config__")
    layout = layout_pb2.Layout.FromString(event.tensor_proto.string_val[0])
    (category,) = layout.category
    (chart,) = category.chart
    assert (category.title, chart.title) == ("train and validation", "rmse: mean and 95 % interval over seeds")
    assert [series.value for series in chart.margin.series] == ["validation/rmse", "train/rmse"]
    tags = set(runs.Runs()["arm"]["tensors"])
    for series in chart.margin.series:
        assert {series.value, series.lower, series.upper} <= tags


def test_compared_metric_comes_first_in_layout(tmp_path):
    path = tmp_path / "topic.experiment"
    declare(path)
    curves = {"train/loss": [3, 2, 1], "train/rmse": [3, 2, 1], "validation/rmse": [3, 2, 2], "probe/dead": [0, 0, 1]}
    add_run(path, "base", 0, 10, curves)
    multiplexer = EventMultiplexer().AddRunsFromDirectory(str(tensorboard.write([path], tmp_path / "out")))
    multiplexer.Reload()
    (event,) = multiplexer.Tensors("verdict", "custom_scalars__config__")
    layout = layout_pb2.Layout.FromString(event.tensor_proto.string_val[0])
    titles = [chart.title.partition(":")[0] for category in layout.category for chart in category.chart]
    assert titles == ["rmse", "loss", "probe/dead"]
    assert [category.title for category in layout.category] == ["train and validation", "probe"]


@pytest.mark.parametrize(
    ("metric", "pinned"),
    [
        ("test/rmse", ["validation/rmse"]),
        ("last train/accuracy - last validation/accuracy", ["train/accuracy", "validation/accuracy"]),
        ("failure", []),
        (None, []),
    ],
)
def test_address_pins_compared_metric_without_smoothing(metric, pinned):
    given = urllib.parse.urlsplit(tensorboard.address("127.0.0.1", 6006, metric))
    query = urllib.parse.parse_qs(given.query)
    assert (given.netloc, given.fragment, query["smoothing"]) == ("127.0.0.1:6006", "timeseries", ["0"])
    assert [card["tag"] for card in json.loads(query.get("pinnedCards", ["[]"])[0])] == pinned


def test_hparams_of_arm_are_its_differences(runs):
    (event,) = runs.PluginRunToTagToContent(metadata.PLUGIN_NAME)["arm"].values()
    start = metadata.parse_session_start_info_plugin_data(event)
    assert {name: value.string_value for name, value in start.hparams.items()} == {"arm": "arm", "params.kind": "arm"}
    contents = runs.PluginRunToTagToContent(metadata.PLUGIN_NAME)["verdict"].values()
    (experiment,) = map(metadata.parse_experiment_plugin_data, contents)
    assert [info.name.tag for info in experiment.metric_infos] == ["test/rmse", "validation/rmse"]


def test_verdict_is_written_as_text(runs):
    (event,) = runs.Tensors("verdict", "verdict")
    text = event.tensor_proto.string_val[0].decode()
    assert "**undecided**: It helps." in text
    assert "| arm | 3 | 8.0000 |" in text


def test_several_experiments_have_folders_and_replace_earlier_board(path, tmp_path):
    other = tmp_path / "topic.other"
    declare(other)
    add_run(other, "base", 0, 1, {"train/rmse": [1, 1, 1]})
    (tmp_path / "out" / "old").mkdir(parents=True)
    out = tensorboard.write([path, other], tmp_path / "out")
    assert {folder.name for folder in out.iterdir()} == {"topic.experiment", "topic.other"}


def test_differences_between_arms_are_listed_by_option():
    arms = {"a": {"x": 1, "params": {"w": 2, "d": 3}}, "b": {"x": 1, "params": {"w": 2, "d": 4, "e": 5}}}
    assert differing(arms) == {"a": {"params.d": 3}, "b": {"params.d": 4, "params.e": 5}}


def test_board_listens_locally_unless_host_is_given(tmp_path):
    given = tensorboard.command(tmp_path, 7007)
    assert given[-4:] == ["--host", "127.0.0.1", "--port", "7007"]
    assert "--logdir" in given
    assert tensorboard.command(tmp_path, 7007, "0.0.0.0")[-4:-2] == ["--host", "0.0.0.0"]


@pytest.mark.parametrize("host", ["192.0.2.1", "no such host", "a" * 70])
def test_address_of_another_machine_is_refused(tmp_path, host):
    with pytest.raises(ProblemError, match="where this machine cannot listen"):
        tensorboard.serve(tmp_path, 0, host)


def test_several_experiments_are_linked_and_replace_earlier_links(tmp_path):
    paths = [tmp_path / place / "topic.name" for place in ("logs", "elsewhere")]
    for path in paths:
        path.mkdir(parents=True)
    tensorboard.link(paths[:1], tmp_path / "out")
    out = tensorboard.link(paths[::-1], tmp_path / "out")
    assert {link.name: link.resolve() for link in out.iterdir()} == {"topic.name": paths[1], "topic.name_": paths[0]}
    assert all(path.is_dir() for path in paths)


@pytest.mark.process
def test_server_does_not_import_tensorflow():
    code = "import sys, folklore.report.tensorboard_server\nfrom tensorboard.compat import tf\ntf.io\nprint('tensorflow' in sys.modules)"  # noqa: E501
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
