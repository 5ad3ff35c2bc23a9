"""One convolution beside its alternatives: the figures of the textbooks, as text of 80 columns and as JSON."""

from __future__ import annotations

import json

import pytest
from convscape.spaces.alternatives import alternatives_to, format_alternatives
from convscape.spaces.classics.catalog import classic
from convscape.spaces.errors import ArchitectureError
from convscape.spaces.layer_table import place
from convscape.spaces.layers import Conv
from convscape.spaces.parsing import parse_notation
from hypothesis import given
from strategies import architectures


def test_alexnets_first_layer() -> None:
    """CS231n ConvNet notes: 34,944 parameters shared and 105,705,600 unshared; [96 x 363] times [363 x 3025]."""
    text = format_alternatives(classic("alexnet"), "0")
    assert text.startswith("layer 0: CONV11-96 s4 valid, 227x227x3 -> 55x55x96\n")
    words = " ".join(text.split())
    assert "shared by all places (CONV) 34,944 unshared (LOCAL, locally connected) 105,705,600 fully" in words
    assert f"fully connected (FC) {290_400 * (3 * 227 * 227 + 1):,}" in words
    assert "[96 x 363] · [363 x 3025] = [96 x 3025]" in words
    first = 225 * 225 * 96 * 3 * 9
    others = sum(side * side * 96 * 96 * 9 for side in (223, 221, 219, 55))
    assert f"1 of 11x11 34,944 105M 1 290k 5 of 3x3 334,848 {(first + others) / 1e9:.1f}G 5" in words
    assert "reduction" not in words  # three channels are not worth reducing


def test_a_3x3_has_a_reduction_and_no_stack() -> None:
    """He et al. 2015, figure 5: 256 maps behind 1x1 to 64."""
    convolution = "INPUT[14x14x256] -> CONV3-256 -> GAP"
    text = format_alternatives(parse_notation(convolution), "0")
    words = " ".join(text.split())
    assert "1x1 reduction to 64 of its 256 maps alone 590,080 with the 1x1 before it 164,160" in words
    assert "stack" not in words
    assert alternatives_to(parse_notation(convolution), "0")["reduction"] == {
        "maps": 64,
        "direct": 590_080,
        "reduced": 164_160,
    }


def test_groups_are_no_one_product_and_1x1_has_no_smaller_form() -> None:
    network = parse_notation("INPUT[8x8x8] -> CONV3-8 g2 -> CONV1-8 -> GAP")
    grouped, one = (alternatives_to(network, path) for path in "01")
    assert grouped["matrix_product"] is grouped["reduction"] is one["reduction"] is one["stacks"] is None
    assert "im2col" not in format_alternatives(network, "0")
    assert "im2col" in format_alternatives(network, "1")


def test_the_network_s_fit_rule_holds() -> None:
    sizes = [
        alternatives_to(parse_notation(f"INPUT[8x8x1]{fit} -> CONV5-4 s2 valid -> GAP"), "0")
        for fit in ("", " fit=pad")
    ]
    assert [found["output"] for found in sizes] == [[4, 2, 2], [4, 3, 3]]
    assert [found["parameters"]["unshared"] for found in sizes] == [4 * 26 * 4, 9 * 26 * 4]
    assert [stack["output"] for found in sizes for stack in found["stacks"]] == [(4, 2, 2)] * 2 + [(4, 3, 3)] * 2


def test_a_place_as_in_the_table_or_in_json() -> None:
    googlenet = classic("googlenet")
    assert alternatives_to(googlenet, "10.1.2") == alternatives_to(googlenet, "10.branches.1.2")
    assert alternatives_to(googlenet, "10.1.2")["path"] == "10.branches.1.2"
    resnet = classic("resnet50")
    assert alternatives_to(resnet, "4.skip.0") == alternatives_to(resnet, "4.shortcut.0")


def test_a_place_without_a_convolution_is_refused_and_names_those_with_one() -> None:
    vgg = classic("vgg16")
    with pytest.raises(ArchitectureError, match="layer 1: RELU is not a convolution") as caught:
        alternatives_to(vgg, "1")
    assert "0, 2, 5, 7, 10, 12, 14, 17, 19, 21, 24, 26, 28" in caught.value.remedy
    with pytest.raises(ArchitectureError, match="layer 99: this network has none there") as caught:
        format_alternatives(vgg, "99")
    assert "0, 2, 5, 7, 10, 12, 14, 17, 19, 21, 24, 26, 28" in caught.value.remedy
    with pytest.raises(ArchitectureError) as caught:
        alternatives_to(classic("resnet152"), "4.bdy.0")
    assert "Did you mean '4.body.0'?" in caught.value.remedy
    assert "155 in all" in caught.value.remedy
    with pytest.raises(ArchitectureError, match="no layer of this network is a convolution"):
        alternatives_to(parse_notation("INPUT[8x8x3] -> FC-10"), "0")


@given(architectures(most_layers=10))
def test_every_convolution_of_every_network_has_its_alternatives_in_80_columns(architecture) -> None:
    for step in architecture.steps:
        if isinstance(step.layer, Conv):
            text = format_alternatives(architecture, step.path)
            assert all(len(line) <= 80 for line in text.splitlines())
            assert json.loads(json.dumps(alternatives_to(architecture, step.path)))["path"] == step.path
            assert len(place(step.path)) <= 16


def test_the_largest_numbers_fit() -> None:
    text = format_alternatives(parse_notation("INPUT[1024x1024x1048576] -> CONV1023-1048576 -> GAP"), "0")
    assert all(len(line) <= 80 for line in text.splitlines())
