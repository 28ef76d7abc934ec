"""Published networks: parameter counts and output shapes match the papers' tables and reference implementations."""

from pathlib import Path

import keras
import pytest

from models import PUBLISHED
from models.auxiliary import without_auxiliaries

pytestmark = pytest.mark.compile

# Outputs of layers as the papers' tables have them: (height, width, channels), or units.
SHAPES = {
    "lenet5": {  # figure 2
        "c1": (28, 28, 6), "s2": (14, 14, 6), "c3": (10, 10, 16), "s4": (5, 5, 16), "c5": (1, 1, 120),
        "hidden_1": (84,), "outputs": (10,),
    },
    "alexnet": {  # figure 2, both halves together
        "conv_1": (55, 55, 96), "pool_1": (27, 27, 96), "conv_2": (27, 27, 256), "pool_2": (13, 13, 256),
        "conv_3": (13, 13, 384), "conv_4": (13, 13, 384), "conv_5": (13, 13, 256), "pool_5": (6, 6, 256),
        "hidden_1": (4096,), "hidden_2": (4096,), "outputs": (1000,),
    },
    "vgg16": {  # table 1, column D
        "stage_1_conv_2": (224, 224, 64), "stage_1_pool": (112, 112, 64), "stage_2_conv_2": (112, 112, 128),
        "stage_2_pool": (56, 56, 128), "stage_3_conv_3": (56, 56, 256), "stage_3_pool": (28, 28, 256),
        "stage_4_conv_3": (28, 28, 512), "stage_4_pool": (14, 14, 512), "stage_5_conv_3": (14, 14, 512),
        "stage_5_pool": (7, 7, 512), "hidden_1": (4096,), "hidden_2": (4096,), "outputs": (1000,),
    },
    "googlenet": {  # table 1, and section 5 for the auxiliary classifiers
        "conv_1": (112, 112, 64), "pool_1": (56, 56, 64), "conv_2": (56, 56, 192), "pool_2": (28, 28, 192),
        "inception_3a": (28, 28, 256), "inception_3b": (28, 28, 480), "pool_3": (14, 14, 480),
        "inception_4a": (14, 14, 512), "inception_4b": (14, 14, 512), "inception_4c": (14, 14, 512),
        "inception_4d": (14, 14, 528), "inception_4e": (14, 14, 832), "pool_4": (7, 7, 832),
        "inception_5a": (7, 7, 832), "inception_5b": (7, 7, 1024), "average": (1024,), "outputs": (1000,),
        "auxiliary_1_pool": (4, 4, 512), "auxiliary_2_pool": (4, 4, 528), "auxiliary_1_conv": (4, 4, 128),
        "auxiliary_2_hidden_1": (1024,), "auxiliary_2_outputs": (1000,),
    },
    "resnet34": {  # 2015, table 1
        "stem": (112, 112, 64), "stem_pool": (56, 56, 64), "stage_1_block_3_add": (56, 56, 64),
        "stage_2_block_4_add": (28, 28, 128), "stage_3_block_6_add": (14, 14, 256), "stage_4_block_3_add": (7, 7, 512),
        "average": (512,), "outputs": (1000,),
    },
    "resnet50": {
        "stem": (112, 112, 64), "stem_pool": (56, 56, 64), "stage_1_block_3_conv_2": (56, 56, 64),
        "stage_1_block_3_add": (56, 56, 256), "stage_2_block_4_add": (28, 28, 512),
        "stage_3_block_6_add": (14, 14, 1024), "stage_4_block_3_add": (7, 7, 2048), "average": (2048,),
    },
    "resnet20": {  # 2015, section 4.2
        "stem": (32, 32, 16), "stage_1_block_3_add": (32, 32, 16), "stage_2_block_3_add": (16, 16, 32),
        "stage_3_block_3_add": (8, 8, 64), "average": (64,), "outputs": (10,),
    },
    "densenet121": {  # table 1
        "stem": (112, 112, 64), "stem_pool": (56, 56, 64), "block_1_layer_6": (56, 56, 64 + 6 * 32),
        "transition_1": (56, 56, 128), "transition_1_pool": (28, 28, 128), "block_2_layer_12": (28, 28, 512),
        "transition_2_pool": (14, 14, 256), "block_3_layer_24": (14, 14, 1024), "transition_3_pool": (7, 7, 512),
        "block_4_layer_16": (7, 7, 1024), "average": (1024,), "outputs": (1000,),
    },
}  # fmt: skip


