"""A trained network that slides: the scores of one pass are those of the crops, where no layer pads."""

from __future__ import annotations

from typing import Any

import pytest
import torch
import torch.nn.functional as F  # noqa: N812
from convscape.spaces.architecture import Architecture
from convscape.spaces.classics.catalog import classic
from convscape.spaces.errors import ArchitectureError, CheckpointError
from convscape.spaces.layers import (
    Activation,
    BatchNorm,
    Conv,
    Dropout,
    Flatten,
    Layer,
    Linear,
    Parallel,
    Pool,
    Residual,
)
from convscape.spaces.parsing import parse_notation
from convscape.spaces.sliding import fully_convolutional, total_stride
from convscape.spaces.tracing import trace
from convscape.trainers.modules import OneCellConv2d
from convscape.trainers.network import build_network
from convscape.trainers.sliding import (
    FullyConvolutional,
    average_scores,
    convert_weights,
    crops,
    slide,
    sliding_network,
    sliding_probabilities,
)
from hypothesis import assume, given, settings, strategies as st
from strategies import activations, architectures, norms
from torch import Tensor, nn


def trained(architecture: Architecture) -> nn.Module:
    """A network in double precision whose batch norms and biases are no identity."""
    network = build_network(architecture, seed=1).double().eval()
    generator = torch.Generator().manual_seed(2)
    for name, values in network.state_dict().items():
        if name.endswith(("bias", "running_mean")):
            values.normal_(0, 0.3, generator=generator)
        elif name.endswith("running_var"):
            values.uniform_(0.5, 2, generator=generator)
    return network


def images(count: int, channels: int, height: int, width: int) -> Tensor:
    generator = torch.Generator().manual_seed(3)
    return torch.randn(count, channels, height, width, generator=generator, dtype=torch.float64)


def close(found: Tensor, wanted: Tensor) -> bool:
    """Whether scores are equal but for rounding, as a part of the largest."""
    assert found.shape == wanted.shape
    return bool((found - wanted).abs().max() <= 1e-9 * wanted.abs().max().clamp(min=1e-3))


def scores_of_crops(network: nn.Module, over: Tensor, size: Any, stride: Any) -> Tensor:
    """(N, classes, H', W') of a network that looks at each crop by itself."""
    windows = crops(over, size, stride)
    with torch.inference_mode():
        return torch.stack([torch.stack([network(row) for row in image]) for image in windows]).permute(0, 3, 1, 2)


@given(architectures(most_layers=8))
def test_converted_weights_give_the_same_scores_on_an_image_of_the_own_size(architecture: Architecture) -> None:
    try:
        fully_convolutional(architecture)
    except ArchitectureError:
        return
    network = trained(architecture)
    own = images(2, *architecture.input)
    with torch.inference_mode():
        wanted = network(own)
    assert close(slide(sliding_network(architecture, network.state_dict()), own), wanted[..., None, None])


@st.composite
def unpadded(draw: st.DrawFn) -> Architecture:
    """Any network without padding whose head does not look at the whole map at once: it slides with a stride."""
    layers: list[Layer] = []
    shape: tuple[int, ...] = (draw(st.integers(1, 3)), draw(st.integers(4, 12)), draw(st.integers(4, 12)))
    image = shape
    window = st.tuples(st.integers(1, 3), st.integers(1, 3))
    for _ in range(draw(st.integers(1, 5))):
        kernel, stride, dilation = draw(window), draw(window), draw(st.sampled_from([1, 1, 2]))
        filters = draw(st.integers(1, 4))
        conv, pool = Conv(filters, kernel, stride, "valid"), Pool("average", kernel, stride)
        kinds = [
            st.just(Conv(filters, kernel, stride, "valid", dilation=dilation)),
            st.sampled_from([Pool(mode, kernel, stride) for mode in ("max", "average", "l2")]),
            activations(), norms(), st.just(Dropout(0.5)),
            st.just(Residual((conv,), (pool, Conv(filters, 1)))), st.just(Parallel(((conv, BatchNorm()), (pool,)))),
        ]  # fmt: skip
        layer = draw(st.one_of(kinds))
        try:
            shape = trace((layer,), shape, "crop")[-1].output
        except ArchitectureError:
            continue
        layers.append(layer)
    hidden = draw(st.sampled_from([(), (Linear(5), BatchNorm(), Activation())]))
    return Architecture(image, (*layers, Flatten(), *hidden, Linear(3)), 3)


@settings(max_examples=40)
@given(unpadded(), st.integers(0, 9), st.integers(0, 9))
def test_without_padding_a_map_has_the_scores_of_the_crops(architecture: Architecture, down: int, right: int) -> None:
    stride = total_stride(architecture)
    assert stride
    channels, height, width = architecture.input
    network, over = trained(architecture), images(1, channels, height + down, width + right)
    sliding = sliding_network(architecture, network.state_dict())
    try:
        scores = slide(sliding, over)
    except ArchitectureError:  # branches that do not meet at this size
        assume(False)
        raise
    wanted = scores_of_crops(network, over, (height, width), stride)
    assert close(scores[:, :, : wanted.shape[2], : wanted.shape[3]], wanted)


