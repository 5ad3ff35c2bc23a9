"""Where the stages of a network begin, and how its tensors are named by them."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import pytest
import torch
from convscape.spaces import parse_notation
from convscape.spaces.classics import CLASSICS, classic
from convscape.trainers.network import build_network
from convscape.trainers.stages import by_paths, by_stages, stages
from hypothesis import given
from strategies import architectures

if TYPE_CHECKING:
    from convscape.spaces.architecture import Architecture


def spans(architecture: Architecture) -> list[tuple[str, int, int]]:
    return [(stage.name, stage.first, stage.last) for stage in stages(architecture)]


def test_vgg_has_its_five_stages_and_its_head() -> None:
    """Simonyan & Zisserman, table 1: five groups of convolutions, each ended by max pooling, and the FC layers."""
    assert spans(classic("vgg16")) == [
        ("stage1", 0, 4), ("stage2", 5, 9), ("stage3", 10, 16), ("stage4", 17, 23), ("stage5", 24, 30),
        ("head", 31, 38),
    ]  # fmt: skip


def test_a_strided_layer_begins_a_stage_and_a_network_of_fc_layers_is_one_part() -> None:
    strided = parse_notation("INPUT[8x8x1] -> CONV3-4 -> RELU -> CONV3-8 s2 -> RELU -> CONV1-10 -> GAP")
    assert spans(strided) == [("stage1", 0, 1), ("stage2", 2, 3), ("head", 4, 5)]
    assert [stage.name for stage in stages(parse_notation("INPUT[8x8x1] -> FC-16 -> RELU -> FC-10"))] == ["layers"]


@pytest.mark.parametrize("name", CLASSICS)
def test_each_layer_of_a_classic_is_in_one_stage(name: str) -> None:
    found = stages(classic(name))
    assert found[0].first == 0
    assert found[-1].last == len(classic(name).layers) - 1
    assert all(one.last + 1 == other.first for one, other in itertools.pairwise(found))


@given(architectures())
def test_names_by_stages_lead_back_to_names_by_paths(architecture: Architecture) -> None:
    with torch.device("meta"):
        tensors = build_network(architecture).state_dict()
    named = by_stages(architecture, tensors)
    assert not set(named) & set(tensors)
    assert list(by_paths(architecture, named)) == list(tensors)
    assert list(by_paths(architecture, tensors)) == list(tensors)
