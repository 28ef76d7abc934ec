"""Diagrams of small networks: structure found in the graph, and the drawing of it."""

import itertools
import re
import xml.etree.ElementTree as ElementTree

import keras
import pytest

from folklore.describe.anatomy import anatomy
from folklore.describe.diagram.graph import Box, Graph, Parallel, Tangle, repetitions
from folklore.describe.diagram.labels import same_stem, title, words
from folklore.describe.diagram.layout import Drawing
from folklore.describe.diagram.svg import diagram
from models.layers import SelectChannels

SVG = "{http://www.w3.org/2000/svg}"


def conv(x, filters, size=3, name=None, **options):
    return keras.layers.Conv2D(filters, size, padding="same", name=name, **options)(x)


def concat(*branches):
    return keras.layers.Concatenate()(branches)


def image():
    return keras.Input((16, 16, 4), name="inputs")


def inception(x):
    """A block with a branch that splits into two, which both end in the outer merge."""
    inner = conv(x, 4)
    branches = [conv(x, 2, 1), conv(conv(x, 3, 1), 4), conv(inner, 2, (1, 3)), conv(inner, 2, (3, 1))]
    return concat(*branches)


def residual(x):
    return keras.layers.ReLU()(keras.layers.Add()([x, conv(keras.layers.BatchNormalization()(conv(x, 4)), 4)]))


def dense_block(x):
    return concat(x, conv(x, 2))


def tangled(x):
    """A block of layers neither in series nor in parallel: each takes all earlier ones."""
    a = conv(x, 2)
    b = conv(concat(x, a), 2)
    c = conv(concat(x, a, b), 2)
    return concat(x, a, b, c)


def model(*builds):
    inputs = image()
    x = inputs
    for build in builds:
        x = build(x)
    return keras.Model(inputs, x)


def parts(made):
    return Graph(anatomy(made)).parts()


def drawn(made):
    return ElementTree.fromstring(diagram("a network", anatomy(made)))


def texts(svg):
    return [text.text for text in svg.iter(f"{SVG}text")]


def two_heads():
    inputs = image()
    x = conv(inputs, 4, name="stem")
    aside = keras.layers.Dense(3, name="aside")(keras.layers.Flatten(name="flat")(x))
    return keras.Model(inputs, [keras.layers.Dense(2)(keras.layers.GlobalMaxPooling2D()(conv(x, 8))), aside])


def two_inputs():
    inputs = [keras.Input((3,), name="one"), keras.Input((2,), name="other")]
    x = keras.layers.Dense(4)(concat(keras.layers.Dense(2)(inputs[0]), inputs[1]))
    return keras.Model(inputs, x + keras.ops.relu(keras.layers.Dense(4)(x)))


MODELS = {
    "inception": lambda: model(inception, inception),
    "residual": lambda: model(residual, residual, residual),
    "dense blocks": lambda: model(dense_block, dense_block),
    "tangled": lambda: model(tangled, tangled),
    "two heads": two_heads,
    "two inputs": two_inputs,
}


def test_branches_and_shortcuts_are_found():
    start, block, end = parts(model(inception, lambda x: conv(x, 2)))
    assert (type(start), type(block), type(end)) == (Box, Parallel, Box)
    assert [len(branch) for branch in block.branches] == [1, 2, 2]
    assert isinstance(block.branches[2][1], Parallel)  # the branch that splits again
    assert not block.shortcut
    _, block = parts(model(residual))
    assert block.shortcut
    assert len(block.branches) == 1
    assert [len(box.layers) for box in (*block.branches[0], block.merge)] == [
        2,
        1,
        2,
    ]  # conv with bn, conv, sum with relu


def test_equal_blocks_in_series_are_drawn_once():
    made = model(residual, residual, residual, inception, dense_block, dense_block)
    assert [len(row.parts) for row in repetitions(parts(made), anatomy(made), set())] == [1, 3, 1, 2]
    assert {"× 3", "× 2", "16×16×12 … 14"} <= set(texts(drawn(made)))


def test_different_blocks_are_not_repetition():
    made = model(residual, lambda x: conv(x, 8, 1), lambda x: conv(x, 8, 1), lambda x: conv(x, 8, 1, activation="relu"))
    # The second convolution has more parameters than the first, the third an activation.
    assert [len(row.parts) for row in repetitions(parts(made), anatomy(made), set())] == [1] * 5


def branches(channels):
    """A block that convolves each set of channels on its own and puts the results together, as in LeNet-5."""
    return lambda x: concat(*(conv(SelectChannels(taken)(x), 1) for taken in channels))


def test_branches_that_differ_only_in_channels_are_drawn_once():
    shown = texts(drawn(model(branches([(0, 1), (1, 2), (0, 1, 2)]))))
    assert "× 3" in shown
    assert shown.count("conv 3×3, 1") == 1


def test_two_branches_that_differ_only_in_channels_are_both_drawn():
    assert texts(drawn(model(branches([(0, 1), (0, 1, 2)])))).count("conv 3×3, 1") == 2


def test_branches_in_which_head_starts_are_all_drawn():
    inputs = image()
    made = [conv(SelectChannels(taken)(inputs), 1, name=f"map_{taken[0]}") for taken in ((0,), (1,), (2,))]
    head = keras.layers.Flatten(name="aside")(made[1])
    assert texts(drawn(keras.Model(inputs, [concat(*made), head]))).count("conv 3×3, 1") == 3


