"""What a stage may repeat, and what a stage may have of its own, read off the notation."""

from __future__ import annotations

from typing import Any

import pytest
from convscape.spaces.architecture import Architecture
from convscape.spaces.conv_space.blocks import BLOCKS, Style
from convscape.spaces.conv_space.space import ConvSpace
from convscape.spaces.conv_space.stages import DOWNSAMPLING, Stage, after
from convscape.spaces.errors import SpaceError
from convscape.spaces.layers import Flatten, Linear
from convscape.spaces.notation import to_notation
from hypothesis import given, settings, strategies as st
from scripts import Chance

FIXED = {
    "stages": 1, "convolutions": 1, "filters": 16, "growth": 1, "kernel": 3, "large_filters": "single",
    "padding": "same", "downsampling": "none", "norm": "none", "dropout": 0.0, "head": "fc", "hidden": 0,
}  # fmt: skip


def written(**chosen: Any) -> str:
    """The one network of a space with these settings, without its input and last layer."""
    network = ConvSpace(**(FIXED | chosen)).sample(Chance(0), (3, 28, 28), 10)
    return to_notation(network).removeprefix("INPUT[28x28x3] -> ").removesuffix(" -> FC-10")


@pytest.mark.parametrize(
    ("chosen", "expected"),
    [
        ({"convolutions": 2, "norm": "batch"}, "[CONV3-16 -> BN -> RELU]*2"),
        # He et al. 2015, figure 2: two convolutions and a shortcut, projected where the channels change, ReLU after
        (
            {"block": "residual", "norm": "batch"},
            "RESIDUAL[CONV3-16 -> BN -> RELU -> CONV3-16 -> BN | CONV1-16 -> BN] -> RELU",
        ),
        (
            {"block": "residual", "convolutions": 2, "stage1": {"stride": 2}},
            """RESIDUAL[CONV3-16 s2 -> RELU -> CONV3-16 | CONV1-16 s2] -> RELU -> \
RESIDUAL[CONV3-16 -> RELU -> CONV3-16] -> RELU""",
        ),
        # figure 5: a quarter of the width inside
        (
            {"block": "bottleneck", "filters": 64},
            "RESIDUAL[CONV1-16 -> RELU -> CONV3-16 -> RELU -> CONV1-64 | CONV1-64] -> RELU",
        ),
        # Szegedy et al. 2014, table 1, inception (3a): 64, 96 to 128, 16 to 32, pool to 32
        (
            {"block": "inception", "filters": 256},
            """PARALLEL[CONV1-64 -> RELU | CONV1-96 -> RELU -> CONV3-128 -> RELU | \
CONV1-16 -> RELU -> CONV5-32 -> RELU | POOL3 s1 same -> CONV1-32 -> RELU]""",
        ),
        (
            {"block": "inception", "filters": 8, "large_filters": "stack"},
            """PARALLEL[CONV1-2 -> RELU | CONV1-3 -> RELU -> CONV3-4 -> RELU | \
CONV1-1 -> RELU -> [CONV3-1 -> RELU]*2 | POOL3 s1 same -> CONV1-1 -> RELU]""",
        ),
        # Howard et al. 2017, figure 3
        ({"block": "separable", "norm": "batch"}, "CONV3-3 g3 -> BN -> RELU -> CONV1-16 -> BN -> RELU"),
        # Springenberg et al. 2014, section 2: ConvPool and all convolutional
        ({"downsampling": "conv_pool"}, "[CONV3-16 -> RELU]*2 -> POOL3 s2"),
        ({"downsampling": "convolution"}, "CONV3-16 -> RELU -> CONV3-16 s2 -> RELU"),
        (
            {"block": "residual", "downsampling": "strided", "filters": 3},
            "RESIDUAL[CONV3-3 s2 -> RELU -> CONV3-3 | CONV1-3 s2] -> RELU",
        ),
        ({"dilation": 2, "norm": "local_response"}, "CONV3-16 d2 -> RELU -> LRN5 alpha=0.0005"),
        ({"kernel": 1, "dilation": 2}, "CONV1-16 -> RELU"),
        ({"stage_dropout": 0.25}, "CONV3-16 -> RELU -> SPATIALDROPOUT0.25"),
        ({"stage_dropout": 0.25, "dropout_kind": "plain"}, "CONV3-16 -> RELU -> DROPOUT0.25"),
        ({"stages": 0, "hidden": 7, "hidden_layers": 2, "dropout": 0.5}, "[FC-7 -> RELU -> DROPOUT0.5]*2"),
        (
            {"stages": 3, "growth": 2, "stage2": {"filters": 20, "kernel": 1, "norm": "batch", "activation": "tanh"}},
            "CONV3-16 -> RELU -> CONV1-20 -> BN -> TANH -> CONV3-40 -> RELU",
        ),
        (
            {"stages": 2, "stage2": {"growth": 0.5, "stride": 2, "padding": "valid", "downsampling": "max"}},
            "CONV3-16 -> RELU -> CONV3-8 s2 valid -> RELU -> POOL2",
        ),
        ({"stages": 2, "activation": "elu", "hidden": 5, "stage2": {"activation": "tanh"}},
         "CONV3-16 -> ELU -> CONV3-16 -> TANH -> FC-5 -> TANH"),
    ],
)  # fmt: skip
def test_what_a_setting_becomes(chosen: dict[str, Any], expected: str) -> None:
    assert written(**chosen) == expected


