"""Fully connected layers as convolutions: the textbook's figures, what keeps its meaning, and what cannot slide."""

from __future__ import annotations

import pytest
import torch
from convscape.spaces.architecture import Architecture
from convscape.spaces.classics.catalog import CLASSICS, classic
from convscape.spaces.cost import cost_table
from convscape.spaces.errors import ArchitectureError, GeometryError
from convscape.spaces.geometry import FITS
from convscape.spaces.layer_table import format_layer_table, format_memory_table
from convscape.spaces.layers import (
    Activation,
    BatchNorm,
    Conv,
    Dropout,
    Flatten,
    Layer,
    Linear,
    LocalResponseNorm,
    Parallel,
    Pool,
    Residual,
)
from convscape.spaces.memory import sees_padding_only
from convscape.spaces.notation import to_notation
from convscape.spaces.parsing import parse_notation
from convscape.spaces.sliding import SlidingNetwork, fully_convolutional, sliding_paths, total_stride
from convscape.trainers.network import build_network
from hypothesis import given, strategies as st
from strategies import architectures


def sliding(architecture: Architecture) -> Architecture | None:
    """The fully convolutional form; None where it is refused."""
    try:
        return fully_convolutional(architecture)
    except ArchitectureError:
        return None


def test_vgg16_over_384_as_the_notes_have_it() -> None:
    """12x12x512 before the head, then 6x6x4096 twice and 6x6x1000 (CS231n ConvNet notes, "Converting FC layers")."""
    cost = cost_table(SlidingNetwork(classic("vgg16"), (3, 384, 384)))
    head = [(row.name, row.output) for row in cost.rows if row.name.startswith(("CONV", "POOL"))][-4:]
    assert head == [
        ("POOL2", (512, 12, 12)),
        ("CONV7-4096 valid", (4096, 6, 6)),
        ("CONV1-4096", (4096, 6, 6)),
        ("CONV1-1000", (1000, 6, 6)),
    ]
    assert cost.totals.parameters == 138_357_544


def test_one_pass_of_vgg16_is_as_many_multiplications_as_its_layers_have_cells() -> None:
    """Convolutions grow by (384/224)^2 = 144/49, the head of 123,633,664 by the 36 places."""
    own, pass_ = (cost_table(SlidingNetwork(classic("vgg16"), (3, size, size))).totals.macs for size in (224, 384))
    head = 102_760_448 + 16_777_216 + 4_096_000
    assert own == cost_table(classic("vgg16")).totals.macs
    assert pass_ == (own - head) * 144 // 49 + 36 * head


@pytest.mark.parametrize("name", CLASSICS)
def test_every_classic_slides(name: str) -> None:
    network = classic(name)
    channels, height, width = network.input
    over = SlidingNetwork(network, (channels, height + 64, width + 32))
    assert over.output == ((network.classes, 1, 1) if over.stride is None else (network.classes, *places(over)))
    assert cost_table(over).totals.parameters == cost_table(network).totals.parameters
    assert all(len(line) <= 80 for line in (format_layer_table(over) + format_memory_table(over)).splitlines())


