from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
import torch
from convscape.spaces.architecture import Architecture
from convscape.spaces.errors import ArchitectureError
from convscape.spaces.layers import (
    Activation,
    BatchNorm,
    Conv,
    Dropout,
    Flatten,
    GlobalPool,
    Linear,
    LocallyConnected,
    LocalResponseNorm,
    Parallel,
    Pool,
    Residual,
)
from convscape.trainers.modules import LocallyConnected2d, _pooled_first
from convscape.trainers.network import build_network, initialise
from hypothesis import assume, given, settings, strategies as st
from torch import nn


def windows(images: np.ndarray, layer, sides, fill: float) -> np.ndarray:
    """(N, C, kernel rows, kernel columns, H', W'): every window, cell by cell, from plain indexing."""
    top, bottom, left, right = sides
    padded = np.pad(images, ((0, 0), (0, 0), (top, bottom), (left, right)), constant_values=fill)
    (rows, columns), (down, across), (wide, high) = layer.kernel, layer.stride, layer.dilation[::-1]
    height = (padded.shape[2] - high * (rows - 1) - 1) // down + 1
    width = (padded.shape[3] - wide * (columns - 1) - 1) // across + 1
    result = np.empty((*images.shape[:2], rows, columns, height, width))
    for row, column in itertools.product(range(rows), range(columns)):
        first, left_edge = row * high, column * wide
        result[:, :, row, column] = padded[
            :,
            :,
            first : first + down * (height - 1) + 1 : down,
            left_edge : left_edge + across * (width - 1) + 1 : across,
        ]
    return result


def im2col_conv(images: np.ndarray, weight: np.ndarray, bias: np.ndarray | None, layer, sides) -> np.ndarray:
    """Convolution as a matrix product a group (CS231n notes, "Implementation as Matrix Multiplication")."""
    cells = windows(images, layer, sides, 0.0)
    channels, filters = images.shape[1] // layer.groups, layer.filters // layer.groups
    groups = []
    for group in range(layer.groups):
        x_col = cells[:, group * channels : (group + 1) * channels]
        x_col = x_col.reshape(len(images), -1, cells.shape[4] * cells.shape[5])
        w_row = weight[group * filters : (group + 1) * filters].reshape(filters, -1)
        groups.append(w_row @ x_col)
    scores = np.concatenate(groups, axis=1) + (0 if bias is None else bias[:, None])
    return scores.reshape(len(images), layer.filters, *cells.shape[4:])


def images(channels: int, height: int, width: int) -> torch.Tensor:
    return torch.randn(2, channels, height, width, generator=torch.Generator().manual_seed(0))


def alone(layer, channels=4, height=9, width=8, fit="crop") -> tuple[Architecture, nn.Module]:
    """A network of `layer` and what it takes to have classes, and the module of that layer."""
    architecture = Architecture((channels, height, width), (layer, Flatten(), Linear(2)), 2, fit)
    return architecture, build_network(architecture).get_submodule("0")


@given(
    kernel=st.tuples(st.integers(1, 4), st.integers(1, 4)),
    stride=st.tuples(st.integers(1, 3), st.integers(1, 3)),
    padding=st.one_of(st.sampled_from(["same", "valid"]), st.tuples(*[st.integers(0, 3)] * 4)),
    dilation=st.tuples(st.integers(1, 2), st.integers(1, 2)),
    groups=st.sampled_from([1, 2, 4]),
    bias=st.booleans(),
    fit=st.sampled_from(["crop", "pad"]),
)
@settings(max_examples=80, deadline=None)
def test_conv_equals_im2col(kernel, stride, padding, dilation, groups, bias, fit):
    layer = Conv(8, kernel, stride, padding, dilation=dilation, groups=groups, bias=bias)
    architecture, module = alone(layer, fit=fit)
    if bias:
        nn.init.normal_(module.bias, generator=torch.Generator().manual_seed(1))
    x = images(4, 9, 8)
    bias_values = module.bias.detach().double().numpy() if bias else None
    expected = im2col_conv(
        x.double().numpy(), module.weight.detach().double().numpy(), bias_values, layer, architecture.steps[0].padding
    )
    np.testing.assert_allclose(module(x).detach().numpy(), expected, rtol=1e-4, atol=1e-5)