def test_layers_without_branches_are_tangle_with_every_edge():
    _, tangle = parts(model(tangled))
    assert isinstance(tangle, Tangle)
    names = {0: "a", 1: "concat", 2: "b", 3: "concat", 4: "c", 5: "merge", -1: "x"}
    found = [(names[a], names[b]) for a, b in tangle.edges]
    assert sorted(found) == sorted(
        [
            *[("x", "a"), ("x", "concat"), ("x", "concat"), ("x", "merge")],
            *[("a", "concat"), ("a", "concat"), ("a", "merge"), ("concat", "b")],
            *[("b", "concat"), ("b", "merge"), ("concat", "c"), ("c", "merge")],
        ]
    )


def test_heads_are_drawn_where_they_start():
    layers = anatomy(two_heads())
    (head,) = Graph(layers).heads()
    assert layers[head.start].name == "stem"
    assert [[layers[i].name for i in box.layers][-1] for box in head.parts] == ["flat", "aside"]


def test_head_may_have_two_sources():
    inputs = image()
    x = conv(inputs, 4, name="early")
    y = conv(x, 4, name="late", strides=1)
    head = keras.layers.Add(name="head")([x, y])
    made = keras.Model(inputs, [conv(y, 2), keras.layers.Flatten()(head), y])
    layers = anatomy(made)
    (found,) = Graph(layers).heads()
    assert [layers[i].name for i in (found.start, *found.also[0])] == ["late", "early", "head"]
    assert "also an output" in texts(drawn(made))


def test_branch_without_input_from_split_has_no_line_from_it():
    inputs = image()
    x = conv(inputs, 4, name="early")
    y = conv(x, 4, 1, name="late")
    head = keras.layers.Add(name="head")([conv(x, 4, name="aside"), y])
    layers = anatomy(keras.Model(inputs, [conv(y, 2), head]))
    (found,) = Graph(layers).heads()
    (block,) = found.parts
    assert (layers[block.split].name, block.shortcut) == ("late", True)
    drawing = Drawing(layers)
    drawing.draw(block, 0, 0)
    # On the axis start the branch's line into the sum and the shortcut, which a second line brings there.
    assert [line["path"].split()[0] for line in drawing.lines].count("M0") == 2
    assert len(drawing.lines) == 3


@pytest.mark.parametrize("name", MODELS)
def test_all_layers_are_drawn_once_without_overlap(name):
    made = MODELS[name]()
    svg = drawn(made)
    boxes = [tuple(float(box.get(side)) for side in ("x", "y", "width", "height")) for box in svg.iter(f"{SVG}rect")
             if "box" in (box.get("class") or "")]  # fmt: skip
    for (ax, ay, aw, ah), (bx, by, bw, bh) in itertools.combinations(boxes, 2):
        assert ax + aw <= bx or bx + bw <= ax or ay + ah <= by or by + bh <= ay
    width, height = float(svg.get("width")), float(svg.get("height"))
    assert all(x > 0 and y > 0 and x + w < width and y + h < height for x, y, w, h in boxes)
    named = [name for group in svg.iter(f"{SVG}g") for name in group.find(f"{SVG}title").text.split(", ")]
    assert len(named) == len(set(named))
    if "×" not in "".join(text for text in texts(svg) if text.startswith("× ")):
        assert set(named) == {layer.name for layer in anatomy(made)}


def test_boxes_show_operations_names_and_shapes():
    inputs = image()
    x = conv(keras.layers.ZeroPadding2D(1, name="conv_1_pad")(inputs), 8, name="conv_1", strides=2)
    x = keras.layers.Activation("leaky_relu", name="conv_1_activation")(
        keras.layers.BatchNormalization(name="conv_1_bn")(x)
    )
    x = keras.layers.MaxPooling2D(2)(x)
    x = keras.layers.Dense(100, activation="softmax", name="outputs")(keras.layers.Flatten()(x))
    shown = texts(drawn(keras.Model(inputs, x)))
    assert {"zero pad 1", "conv 3×3, 8, /2", "batch norm, leaky relu", "max pool 2×2, /2"} <= set(shown)
    assert {"dense 100", "softmax", "conv_1", "9×9×8", "328 parameters"} <= set(shown)


@pytest.mark.parametrize(
    ("layer", "expected"),
    [
        (keras.layers.Conv2D(4, (1, 7), dilation_rate=2, groups=2), "conv 1×7, 4, 2 groups, dilated 2"),
        (keras.layers.DepthwiseConv2D(3, strides=2), "depthwise conv 3×3, /2"),
        (keras.layers.AveragePooling2D(3, 1), "average pool 3×3"),
        (keras.layers.GlobalAveragePooling2D(), "global average pool"),
        (keras.layers.Dropout(0.25), "dropout 0.25"),
        (keras.layers.ZeroPadding2D(((0, 1), (2, 3))), "zero pad 0+1 × 2+3"),
        (keras.layers.UpSampling2D(), "up sampling"),
        (keras.layers.PReLU(), "prelu"),
    ],
)
def test_words_describe_layer(layer, expected):
    inputs = keras.Input((20, 20, 4))
    assert words(anatomy(keras.Model(inputs, layer(inputs)))[1]) == expected


def test_titles_are_common_stems_of_names():
    assert same_stem("conv_1", "conv_1_bn")
    assert same_stem("block_1_conv", "block_1_relu")
    assert not same_stem("hidden_1", "hidden_2")
    assert not same_stem("conv_1", "conv_10")
    assert title(["block_1_conv", "block_1_bn", "block_1"], "") == "block_1"
    assert title(["block_10", "block_11"], "") == "block"
    assert title(["conv", "dense"], "otherwise") == "otherwise"


def test_text_is_escaped_and_ascii():
    inputs = keras.Input((2,), name="<x>&\x01é")
    svg = diagram('<"a">', anatomy(keras.Model(inputs, keras.layers.Dense(2)(inputs))))
    assert svg.isascii()
    assert not re.search(r"<x>|<\"a", svg)
    assert {'<"a">', "<x>& é"} <= set(texts(ElementTree.fromstring(svg)))