@settings(max_examples=40)
@given(unpadded(), st.integers(0, 9), st.integers(0, 9))
def test_shifted_passes_have_the_scores_of_crops_half_as_far_apart(
    architecture: Architecture, down: int, right: int
) -> None:
    rows, columns = total_stride(architecture) or (0, 0)
    channels, height, width = architecture.input
    network, over = trained(architecture), images(1, channels, height + down, width + right)
    sliding = sliding_network(architecture, network.state_dict())
    if (rows > 1 and rows % 2) or (columns > 1 and columns % 2):
        with pytest.raises(ArchitectureError, match="no half"):
            slide(sliding, over, half_stride=True)
        return
    try:
        scores = slide(sliding, over, half_stride=True)
    except ArchitectureError:
        assume(False)
        raise
    assert close(scores, scores_of_crops(network, over, (height, width), (max(1, rows // 2), max(1, columns // 2))))


def test_half_a_stride_needs_a_stride_and_room() -> None:
    """On an image of the own size there is one place; of a head that is an average there is never more."""
    lenet = classic("lenet5", (1, 28, 28))
    sliding = sliding_network(lenet, trained(lenet).state_dict())
    assert slide(sliding, images(1, 1, 29, 30), half_stride=True).shape == (1, 10, 1, 2)
    averaged = parse_notation("INPUT[8x8x1] -> CONV3-3 -> GAP")
    with pytest.raises(ArchitectureError, match="no stride to halve"):
        slide(sliding_network(averaged, trained(averaged).state_dict()), images(1, 1, 9, 9), half_stride=True)


def test_probabilities_are_those_of_the_mean_score() -> None:
    """Of scores (0, 4), (2, 0): means (1, 2), and not the mean of two sure answers."""
    scores = torch.tensor([[[[0.0, 2.0]], [[4.0, 0.0]]]])
    assert average_scores(scores).tolist() == [[1.0, 2.0]]
    network = parse_notation("INPUT[1x1x2] -> FC-2 nobias")
    sliding = sliding_network(network, {"1.weight": torch.eye(2)})
    assert sliding_probabilities(sliding, scores).tolist() == [torch.tensor([1.0, 2.0]).softmax(0).tolist()]


def test_a_head_of_an_average_is_the_network_itself_on_a_larger_image() -> None:
    network = trained(architecture := parse_notation("INPUT[8x8x2] -> CONV3-4 -> RELU -> GAP -> FC-3"))
    sliding, over = sliding_network(architecture, network.state_dict()), images(2, 2, 11, 14)
    with torch.inference_mode():
        assert close(average_scores(slide(sliding, over)), network(over))


def test_a_sliding_network_shares_the_memory_of_the_weights() -> None:
    network = build_network(architecture := classic("lenet5"))
    sliding = sliding_network(architecture, network.state_dict())
    assert isinstance(sliding, FullyConvolutional)
    assert not sliding.training
    assert {each.data_ptr() for each in sliding.parameters()} == {each.data_ptr() for each in network.parameters()}


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda state: state.pop("7.bias"), "the weights lack 7.bias"),
        (lambda state: state.update({"7.weight": torch.zeros(120, 399)}), "7.weight is \\(120, 399\\)"),
        (lambda state: state.update({"99.weight": torch.zeros(1)}), "the weights hold 99.weight"),
    ],
)
def test_weights_of_another_network_are_refused(change: Any, told: str) -> None:
    state = dict(build_network(architecture := classic("lenet5")).state_dict())
    change(state)
    with pytest.raises(CheckpointError, match=told):
        convert_weights(architecture, state)


def test_an_image_below_the_own_size_is_refused() -> None:
    sliding = sliding_network(architecture := classic("lenet5"), build_network(architecture).state_dict())
    with pytest.raises(ArchitectureError, match="smaller than 32x32"):
        slide(sliding, torch.zeros(1, 1, 31, 32))


def test_a_convolution_built_for_one_cell_works_on_a_larger_map_in_its_weights_type() -> None:
    architecture = parse_notation("INPUT[2x2x1] -> POOL2 -> CONV3-20 s2 -> FC-3")
    network, over = trained(architecture), images(1, 1, 6, 6)
    sliding = sliding_network(architecture, network.state_dict())
    assert isinstance(sliding[1], OneCellConv2d)
    conv, linear = network[1], network[3]
    maps = F.conv2d(F.max_pool2d(over, 2), conv.weight, conv.bias, stride=2, padding=1)
    wanted = F.conv2d(maps, linear.weight[..., None, None], linear.bias)
    assert wanted.shape == (1, 3, 2, 2)
    assert close(slide(sliding, over), wanted.detach())