@given(
    mode=st.sampled_from(["max", "average", "l2"]),
    kernel=st.tuples(st.integers(1, 4), st.integers(1, 4)),
    stride=st.tuples(st.integers(1, 4), st.integers(1, 4)),
    padding=st.one_of(st.sampled_from(["same", "valid"]), st.tuples(*[st.integers(0, 3)] * 4)),
    dilation=st.tuples(st.integers(1, 2), st.integers(1, 2)),
    fit=st.sampled_from(["crop", "pad"]),
)
@settings(max_examples=120, deadline=None)
def test_pool_equals_plain_windows(mode, kernel, stride, padding, dilation, fit):
    layer = Pool(mode, kernel, stride, padding, dilation=dilation if mode == "max" else 1)
    architecture, module = alone(layer, fit=fit)
    x = images(4, 9, 8) - 5.0  # negative: a padded zero would win a maximum
    cells = windows(x.numpy(), layer, architecture.steps[0].padding, -np.inf if mode == "max" else 0.0)
    if mode == "max":
        expected = cells.max(axis=(2, 3))
        expected[expected == -np.inf] = 0.0
    else:
        expected = cells.mean(axis=(2, 3)) if mode == "average" else np.sqrt((cells**2).sum(axis=(2, 3)))
    np.testing.assert_allclose(module(x).numpy(), expected, rtol=1e-5, atol=1.1e-6)


def test_l2_pool_of_zeros_has_a_finite_gradient():
    _, module = alone(Pool("l2"))
    x = torch.zeros(1, 4, 8, 8, requires_grad=True)
    module(x).sum().backward()
    assert torch.equal(x.grad, torch.zeros_like(x))


@given(
    kernel=st.integers(1, 3), stride=st.integers(1, 2), padding=st.sampled_from(["same", "valid"]), bias=st.booleans()
)
@settings(max_examples=20, deadline=None)
def test_locally_connected_equals_one_product_a_place(kernel, stride, padding, bias):
    layer = LocallyConnected(3, kernel, stride, padding, bias=bias)
    architecture, module = alone(layer)
    assert isinstance(module, LocallyConnected2d)
    if bias:
        nn.init.normal_(module.bias, generator=torch.Generator().manual_seed(1))
    x = images(4, 9, 8)
    cells = windows(x.numpy(), layer, architecture.steps[0].padding, 0.0)
    _, height, width = architecture.steps[0].output
    expected = np.empty((2, 3, height, width))
    for row, column in itertools.product(range(height), range(width)):
        place = row * width + column
        expected[:, :, row, column] = (
            cells[..., row, column].reshape(2, -1) @ module.weight[place].detach().numpy()
        ) + (module.bias[place].detach().numpy() if bias else 0.0)
    np.testing.assert_allclose(module(x).detach().numpy(), expected, rtol=1e-4, atol=1e-5)


def test_local_response_norm_equals_its_formula():
    layer = LocalResponseNorm(size=3, alpha=0.5, beta=0.75, k=2.0)
    _, module = alone(layer)
    x = images(4, 9, 8).double()
    sums = torch.stack([x[:, max(0, c - 1) : c + 2].square().sum(1) for c in range(4)], dim=1)
    torch.testing.assert_close(module(x), x / (2.0 + 0.5 / 3 * sums) ** 0.75)
    torch.testing.assert_close(module(x[:, :, 0, 0]), module(x)[:, :, 0, 0])


ACTIVATIONS = ["relu", "leaky_relu", "elu", "gelu", "silu", "sigmoid", "tanh"]
PLAIN = st.one_of(
    st.builds(
        Conv, st.sampled_from([2, 4, 6]), st.integers(1, 4), st.integers(1, 2), st.sampled_from(["same", "valid"])
    ),
    st.builds(Conv, st.just(4), groups=st.just(2), bias=st.booleans()),
    st.builds(
        Pool,
        st.sampled_from(["max", "average", "l2"]),
        st.integers(1, 3),
        st.integers(1, 2),
        st.sampled_from(["same", 1]),
    ),
    st.just(BatchNorm()),
    st.just(LocalResponseNorm()),
    st.builds(Activation, st.sampled_from(ACTIVATIONS)),
    st.builds(Dropout, st.sampled_from([0.0, 0.3]), st.booleans()),
    st.builds(LocallyConnected, st.just(2), st.integers(1, 3), st.just(2)),
    st.builds(GlobalPool, st.sampled_from(["average", "max"])),
)
KEEPS_SHAPE = st.lists(
    st.one_of(st.just(BatchNorm()), st.builds(Activation, st.sampled_from(ACTIVATIONS)), st.just(Conv(4))), max_size=3
)
BLOCK = st.one_of(
    PLAIN,
    KEEPS_SHAPE.map(lambda body: Residual((*body, Conv(4)), (Conv(4, 1),))),
    KEEPS_SHAPE.map(lambda body: Residual((Activation(), *body))),
    st.tuples(KEEPS_SHAPE, KEEPS_SHAPE).map(Parallel),
)


