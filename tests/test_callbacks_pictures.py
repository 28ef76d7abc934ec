"""Pictures of hand-made networks and predictions, checked pixel by pixel as TensorBoard reads them."""

import keras
import numpy as np
import pytest
from google.protobuf import text_format
from PIL import Image
from tensorboard.plugins.projector.projector_config_pb2 import ProjectorConfig

from callbacks import ConfidentMistakes, ConfusionMatrix, Embedding, FeatureMaps, Filters, pictures
from callbacks.confusion import confusion, drawn
from callbacks.embedding import sprite
from callbacks.event_file import EventFile
from callbacks.feature_maps import mapped_layers
from callbacks.filters import tiles_of
from callbacks.mistakes import as_percent, mistakes
from models import mlp
from tests.drawn import LABELS, LOGITS, NAMES, act, images, network, passing, read

BLUE, WHITE, RED = (33, 102, 172), (247, 247, 247), (178, 24, 43)


def test_colour_scales_map_values_to_colours():
    assert pictures.diverging(np.array([-2.0, 0, 2, -1]), 2).tolist() == [[*BLUE], [*WHITE], [*RED], [146, 197, 222]]
    assert pictures.sequential(np.array([0.0, 5]), 5).tolist() == [[68, 1, 84], [253, 231, 37]]
    assert pictures.diverging(np.zeros(1), 0).tolist() == [[*WHITE]]  # a kernel of zeros has no scale


def test_grid_places_tiles_by_pixel():
    tiles = np.arange(1, 4, dtype=np.uint8).reshape(3, 1, 1, 1).repeat(2, axis=1).repeat(3, axis=3)  # 2 high, 1 wide
    grid = pictures.grid(tiles, columns=2, background=(9, 9, 9))[..., 0]
    expected = np.full((2 * 2 + 3 * 3, 2 * 1 + 3 * 3), 9)
    expected[3:5, 3], expected[3:5, 7], expected[8:10, 3] = 1, 2, 3
    assert grid.tolist() == expected.tolist()


def test_images_share_one_brightness_scale():
    seen = pictures.as_seen(np.array([0, 16, 8, 4], dtype=np.uint8).reshape(2, 2, 1, 1))
    assert seen.shape == (2, 2, 1, 3)
    assert seen[..., 0].ravel().tolist() == [0, 255, 128, 64]
    coloured = np.array([[0.0, 1.0, 2.0]]).reshape(1, 1, 1, 3)
    assert pictures.as_seen(coloured).ravel().tolist() == [0, 128, 255]
    assert pictures.as_seen(np.ones((1, 1, 1, 2))).ravel().tolist() == [0, 0, 0]


def test_enlarging_repeats_pixels_to_minimum_height():
    tiles = pictures.enlarge(np.array([1, 2], dtype=np.uint8).reshape(1, 1, 2, 1), 3)
    assert tiles[0, ..., 0].tolist() == [[1, 1, 1, 2, 2, 2]] * 3
    assert pictures.enlarge(tiles, 2).shape == tiles.shape


def test_caption_is_added_above_unchanged_picture():
    picture = np.full((5, 4, 3), 7, dtype=np.uint8)
    captioned = pictures.captioned(picture, ["some text", "and more"])
    assert (captioned[-5:, :4] == 7).all()
    assert (captioned[:-5] < 100).any()
    assert captioned.shape[1] > 50


def test_image_summary_is_read_back_unchanged(tmp_path):
    two = [np.random.default_rng(seed).integers(0, 255, (3, 5, 3), dtype=np.uint8) for seed in range(2)]
    file = EventFile(tmp_path)
    file.add_summary(pictures.image_summary("group/tag", two, "about"), step=7)
    file.close()
    ((step, shown),) = read(tmp_path)["group/tag"]
    assert step == 7
    np.testing.assert_array_equal(shown, two)


@pytest.mark.compile
def test_filters_match_hand_made_kernels(tmp_path):
    model = network()
    kernel = np.zeros((3, 3, 1, 2), dtype="float32")
    kernel[0, 0, 0, 0], kernel[2, 2, 0, 1] = 0.5, -0.5
    model.get_layer("first").set_weights([kernel, np.zeros(2)])
    act(Filters(tmp_path), model)
    ((step, (picture,)),) = read(tmp_path / "train")["filters/first"]
    assert step == 1
    side = 45  # three pixels, each fifteen times as large
    grid = picture[-(side + 6) :, : 2 * side + 9]
    assert tuple(grid[3, 3]) == RED
    assert tuple(grid[3, 3 + 15]) == WHITE
    assert tuple(grid[3 + side - 1, 3 + 2 * side + 3 - 1]) == BLUE