def places(over: SlidingNetwork) -> list[int]:
    """Crops that fit into the image."""
    assert over.stride
    sizes = zip(over.input[1:], over.native.input[1:], over.stride, strict=True)
    return [(size - own) // stride + 1 for size, own, stride in sizes]


@given(architectures())
def test_any_network_slides_or_is_refused_and_costs_what_it_did(architecture: Architecture) -> None:
    form = sliding(architecture)
    if form is None:
        return
    assert form.output == (form.classes, 1, 1)
    assert not any(isinstance(step.layer, Linear | Flatten) for step in form.steps)
    before, after = cost_table(architecture).totals, cost_table(form).totals
    assert (after.weights, after.biases, after.macs) == (before.weights, before.biases, before.macs)
    assert fully_convolutional(form) == form
    assert parse_notation(to_notation(form)) == form
    assert Architecture.from_json(form.to_json()) == form


@given(architectures())
def test_layers_stand_where_their_paths_say(architecture: Architecture) -> None:
    form = sliding(architecture)
    if form is None:
        return
    now = {step.path: step.layer for step in form.steps}
    paths = sliding_paths(architecture)
    kept = [step for step in architecture.steps if not isinstance(step.layer, Flatten)]
    assert [step.path for step in kept] == list(paths)
    for step in kept:
        kind = Conv if isinstance(step.layer, Linear) else type(step.layer)
        assert isinstance(now[paths[step.path]], kind)
    assert len(set(paths.values())) == len(paths)


@given(architectures(), st.integers(0, 3), st.integers(0, 3))
def test_on_whole_strides_more_there_are_as_many_places_more(architecture: Architecture, down: int, right: int) -> None:
    form = sliding(architecture)
    if form is None or (stride := total_stride(form)) is None:
        return
    channels, height, width = form.input
    over = SlidingNetwork(form, (channels, height + down * stride[0], width + right * stride[1]))
    assert over.output == (form.classes, 1 + down, 1 + right)
    with torch.device("meta"):
        built = build_network(form)
    assert cost_table(over).totals.parameters == sum(weights.numel() for weights in built.parameters())


@pytest.mark.parametrize("fit", FITS)
def test_what_a_fit_rule_pads_at_the_own_size_is_padded_at_any(fit) -> None:
    layers: tuple[Layer, ...] = (Conv(4, 2, 3, "valid"), Pool("max", 2, fit="pad"), Flatten(), Linear(3))
    network = Architecture((1, 8, 8) if fit == "strict" else (1, 9, 9), layers, 3, fit)
    form = fully_convolutional(network)
    assert form.fit == "crop"
    assert [step.padding for step in form.steps[:2]] == [step.padding for step in network.steps[:2]]
    larger = SlidingNetwork(form, (1, 30, 31))
    assert [step.padding for step in larger.steps[:2]] == [step.padding for step in network.steps[:2]]


def test_layers_between_fully_connected_ones_keep_their_meaning() -> None:
    """Dropout of whole maps drops values of a flat input one by one."""
    between = (BatchNorm(), LocalResponseNorm(), Activation("tanh"), Dropout(0.3, spatial=True))
    network = Architecture((2, 4, 5), (Flatten(), Dropout(0.2, spatial=True), Linear(6), *between, Linear(3)), 3)
    assert fully_convolutional(network).layers == (
        Dropout(0.2), Conv(6, (4, 5), padding="valid"), *between[:3], Dropout(0.3), Conv(3, 1),
    )  # fmt: skip


def test_flattened_branches_of_equal_size_are_maps_again() -> None:
    """Flattened maps side by side are the flattened concatenation; a block that only flattens is the identity."""
    block = Parallel(((Conv(2), Flatten()), (Flatten(), Residual((Flatten(),), ()))))
    assert fully_convolutional(Architecture((1, 4, 4), (block, Linear(5)), 5)).layers[1:] == (
        Conv(5, 4, padding="valid"),
    )


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("LOCAL3-4 -> FC-3", "layer 0: LocallyConnected has filters for each place of its 8x8x1 map"),
        ("CONV3-2 -> FLATTEN -> BN -> FC-3", "layer 2: BatchNorm takes each cell of a flattened 8x8x2 map"),
        ("RESIDUAL[FLATTEN -> LRN5 | FLATTEN] -> FC-3", "layer 0.body.1: LocalResponseNorm takes each cell"),
        ("CONV3-1 -> FLATTEN", "the scores are the cells of a flattened 8x8x1 map"),
        ("FLATTEN -> RESIDUAL[FC-64] -> FC-3", "layer 1: its branches end with maps of 1x1x64, 8x8x1, flattened"),
        ("PARALLEL[FLATTEN | FC-9] -> FC-3", "layer 0: its branches end with maps of 8x8x1, 1x1x9, flattened"),
        ("POOL8 -> RESIDUAL[CONV3-1 s2] -> FC-3", "layer 1: its branches differ in stride \\(2x2, 1x1\\)"),
        ("RESIDUAL[FC-3 | GAP -> FC-3]", "layer 0: its branches differ in stride \\(1x1, a global pooling\\)"),
    ],
)
def test_what_cannot_slide_is_refused_with_its_place_and_a_remedy(line: str, told: str) -> None:
    with pytest.raises(ArchitectureError, match=told) as caught:
        fully_convolutional(parse_notation(f"INPUT[8x8x1] -> {line}"))
    assert caught.value.remedy


def test_a_window_beyond_every_bound_names_the_layer() -> None:
    with pytest.raises(ArchitectureError, match="layer 1, as a convolution: Conv: `kernel`"):
        fully_convolutional(Architecture((1, 5000, 1), (Flatten(), Linear(2)), 2))


@pytest.mark.parametrize(
    ("image", "told"),
    [
        ((1, 31, 40), "an image of 31x40 is smaller than 32x32, the network's own size"),
        ((3, 40, 40), "the image has 3 channels, and the network takes 1"),
        ((1, 40), "must be \\(channels, height, width\\)"),
    ],
)
def test_an_image_that_does_not_go_is_refused(image, told: str) -> None:
    with pytest.raises(ArchitectureError, match=told):
        SlidingNetwork(classic("lenet5"), image)


def test_a_size_at_which_branches_do_not_meet_is_refused_with_the_sizes_nearby() -> None:
    """A shortcut that picks every other cell, and a body whose windows of 2 do not reach the last one."""
    network = parse_notation("INPUT[8x8x4] -> RESIDUAL[CONV2-4 s2 valid | CONV1-4 s2] -> FC-3")
    assert SlidingNetwork(network, (4, 12, 10)).output == (3, 3, 2)
    with pytest.raises(ArchitectureError, match="sliding over 11x8: layer 0: Residual adds") as caught:
        SlidingNetwork(network, (4, 11, 8))
    assert caught.value.remedy == "Use 10x8 or 12x10."


def test_a_head_of_an_average_takes_any_size_down_to_its_windows() -> None:
    network = parse_notation("INPUT[16x16x1] -> CONV3-4 valid -> POOL2 -> CONV3-3 valid -> GAP")
    for size in (8, 16, 31):
        assert SlidingNetwork(network, (1, size, size)).output == (3, 1, 1)
    with pytest.raises(GeometryError, match="sliding over 7x7: layer 2"):
        SlidingNetwork(network, (1, 7, 7))


def test_a_window_of_padding_alone_is_refused_where_its_module_would_give_no_number() -> None:
    network = parse_notation("INPUT[5x5x1] -> POOL2 s3 p0,2,0,0 -> FC-3")
    assert not sees_padding_only(Pool(padding=(0, 2, 0, 0), stride=3), network.steps[0])
    assert SlidingNetwork(network, (1, 8, 5)).output == (3, 2, 1)
    with pytest.raises(ArchitectureError, match="layer 0 \\(Pool\\) has windows that see only padding") as caught:
        SlidingNetwork(network, (1, 6, 5))
    assert caught.value.remedy == "Use 5x5 or 8x8."