NO_LAYERS = st.just(())


@st.composite
def architectures(draw, first=NO_LAYERS) -> Architecture:
    """Of `first` and any layers behind it, but for those that do not fit."""
    image = draw(st.tuples(st.sampled_from([1, 3, 4]), st.integers(5, 12), st.integers(5, 12)))
    fit = draw(st.sampled_from(["crop", "pad"]))
    layers = []
    for layer in (*draw(first), *draw(st.lists(BLOCK, max_size=6))):
        try:
            Architecture(image, (*layers, layer, Flatten(), Linear(3)), 3, fit)
        except ArchitectureError:
            continue
        layers.append(layer)
    head = draw(
        st.sampled_from(
            [
                (Flatten(), Linear(3)),
                (Flatten(), BatchNorm(), Activation(), Dropout(0.2), Linear(3)),
                (Conv(3, 1), GlobalPool()),
            ]
        )
    )
    return Architecture(image, (*layers, *head), 3, fit)


@given(architectures())
@settings(max_examples=100, deadline=None)
def test_shapes_and_names_follow_the_steps(architecture):
    network = build_network(architecture)
    seen = {}
    for path, module in network.named_modules():
        module.register_forward_hook(lambda _m, _i, output, path=path: seen.__setitem__(path, tuple(output.shape[1:])))
    scores = network.eval()(torch.randn(2, *architecture.input))
    assert scores.shape == (2, 3)
    assert {step.path: step.output for step in architecture.steps}.items() <= seen.items()


@given(architectures())
@settings(max_examples=60, deadline=None)
def test_inplace_relu_changes_no_gradient(architecture):
    gradients = []
    for inplace in (True, False):
        network = build_network(architecture, seed=1, inplace=inplace).eval()
        x = images(*architecture.input).requires_grad_()
        network(x).square().sum().backward()
        gradients.append([x.grad, *(parameter.grad for parameter in network.parameters())])
    for fast, plain in zip(*gradients, strict=True):
        torch.testing.assert_close(fast, plain)


POOLS = st.builds(Pool, st.just("max"), st.integers(2, 3), st.integers(1, 2), st.sampled_from(["same", 0, 1]))
POOLED = st.builds(
    lambda norm, pool, rest: (Conv(3), *norm, Activation(), pool, *rest),
    st.sampled_from([(), (BatchNorm(),)]),
    POOLS,
    st.lists(st.sampled_from((Activation(), Activation("tanh"), Pool("average"))) | POOLS, max_size=4),
)
"""Layers with a ReLU before a max pooling, and others that look like it."""


@pytest.mark.parametrize("memory_format", [torch.contiguous_format, torch.channels_last], ids=["rows", "channels last"])
@pytest.mark.parametrize("narrow", [False, True], ids=["float32", "bfloat16"])
@given(architecture=architectures(POOLED))
@settings(max_examples=40, deadline=None)
def test_pooling_before_a_relu_changes_no_score_and_no_gradient(narrow, memory_format, architecture):
    """To the bit, whatever stands before and behind; with ties, as a ReLU and narrow numbers make them."""
    found = []
    for pool_first in (True, False):
        network = build_network(architecture, seed=1).train().to(memory_format=memory_format)
        assume(_pooled_first(network) != list(network))
        network.pool_first = pool_first
        torch.manual_seed(0)
        x = images(*architecture.input).mul(2).round().div(2).to(memory_format=memory_format).requires_grad_()
        with torch.autocast("cpu", torch.bfloat16, enabled=narrow):
            scores = network(x)
        scores.float().square().sum().backward()
        found.append([scores, x.grad, *(parameter.grad for parameter in network.parameters())])
    for fast, plain in zip(*found, strict=True):
        torch.testing.assert_close(fast, plain, rtol=0, atol=0, equal_nan=True)


