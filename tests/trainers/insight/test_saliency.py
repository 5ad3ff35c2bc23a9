"""Saliency: what is known by hand, and that it is the network's and not the image's."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import torch
from convscape.spaces import Architecture
from convscape.spaces.layers import Activation, Conv, Flatten, Linear
from convscape.trainers import build_network
from convscape.trainers.insight.occlusion import occlusion
from convscape.trainers.insight.saliency import (
    RANDOM_SEED,
    gradient_saliency,
    guided_saliency,
    likeness_to_random,
    segmented,
    why_not_guided,
)
from convscape.trainers.insight.subject import observable

from .conftest import untrained

if TYPE_CHECKING:
    from convscape.trainers import Classifier
    from convscape.trainers.data.dataset import Dataset

LINEAR = Architecture((3, 4, 4), (Flatten(), Linear(5)), classes=5)
FOLDED = Architecture(
    (1, 2, 2), (Conv(2, 1, bias=False), Activation("relu"), Conv(2, 1, bias=False), Flatten(), Linear(2)), 2
)


def test_a_linear_network_s_saliency_is_the_size_of_its_weights() -> None:
    classifier = observable(untrained(LINEAR))
    classes = torch.tensor([3, 0])
    weights = classifier.network.get_submodule("1").weight.view(5, 3, 4, 4)  # pyright: ignore[reportCallIssue]
    found = gradient_saliency(classifier.network, torch.randn(2, 3, 4, 4), classes)
    assert torch.allclose(found, weights[classes].abs().amax(1))


def test_guided_backpropagation_lets_positive_gradients_pass_alone() -> None:
    """The score is relu(x) - relu(-x), x the sum of the pixels: a slope of 1, but where x < 0 it goes through a -1."""
    network = build_network(FOLDED, inplace=False).eval().requires_grad_(False)
    for path, weights in (("0", [[1.0], [-1.0]]), ("2", [[1.0, -1.0], [0.0, 0.0]])):
        network.get_submodule(path).weight.copy_(torch.tensor(weights)[:, :, None, None])  # pyright: ignore[reportCallIssue]
    network.get_submodule("4").weight.copy_(torch.tensor([[1.0] * 4 + [0.0] * 4, [0.0] * 8]))  # pyright: ignore[reportCallIssue]
    images = torch.tensor([[[[1.0, -1.0], [2.0, -3.0]]]])
    score = torch.tensor([0])
    assert gradient_saliency(network, images, score).tolist() == [[[1, 1], [1, 1]]]
    assert guided_saliency(network, images, score).tolist() == [[[1, 0], [1, 0]]]


@pytest.mark.parametrize(
    ("notation", "said"),
    [
        ("INPUT[4x4x1] -> CONV3-2 -> RELU -> FC-2", ""),
        ("INPUT[4x4x1] -> CONV3-2 -> GELU -> FC-2", "has gelu"),
        ("INPUT[4x4x1] -> CONV3-2 -> RELU -> FC-3 -> TANH -> FC-2", "has relu and tanh"),
        ("INPUT[4x4x1] -> FC-2", "has no nonlinearity"),
    ],
)
def test_guided_backpropagation_is_for_relu_alone(notation: str, said: str) -> None:
    why = why_not_guided(untrained(notation))
    assert (why == "") if not said else said in why


def test_random_weights_change_the_saliency(trained: Classifier, digits: Dataset) -> None:
    """Adebayo et al. 2018: a method that does not depend on the weights says nothing about the network."""
    watched = observable(trained)
    images = watched.prepared(torch.tensor(digits.validation.images[:8]))
    classes = torch.tensor(digits.validation.labels[:8])
    found = gradient_saliency(watched.network, images, classes)
    likeness = likeness_to_random(watched, images, classes, found)
    assert likeness is not None
    assert abs(likeness) < 0.5
    random = build_network(trained.architecture, RANDOM_SEED, inplace=False).eval()
    alike = likeness_to_random(watched, images, classes, gradient_saliency(random, images, classes))
    assert alike == pytest.approx(1)


def test_a_threshold_cuts_out_the_largest_piece() -> None:
    saliency = torch.zeros(2, 28, 28)
    saliency[0, 4:14, 4:14] = 1.0
    saliency[0, 22:27, 22:27] = 1.0
    cut = segmented(saliency)
    assert cut[0, 6:12, 6:12].all()
    assert not cut[0, 20:, 20:].any()
    assert not cut[1].any()


def test_a_patch_lowers_the_probability_where_it_covers_what_counts() -> None:
    """Class 1 is there where the pixel at (1, 6) is bright, and only that counts."""
    classifier = observable(untrained(Architecture((1, 8, 8), (Flatten(), Linear(2)), classes=2)))
    layer = classifier.network.get_submodule("1")
    layer.weight.zero_()  # pyright: ignore[reportCallIssue]
    layer.weight[1, 8 + 6] = 3.0  # pyright: ignore[reportIndexIssue]
    layer.bias.zero_()  # pyright: ignore[reportCallIssue]
    covered, patch = occlusion(classifier, torch.ones(1, 1, 8, 8), torch.tensor([1]))
    whole = torch.tensor(3.0).sigmoid()
    assert patch == (2, 2)
    assert covered[0, 1, 6] == pytest.approx(0.5)
    near = torch.zeros(8, 8, dtype=torch.bool)
    near[0:3, 5:8] = True
    assert torch.allclose(covered[0][~near], whole)
    assert (covered[0][near] < whole - 0.05).all()