def test_only_kernels_of_three_channels_are_coloured():
    kernel = np.zeros((1, 1, 3, 1))
    kernel[0, 0, :, 0] = [1, 0, -1]
    assert tiles_of(kernel, 1.0).tolist() == [[[[255, 128, 0]]]]
    assert tiles_of(kernel[:, :, :2], 1.0).tolist() == [[[[*RED]]], [[[*WHITE]]]]


def test_network_without_convolutions_shows_first_dense_layer(tmp_path):
    model = mlp((4, 4, 1), 3, widths=(5,))
    act(Filters(tmp_path), model)
    assert list(read(tmp_path / "train")) == ["filters/hidden_1"]


def test_filters_and_maps_of_network_without_any_are_refused(tmp_path):
    with pytest.raises(ValueError, match="neither a two-dimensional convolution nor a dense layer"):
        act(Filters(tmp_path), passing())
    with pytest.raises(ValueError, match="it has no convolution"):
        act(FeatureMaps(tmp_path, LOGITS), mlp((4, 4, 1), 3, widths=(5,)))


@pytest.mark.compile
def test_feature_maps_match_hand_made_kernels(tmp_path):
    x, _ = images(2)
    model = network()
    kernel = np.zeros((3, 3, 1, 2), dtype="float32")
    kernel[1, 1, 0] = [1, 0]  # the first map is the image's positive part, the second is dead
    model.get_layer("first").set_weights([kernel, np.zeros(2)])
    act(FeatureMaps(tmp_path, x, captions=NAMES[:2]), model)
    found = read(tmp_path / "validation")
    assert list(found) == ["feature_maps/first", "feature_maps/second_activation"]
    ((_, shown),) = found["feature_maps/first"]
    assert len(shown) == 2
    side, scale = 44, x[1].max()
    left = 88 + 6 + 12  # the image, its border, and the gap
    grid = shown[1][-(88 + 6) :, left : left + 2 * side + 9]
    np.testing.assert_array_equal(grid[3 : 3 + side : 11, 3 : 3 + side : 11], pictures.sequential(x[1, ..., 0], scale))
    assert np.unique(grid[3 : 3 + side, side + 6 : -3].reshape(-1, 3), axis=0).tolist() == [[68, 1, 84]]


def test_mapped_layers_are_spread_over_depth_or_named():
    inputs = x = keras.Input((4, 4, 1))
    for number in range(15):
        x = keras.layers.Conv2D(1, 1, activation="relu", name=f"conv_{number}")(x)
    model = keras.Model(inputs, keras.layers.Flatten()(x), name="deep")
    assert [layer.name for layer in mapped_layers(model)] == [f"conv_{number}" for number in range(0, 15, 2)]
    assert [layer.name for layer in mapped_layers(model, ["conv_3"])] == ["conv_3"]
    with pytest.raises(ValueError, match="'conv_33' were requested, but deep has no layer of that name"):
        mapped_layers(model, ["conv_33"])


def test_linear_convolutions_are_mapped_without_nonlinearities():
    inputs = keras.Input((4, 4, 1))
    x = keras.layers.MaxPooling2D(name="pool")(keras.layers.Conv2D(1, 1, name="linear")(inputs))
    assert [layer.name for layer in mapped_layers(keras.Model(inputs, x))] == ["linear"]


def test_confusion_matrix_matches_hand_count(tmp_path):
    expected = [[1, 0, 1], [0, 1, 1], [1, 0, 0]]
    assert confusion(LABELS, LOGITS.argmax(axis=1), 3).tolist() == expected
    act(ConfusionMatrix(tmp_path, LOGITS, LABELS, NAMES), passing())
    ((_, (picture,)),) = read(tmp_path / "validation")["confusion_matrix"]
    np.testing.assert_array_equal(picture, drawn(np.array(expected), NAMES))


def test_cells_are_coloured_by_share_of_row():
    picture = drawn(np.array([[4, 0], [25, 75]]), ("a", "b"))
    left = 30 + max(round(pictures.font_of(16).getlength(name)) for name in "ab")
    matrix = picture[25 : 25 + 2 * 44, left : left + 2 * 48]  # below the caption, beside the names
    assert matrix[0, 0].tolist() == [*BLUE]
    assert matrix[0, 48].tolist() == [255, 255, 255]
    half = [255 + round(0.5 * (channel - 255)) for channel in RED]  # the square root of a quarter
    assert np.abs(matrix[44, 0] - np.array(half)).max() <= 1