def test_pooling_comes_first_where_it_saves_work():
    network = build_network(Architecture((1, 8, 8), (Conv(4), Activation(), Pool(), Pool(), Flatten(), Linear(2)), 2))
    network.pool_first = True
    seen: list[tuple[str, torch.Size]] = []
    for name, module in network.named_children():
        module.register_forward_hook(lambda _m, _i, output, name=name: seen.append((name, output.shape)))
    network(torch.zeros(1, 1, 8, 8))
    assert [name for name, _ in seen] == ["0", "2", "3", "1", "4", "5"]
    assert seen[3][1] == (1, 4, 2, 2)


def test_relu_overwrites_only_what_nobody_else_reads():
    layers = (
        Activation(),
        Conv(4),
        Activation(),
        Residual((Activation(), Conv(4))),
        Activation(),
        Activation("silu"),
        Activation(),
    )
    network = build_network(Architecture((4, 8, 8), (*layers, Flatten(), Linear(2)), 2))
    inplace = {path: module.inplace for path, module in network.named_modules() if isinstance(module, nn.ReLU)}
    assert inplace == {"0": False, "2": True, "3.body.0": False, "4": True, "6": False}


@pytest.mark.parametrize(
    ("before", "overwritten"),
    [
        (Conv(4), True), (BatchNorm(), True), (Residual((Conv(4),)), True), (Parallel(((Conv(4),), (Conv(2),))), True),
        (Pool(), True), (Pool("average"), True), (Pool("l2"), False), (GlobalPool(), False), (Dropout(0.2), False),
        (Activation("tanh"), False), (LocalResponseNorm(), False), (LocallyConnected(4), False),
    ],
    ids=lambda value: getattr(value, "kind", None),
)  # fmt: skip
def test_relu_overwrites_what_the_layer_before_does_not_need(before, overwritten):
    network = build_network(Architecture((4, 8, 8), (Conv(4), before, Activation(), Flatten(), Linear(2)), 2))
    assert network.get_submodule("2").inplace == overwritten


def test_equals_a_network_written_by_hand():
    """The small MNIST network of the notes: conv32-3 P1, max 2, ReLU, conv32-3 P1, max 2, ReLU, FC 7·7·32-100-10."""
    layers = (
        Conv(32),
        Pool(),
        Activation(),
        Conv(32),
        Pool(),
        Activation(),
        Flatten(),
        Linear(100),
        Activation(),
        Linear(10),
    )
    network = build_network(Architecture((1, 28, 28), layers, 10))
    by_hand = nn.Sequential(
        nn.Conv2d(1, 32, 3, padding=1), nn.MaxPool2d(2), nn.ReLU(),
        nn.Conv2d(32, 32, 3, padding=1), nn.MaxPool2d(2), nn.ReLU(),
        nn.Flatten(), nn.Linear(7 * 7 * 32, 100), nn.ReLU(), nn.Linear(100, 10),
    )  # fmt: skip
    by_hand.load_state_dict(network.state_dict())
    x = images(1, 28, 28)
    torch.testing.assert_close(network(x), by_hand(x))
    assert sum(p.numel() for p in network.parameters()) == 320 + 9_248 + 156_900 + 1_010


def test_unshared_filters_count_as_the_notes_count_them():
    """AlexNet's first layer unshared: 290,400 places and filters of 364 parameters (CS231n ConvNet notes)."""
    with torch.device("meta"):
        network = build_network(
            Architecture((3, 227, 227), (LocallyConnected(96, 11, 4, "valid"), GlobalPool(), Flatten(), Linear(2)), 2)
        )
    assert sum(p.numel() for p in network.get_submodule("0").parameters()) == 105_705_600


def test_all_convolutional_network_returns_flat_scores():
    network = build_network(Architecture((3, 16, 16), (Conv(8), Activation(), Conv(5, 1), GlobalPool()), 5))
    assert network(images(3, 16, 16)).shape == (2, 5)


