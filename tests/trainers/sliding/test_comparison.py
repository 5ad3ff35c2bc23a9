"""One pass beside the crops: equal but for rounding where no layer pads; told, and not zero, where one does."""

from __future__ import annotations

import json

import pytest
import torch
from convscape.spaces.errors import ArchitectureError
from convscape.spaces.parsing import parse_notation
from convscape.trainers.network import build_network
from convscape.trainers.sliding import CropComparison, compare_with_crops

HEAD = "RELU -> POOL2 -> FC-16 -> RELU -> FC-4"


def compared(line: str, size: int, count: int = 2) -> CropComparison:
    network = build_network(architecture := parse_notation(line)).eval()
    images = torch.randn(count, architecture.input[0], size, size, generator=torch.Generator().manual_seed(0))
    return compare_with_crops(architecture, network, images, repeats=3)


def test_without_padding_the_difference_is_rounding() -> None:
    found = compared(f"INPUT[16x16x3] -> CONV3-8 valid -> RELU -> POOL2 -> CONV3-8 valid -> {HEAD}", 27)
    assert not found.pads
    assert (found.stride, found.places, found.size, found.crop) == ((4, 4), (3, 3), (3, 27, 27), (3, 16, 16))
    assert 0 < found.difference < 2e-6
    assert found.inner_difference is not None
    assert found.inner_difference <= found.difference
    assert found.agreement == 1


def test_with_padding_the_difference_is_told() -> None:
    """Around a crop there are zeros where the pass sees the image, in the middle of it as much as elsewhere."""
    found = compared(f"INPUT[16x16x3] -> CONV3-8 -> RELU -> POOL2 -> CONV3-8 -> {HEAD}", 28)
    assert found.pads
    assert found.places == (4, 4)
    assert found.difference > 0.01
    assert found.inner_difference is not None
    assert found.inner_difference > 0.01


def test_at_the_own_size_padding_makes_no_difference() -> None:
    found = compared(f"INPUT[16x16x3] -> CONV3-8 -> {HEAD}", 16)
    assert (found.pads, found.places, found.inner_difference, found.agreement) == (True, (1, 1), None, 1)
    assert found.difference < 2e-6


def test_a_place_of_another_answer_counts_against_the_agreement() -> None:
    """Two classes, and a border of ones: a crop with zeros around it answers otherwise than the pass that sees ones."""
    architecture = parse_notation("INPUT[2x2x1] -> CONV3-2 -> AVGPOOL2 -> FC-2")
    network = build_network(architecture)
    state = {name: torch.zeros_like(values) for name, values in network.state_dict().items()}
    state["0.weight"][0] = 1.0  # counts the ones around a cell: 4 in a crop of 2x2; 6 or 9 where the pass sees more
    state["3.weight"][0, 0], state["3.bias"][1] = 1.0, 4.5
    network.load_state_dict(state)
    found = compare_with_crops(architecture, network.eval(), torch.ones(1, 1, 4, 6), repeats=1)
    assert found.places == (2, 3)
    assert found.agreement == 0
    assert found.difference == pytest.approx((7.5 - 4) / 4.5)


def test_seconds_are_of_both_and_go_into_json() -> None:
    found = compared(f"INPUT[8x8x1] -> CONV3-2 valid -> {HEAD}", 10)
    assert len(found.pass_seconds) == len(found.crops_seconds) == len(found.ratios) == 3
    assert min(found.pass_seconds + found.crops_seconds) > 0
    values = json.loads(json.dumps(found.to_json()))
    assert values["ratio"]["median"] == sorted(found.ratios)[1]
    assert values["pass_seconds"]["range"] == [min(found.pass_seconds), max(found.pass_seconds)]
    assert (values["images"], values["ratio"]["n"]) == (2, 3)


def test_a_head_of_an_average_has_no_map_to_compare() -> None:
    with pytest.raises(ArchitectureError, match="one vector of scores"):
        compared("INPUT[8x8x1] -> CONV3-3 -> GAP", 12)