def build(name, **options):
    """With zeros for weights: drawing a hundred million takes seconds."""
    network = PUBLISHED[name]
    params = {**network.params, "initializer": "zeros", **options}
    return network.build(network.input_shape, network.outputs, **params)


def trained(model):
    return sum(int(keras.ops.size(weight)) for weight in model.trainable_weights)


def test_page_of_networks_matches_table():
    page = (Path(__file__).parent.parent / "docs" / "networks.md").read_text(encoding="utf-8")
    for name, network in PUBLISHED.items():
        assert (
            f"| `{name}` | {network.paper} | {network.parameters:,} | {network.parameters:,} | {network.reference} |"
            in page
        )


def test_parameter_counts_follow_from_papers():
    # 1998, section II.B: C1, S2, C3, S4, C5 and F6.
    assert PUBLISHED["lenet5"].parameters == 156 + 12 + 1_516 + 32 + 48_120 + 10_164 + 84 * 10 + 10
    assert PUBLISHED["vgg16c"].parameters == PUBLISHED["vgg16"].parameters - 8 * 256**2 - 16 * 512**2


@pytest.mark.parametrize("name", sorted(PUBLISHED))
def test_parameters_and_shapes_match_papers(name):
    model = build(name)
    assert trained(model) == PUBLISHED[name].parameters
    assert {layer: tuple(model.get_layer(layer).output.shape[1:]) for layer in SHAPES.get(name, {})} == SHAPES.get(
        name, {}
    )


def test_googlenet_without_auxiliaries_matches_reference():
    # BVLC's GoogLeNet as it is deployed.
    assert trained(build("googlenet", auxiliary=False)) == 6_998_552
    assert trained(without_auxiliaries(build("googlenet"))) == 6_998_552


def test_alexnet_takes_image_size_of_paper():
    network = PUBLISHED["alexnet"]
    model = network.build((224, 224, 3), 1000, initializer="zeros")
    assert model.get_layer("conv_1_padding").padding == ((1, 2), (1, 2))
    assert model.get_layer("conv_1").output.shape == (None, 55, 55, 96)
    assert trained(model) == PUBLISHED["alexnet"].parameters
    # Without the split over two GPUs: conv_2, conv_4 and conv_5 see all channels.
    assert trained(build("alexnet", groups=1)) == PUBLISHED["alexnet"].parameters + 25 * 48 * 256 + 9 * 192 * (
        384 + 256
    )


def test_lenet_parts_match_paper():
    model = build("lenet5")
    parts = {layer: model.get_layer(layer).count_params() for layer in ("c1", "s2_coefficient", "s4_coefficient", "c5")}
    assert parts == {"c1": 156, "s2_coefficient": 12, "s4_coefficient": 32, "c5": 48_120}
    assert sum(model.get_layer(f"c3_map_{number}").count_params() for number in range(1, 17)) == 1_516


def test_resnet_shortcuts_cost_parameters_stated_in_paper():
    plain, padded = (trained(build("resnet20", shortcut=shortcut)) for shortcut in ("none", "identity"))
    assert plain == padded == PUBLISHED["resnet20"].parameters
    # Option B: 1×1 convolutions 16-32 and 32-64 with their normalisation.
    projected = padded + (16 * 32 + 2 * 32) + (32 * 64 + 2 * 64)
    assert trained(build("resnet20", shortcut="projection")) == projected
    # Option C: beside each of the nine blocks.
    further = 3 * (16 * 16 + 2 * 16) + 2 * (32 * 32 + 2 * 32) + 2 * (64 * 64 + 2 * 64)
    assert trained(build("resnet20", shortcut="all projections")) == projected + further