def test_initialisation_is_he_seeded_and_leaves_the_global_state_alone():
    architecture = Architecture(
        (3, 16, 16),
        (
            Conv(64, 5),
            BatchNorm(),
            Activation(),
            LocallyConnected(8, 3),
            Flatten(),
            Linear(500),
            Activation(),
            Linear(10),
        ),
        10,
    )
    before = torch.get_rng_state()
    network, twin, other = (
        build_network(architecture, 3),
        build_network(architecture, 3),
        build_network(architecture, 4),
    )
    assert torch.equal(torch.get_rng_state(), before)
    for (name, value), same, different in zip(
        network.named_parameters(), twin.parameters(), other.parameters(), strict=True
    ):
        assert torch.equal(value, same), name
        assert value.dim() == 1 or name == "3.bias" or not torch.equal(value, different), name
    spread = {path: network.get_submodule(path).weight.std().item() for path in ("0", "3", "5", "7")}
    expected = {"0": (2 / 75) ** 0.5, "3": (2 / 576) ** 0.5, "5": (2 / 2048) ** 0.5, "7": (1 / 500) ** 0.5}
    assert spread == pytest.approx(expected, rel=0.05)
    assert all(not network.get_submodule(path).bias.any() for path in ("0", "3", "5", "7"))


def test_initialise_starts_batch_norm_anew():
    network = build_network(Architecture((3, 8, 8), (Conv(4), BatchNorm(), Flatten(), Linear(2)), 2))
    network(images(3, 8, 8))
    initialise(network, 0)
    norm = network.get_submodule("1")
    assert norm.running_mean.tolist() == [0.0] * 4
    assert norm.running_var.tolist() == [1.0] * 4
    assert norm.num_batches_tracked == 0


@pytest.mark.parametrize("kernel", [2, 3, 5])
@pytest.mark.parametrize("stride", [1, 2, 3, (1, 2)])
@pytest.mark.parametrize("channels_last", [False, True])
def test_in_bfloat16_a_map_of_one_cell_gives_its_weights_a_gradient(
    kernel: int, stride: Any, channels_last: bool
) -> None:
    """Seen: two of fourteen textbook-like networks ended in NaN, whose last map of one cell was halved once more."""
    layers = (Conv(96, kernel, stride, padding=1 if kernel < 5 else 2), Flatten(), Linear(3))
    network = build_network(Architecture((64, 1, 1), layers, 3), seed=0)
    images = torch.randn(32, 64, 1, 1, generator=torch.Generator().manual_seed(0))
    if channels_last:
        network, images = network.to(memory_format=torch.channels_last), images.to(memory_format=torch.channels_last)
    found = []
    for half in (False, True):
        for _ in range(3):  # the first may meet memory that is zero
            network.zero_grad()
            with torch.autocast("cpu", torch.bfloat16, enabled=half):
                network(images).float().pow(2).sum().backward()
            found.append(network[0].weight.grad.clone())
    largest = found[0].abs().max()
    assert all((gradient - found[0]).abs().max() < 0.05 * largest for gradient in found)


@pytest.mark.parametrize("channels", [1, 2, 4, 7, 8, 15, 16])
@pytest.mark.parametrize("groups", [1, 2])
@pytest.mark.parametrize("stride", [2, (1, 3)])
@pytest.mark.parametrize("padding", [0, 1, (0, 1, 0, 1)])
def test_a_strided_1x1_convolution_is_right_and_so_are_its_gradients(
    channels: int, groups: int, stride: Any, padding: Any
) -> None:
    """Seen: workers that ended by a segmentation fault, or weights' gradients wrong by half (oneDNN issue 6035)."""
    layers = (Conv(8, 1, stride, padding=padding, groups=groups), Flatten(), Linear(3))
    network = build_network(Architecture((groups * channels, 8, 8), layers, 3), seed=0)
    images = torch.randn(32, groups * channels, 8, 8, generator=torch.Generator().manual_seed(0))
    found = []
    for kind, layout in ((torch.float64, torch.contiguous_format), (torch.float32, torch.channels_last)):
        network = network.to(dtype=kind, memory_format=layout)
        network.zero_grad()
        pixels = images.to(dtype=kind, memory_format=layout, copy=True).requires_grad_()
        scores = network(pixels)
        scores.pow(2).sum().backward()
        found.append([each.detach().double().clone() for each in (scores, pixels.grad, network[0].weight.grad)])
    for right, got in zip(*found, strict=True):
        torch.testing.assert_close(got, right, rtol=1e-3, atol=1e-4 * float(right.abs().max()))