def test_an_all_convolutional_head() -> None:
    network = ConvSpace(**(FIXED | {"head": "convolution", "dropout": 0.5})).sample(Chance(0), (3, 28, 28), 10)
    assert to_notation(network) == (
        "INPUT[28x28x3] -> CONV3-16 -> RELU -> DROPOUT0.5 -> CONV1-10 -> GAP -> FLATTEN"
    )  # fmt: skip


@settings(max_examples=300, deadline=None)
@given(
    st.builds(
        Stage, st.integers(1, 3), st.sampled_from(BLOCKS), st.integers(1, 7), st.just("single"), st.integers(1, 3),
        st.integers(1, 4), st.just("same"), st.sampled_from(DOWNSAMPLING),
    ),
    st.integers(1, 9), st.integers(1, 20), st.tuples(st.integers(1, 40), st.integers(1, 40)),
    st.sampled_from(["crop", "pad", "strict"]),
)  # fmt: skip
def test_the_map_a_stage_gives_is_that_of_its_layers(
    stage: Stage, channels: int, filters: int, size: tuple[int, int], fit: Any
) -> None:
    style = Style(filters=filters, norm="batch", dropout=0.5)
    layers = [layer for group in stage.groups(channels, style) for layer in group]
    expected = after(stage, size, fit)
    if expected is None:
        with pytest.raises(Exception, match="layer"):
            Architecture((channels, *size), (*layers, Flatten(), Linear(2)), 2, fit)
    else:
        network = Architecture((channels, *size), (*layers, Flatten(), Linear(2)), 2, fit)
        assert network.steps[-3].output == (stage.channels(style), *expected)


EVERYTHING: dict[str, Any] = {
    "stages": [1, 2, 3, 4], "convolutions": [1, 2, 3], "block": list(BLOCKS), "filters": [4, 6, 16],
    "growth": [0.5, 1, 1.5, 2],
    "kernel": [1, 2, 3, 4, 5, 7], "dilation": [1, 2], "stride": [1, 2, 4], "downsampling": list(DOWNSAMPLING),
    "norm": ["batch", "local_response", "none"], "stage_dropout": [0.0, 0.2], "dropout_kind": ["spatial", "plain"],
    "head": ["fc", "global_average", "convolution"], "hidden": [0, 8], "hidden_layers": [1, 2],
    "fit": ["crop", "pad", "strict"],
}  # fmt: skip


@pytest.mark.parametrize("side", [8, 9, 13, 28, 32, 64, 100, 224, 333, 512])
def test_every_choice_at_once_builds_at_every_size(side: int) -> None:
    space = ConvSpace(**EVERYTHING)
    for seed in range(40):
        network = space.sample(Chance(seed), (3, side, side), 10)
        assert network.steps[-1].output == (10,)


@pytest.mark.parametrize(
    ("chosen", "key", "part"),
    [
        ({"stage6": {"kernel": 3}}, "space.stage6", "at most 5 stages"),
        ({"stage2": 5}, "space.stage2", "not settings"),
        ({"stage2": {"kernal": 5}}, "space.stage2.kernal", "unknown key"),
        ({"stage2": {"kernel": 50}}, "space.stage2.kernel", "out of range"),
        ({"stage1": {"growth": 2}}, "space.stage1.growth", "unknown key"),
        ({"stage2": {"fit": "pad"}}, "space.stage2.fit", "unknown key"),
        ({"stage0": {}}, "space.stage0", "numbered from 1"),
        ({"block": "resnet"}, "space.block", "not known"),
        ({"stages": 8, "filters": 4096, "growth": 4}, "space.growth", "beyond 1,048,576 (LARGEST_WIDTH)"),
        (
            {"stages": 8, "filters": 4096, "stage3": {"growth": [2, 4]}, "growth": {"low": 1.0, "high": 3.9}},
            "space.growth",
            "stage 6 may come to",
        ),
        (
            {
                "kernel": {"low": 1, "high": 31},
                "convolutions": {"low": 1, "high": 16},
                "dilation": {"low": 1, "high": 16},
                "block": list(BLOCKS),
            },
            "space.kernel",
            "(MOST_ALTERNATIVES)",
        ),
    ],
)
def test_what_cannot_be_is_named(chosen: dict[str, Any], key: str, part: str) -> None:
    with pytest.raises(SpaceError) as caught:
        ConvSpace(**chosen)
    assert caught.value.key == key
    assert part in caught.value.message


def test_what_is_wide_and_deep_still_builds() -> None:
    space = ConvSpace(stages=9, filters=4096, growth=2, downsampling="none", kernel=1, convolutions=1, norm="none")
    assert space.sample(Chance(0), (1, 8, 8), 10).steps[-1].output == (10,)


def test_the_rule_that_a_stage_of_its_own_breaks_is_shown() -> None:
    with pytest.raises(SpaceError, match=r"smallest kernels 31, 3, padding valid/same"):
        ConvSpace(**(FIXED | {"stages": 2, "stage1": {"kernel": 31, "padding": "valid"}})).check((1, 8, 8))