@pytest.mark.parametrize("classes", [1, 2, 41, 100])
def test_confusion_matrix_of_any_size_is_drawn(classes):
    picture = drawn(np.zeros((classes, classes), dtype=int), [f"class {number}" for number in range(classes)])
    assert picture.shape[1] > classes * 14


def test_most_confident_mistakes_come_first():
    chances = np.array([[0.6, 0.4], [0.1, 0.9], [0.3, 0.7], [0.8, 0.2], [0.9, 0.1]])
    assert mistakes(chances, np.array([1, 0, 1, 1, 1])).tolist() == [1, 4, 3, 0]
    assert mistakes(chances, chances.argmax(axis=1)).tolist() == []


def test_probability_is_never_rounded_to_certainty():
    assert [as_percent(chance) for chance in (0.5, 0.987, 0.9951, 0.99999)] == ["50%", "99%", "99.5%", "99.9%"]


@pytest.mark.parametrize("from_logits", [True, False])
def test_mistakes_show_original_images(tmp_path, from_logits):
    seen = np.arange(5 * 4, dtype=np.uint8).reshape(5, 2, 2, 1)
    scores = LOGITS if from_logits else np.exp(LOGITS) / np.exp(LOGITS).sum(axis=1, keepdims=True)
    act(ConfidentMistakes(tmp_path, scores, LABELS, NAMES, seen, from_logits=from_logits), passing())
    ((_, (picture,)),) = read(tmp_path / "validation")["confident_mistakes"]
    order = [3, 1, 4]  # 9 against 1, 3 against 1 and 0, 2 against 0 and 0
    for place, row in enumerate(order):
        tile = picture[-(112 + 3) : -3, 3 + place * 115 : 3 + place * 115 + 112]
        np.testing.assert_array_equal(tile[::56, ::56], pictures.as_seen(seen)[row])


def test_absence_of_mistakes_is_stated(tmp_path):
    act(ConfidentMistakes(tmp_path, LOGITS, LOGITS.argmax(axis=1), images=images(5)[0]), passing())
    assert len(read(tmp_path / "validation")["confident_mistakes"]) == 1


@pytest.mark.compile
def test_embedding_is_input_of_last_layer(tmp_path):
    model = network()
    x, y = images()
    act(Embedding(tmp_path, x, y, ("cat", "big\tdog", "hen")), model)
    folder = tmp_path / "validation"
    (embedding,) = text_format.Parse((folder / "projector_config.pbtxt").read_text(), ProjectorConfig()).embeddings
    inner = keras.Model(model.inputs[0], model.get_layer("outputs").input)
    points = np.loadtxt(folder / embedding.tensor_path, delimiter="\t")
    np.testing.assert_allclose(points, inner.predict(x, verbose=0), rtol=1e-4)
    assert tuple(embedding.tensor_shape) == points.shape == (12, 48)
    header, *rows = (folder / embedding.metadata_path).read_text().splitlines()
    assert header.split("\t") == ["true class", "predicted class", "prediction"]
    predicted = model.predict(x, verbose=0).argmax(axis=1)
    names = ("cat", "big dog", "hen")
    assert [row.split("\t") for row in rows] == [
        [names[true], names[found], "right" if true == found else "wrong"]
        for true, found in zip(y, predicted, strict=True)
    ]
    with Image.open(folder / embedding.sprite.image_path) as image:
        assert image.size == (4 * 28, 4 * 28)
    assert sorted(path.name for path in folder.rglob("*") if path.is_file()) == [
        *("classes.tsv", "images.png", "points.tsv", "projector_config.pbtxt"),
    ]


def test_sprite_places_tiles_in_rows():
    tiles = np.arange(3, dtype=np.uint8).reshape(3, 1, 1, 1).repeat(64, axis=1).repeat(64, axis=2).repeat(3, axis=3)
    picture, size = sprite(tiles)
    assert size == (64, 64)
    assert picture[::64, ::64, 0].tolist() == [[0, 1], [2, 0]]
    assert sprite(np.zeros((1, 256, 128, 3), dtype=np.uint8))[1] == (64, 32)
