"""What is counted while images pass: dead filters, the last hidden layer, and where a filter answers most."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from convscape.spaces import parse_notation
from convscape.trainers.insight import Sample
from convscape.trainers.insight.observation import observable_images, observe
from convscape.trainers.insight.places import first_weights, head_index, stage_ends
from convscape.trainers.insight.subject import observable
from convscape.trainers.insight.top_activations import cut, window

from .conftest import noise, untrained


def test_a_filter_that_is_dead_by_construction_is_counted() -> None:
    classifier = observable(untrained("INPUT[6x6x1] -> CONV3-4 -> RELU -> FC-3 -> RELU -> FC-2"))
    conv = classifier.network.get_submodule("0")
    conv.weight[2] = 0.0  # pyright: ignore[reportIndexIssue]
    conv.bias[2] = -1.0  # pyright: ignore[reportIndexIssue]
    conv.bias[0] = 9.0  # pyright: ignore[reportIndexIssue]
    found = observe(classifier, noise(classifier, 70))
    assert found.activities[0].dead.tolist() == [False, False, True, False]
    assert 0.25 < found.activities[0].zeros < 1


def test_the_last_hidden_layer_is_what_goes_into_the_scores() -> None:
    classifier = observable(untrained("INPUT[6x6x1] -> CONV3-4 -> RELU -> POOL2 -> FC-5 -> TANH -> FC-2"))
    sample = noise(classifier, 70)
    found = observe(classifier, sample)
    with torch.inference_mode():
        hidden = torch.nn.Sequential(*list(classifier.network.children())[:-1])
        wanted = hidden(classifier.prepared(torch.tensor(sample.pixels)))
    assert found.features is not None
    assert torch.allclose(found.features, wanted, atol=1e-6)
    assert torch.allclose(found.probabilities, classifier.probabilities(torch.tensor(sample.pixels)), atol=1e-6)


def test_of_an_all_convolutional_head_the_maps_means_are_the_last_hidden_layer() -> None:
    classifier = observable(untrained("INPUT[6x6x1] -> CONV3-4 -> RELU -> CONV1-3 -> GAP"))
    found = observe(classifier, noise(classifier, 5))
    assert found.features is not None
    assert found.features.shape == (5, 4)


def test_a_bright_spot_is_found_and_cut_out() -> None:
    classifier = observable(
        untrained("INPUT[12x12x1] -> CONV3-1 -> RELU -> POOL2 -> CONV3-1 -> RELU -> FC-2", mean=(0.0,))
    )
    for path in ("0", "3"):  # each passes on the cell in the middle of its window
        weight = classifier.network.get_submodule(path).weight
        weight.zero_()  # pyright: ignore[reportCallIssue]
        weight[0, 0, 1, 1] = 1.0  # pyright: ignore[reportIndexIssue]
    pixels = np.zeros((2, 1, 12, 12), np.uint8)
    pixels[1, 0, 7, 3] = 255
    found = observe(classifier, Sample(pixels=pixels))
    for excitement, seen in zip(found.top_activations, ((6, 2, 3, 3), (3, -1, 8, 8)), strict=True):
        part = window(excitement.step, int(excitement.place[1, 0]))
        assert part == seen
        patch = cut(torch.tensor(pixels[1]) / 255, part, (0.5,))
        assert patch.shape == (1, *seen[2:])
        assert patch[0, 7 - seen[0], 3 - seen[1]] == 1.0


def test_what_lies_outside_of_an_image_is_its_mean() -> None:
    image = torch.ones(1, 4, 4)
    assert cut(image, (-1, 2, 3, 3), (0.5,))[0].tolist() == [[0.5, 0.5, 0.5], [1, 1, 0.5], [1, 1, 0.5]]
    assert torch.equal(cut(image, (-3, -3, 9, 9), (0.5,)), image)


@pytest.mark.parametrize(
    ("notation", "most"),
    [
        ("INPUT[8x8x1] -> CONV3-4 -> FC-2", 1000),
        ("INPUT[224x224x3] -> [CONV3-512 -> RELU]*4 -> GAP -> FC-2", 64),  # time
        ("INPUT[224x224x3] -> CONV3-64 -> FC-2", 2**26 // (224 * 224 * 64)),  # memory
    ],
)
def test_so_many_images_are_looked_at_as_time_and_memory_allow(notation: str, most: int) -> None:
    small = untrained("INPUT[8x8x1] -> FC-2")
    assert observable_images(replace(small, architecture=parse_notation(notation)), 1000) == most


@pytest.mark.parametrize(
    ("notation", "first", "head", "ends"),
    [
        ("INPUT[8x8x1] -> FC-2", "1", None, []),
        ("INPUT[8x8x1] -> FC-4 -> RELU -> FC-2", "1", 3, []),
        ("INPUT[8x8x1] -> CONV3-4 -> BN -> RELU -> POOL2 -> CONV3-4 -> RELU -> FC-2", "0", 7, ["2", "5"]),
        ("INPUT[8x8x1] -> POOL2 -> CONV3-4 -> POOL2 -> FC-2", "1", 4, ["1"]),
        ("INPUT[9x9x1] -> [CONV3-4 valid -> RELU]*2 -> POOL2 -> CONV1-4 -> FC-2", "0", 7, ["3", "5"]),
    ],
)
def test_it_looks_at_the_first_weights_the_last_ones_and_the_end_of_each_stage(
    notation: str, first: str, head: int | None, ends: list[str]
) -> None:
    architecture = parse_notation(notation)
    step = first_weights(architecture)
    assert step is not None
    assert step.path == first
    assert head_index(architecture) == head
    assert [step.path for _, step in stage_ends(architecture)] == ends
