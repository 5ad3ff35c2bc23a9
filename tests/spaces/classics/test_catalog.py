"""The classics against the papers, the notes and torchvision, and their scaling to other images."""

from __future__ import annotations

import json
import re
from contextlib import suppress
from pathlib import Path

import pytest
import torch
import torchvision
from convscape.spaces.classics.catalog import CLASSICS, classic
from convscape.spaces.cost import cost_table
from convscape.spaces.errors import ArchitectureError, ConvscapeError
from convscape.spaces.layers import Conv, Linear, Parallel, Residual
from hypothesis import example, given, strategies as st
from torch import nn

GOLDEN = Path(__file__).parents[2] / "golden"
TORCHVISION = json.loads((GOLDEN / "torchvision.json").read_text())["networks"]
GOOGLENET = json.loads((GOLDEN / "googlenet.json").read_text())
RESNET = json.loads((GOLDEN / "resnet.json").read_text())
ALL_CNN = json.loads((GOLDEN / "all_cnn.json").read_text())


def short(row):
    """The layer without its options."""
    return row.name.split(" ")[0]


@pytest.mark.parametrize("name", ["lenet5", "alexnet", "zfnet", "vgg16"])
def test_layer_by_layer_as_published(name):
    golden = json.loads((GOLDEN / f"{name}.json").read_text())
    costs = cost_table(classic(name))
    shown = {layer for layer, *_ in golden["rows"]}
    rows = [[short(row), list(row.output), row.weights, row.biases] for row in costs.rows if short(row) in shown]
    assert rows == golden["rows"]
    assert list(costs.architecture.input) == golden["input"]
    for total, value in golden["totals"].items():
        assert getattr(costs.totals, total) == value


@pytest.mark.parametrize("name", TORCHVISION)
def test_totals_of_torchvisions_documentation(name):
    totals = cost_table(classic(name)).totals
    assert totals.parameters == TORCHVISION[name]["parameters"]
    assert totals.macs / 1e9 == pytest.approx(TORCHVISION[name]["gmacs"], abs=0.006)


@pytest.mark.parametrize("name", TORCHVISION)
def test_weights_and_biases_of_every_layer_are_torchvisions(name):
    options = {"aux_logits": False, "init_weights": False} if "googlenet" in name else {}
    with torch.device("meta"):
        network = torchvision.models.get_model(name.removesuffix("-torchvision"), **options)
    theirs = [
        (module.weight.numel(), 0 if module.bias is None else module.bias.numel())
        for module in network.modules()
        if isinstance(module, nn.Conv2d | nn.BatchNorm2d | nn.Linear)
    ]
    assert [(row.weights, row.biases) for row in cost_table(classic(name)).rows if row.weights] == theirs


def test_inception_blocks_as_in_table_1():
    costs = cost_table(classic("googlenet"))
    blocks = [row for row in costs.rows if isinstance(row.layer, Parallel)]
    assert len(blocks) == len(GOOGLENET["rows"])
    for block, (name, output, params, ops) in zip(blocks, GOOGLENET["rows"], strict=True):
        inside = [row for row in costs.rows if row.path.startswith(f"{block.path}.")]
        assert list(block.output) == output, name
        if params is not None:
            assert sum(row.weights for row in inside) / 1024 == pytest.approx(params, rel=GOOGLENET["tolerance"])
        assert sum(row.macs for row in inside) / 1e6 == pytest.approx(ops, rel=GOOGLENET["tolerance"])


@pytest.mark.parametrize("name", RESNET["networks"])
def test_resnets_as_in_table_1(name):
    golden = RESNET["networks"][name]
    rows = cost_table(classic(name)).rows
    assert list(rows[1].output) == RESNET["stem"]
    outputs = [list(row.output) for row in rows if isinstance(row.layer, Residual)]
    stages = zip(golden["filters"], RESNET["sizes"], golden["blocks"], strict=True)
    assert outputs == [[filters, size, size] for filters, size, blocks in stages for _ in range(blocks)]
    counted = [row for row in rows if isinstance(row.layer, Conv | Linear) and "shortcut" not in row.path]
    assert len(counted) == golden["layers"]


@pytest.mark.parametrize("name", ALL_CNN["networks"])
def test_the_all_cnn_family_as_in_its_tables(name):
    golden = ALL_CNN["networks"][name]
    rows = [row for row in cost_table(classic(name)).rows if short(row).startswith(("CONV", "POOL", "GAP"))]
    assert [f"{short(row)} {row.output[1]}" for row in rows] == golden["layers"]


@pytest.mark.parametrize("name", ALL_CNN["networks"])
def test_the_all_cnn_family_has_the_parameters_its_layers_come_to(name):
    golden = ALL_CNN["networks"][name]
    channels, by_hand = ALL_CNN["input"][0], 0
    for layer in golden["layers"]:
        if convolution := re.match(r"CONV(\d+)-(\d+)", layer):
            size, filters = map(int, convolution.groups())
            by_hand += filters * size * size * channels + filters
            channels = filters
    assert cost_table(classic(name)).totals.parameters == golden["parameters"] == by_hand


@pytest.mark.parametrize("name", ALL_CNN["networks"])
def test_the_all_cnn_family_has_about_the_papers_parameters(name):
    golden = ALL_CNN["networks"][name]
    agrees = golden["parameters"] / 1e6 == pytest.approx(golden["paper_millions"], rel=0.12)
    assert agrees == (name not in ALL_CNN["disagreeing"])


def test_convpool_and_all_cnn_are_the_fair_pairs():
    for model in "abc":
        for pair in (("base", "strided"), ("convpool", "all")):
            left, right = (cost_table(classic(f"{form}-cnn-{model}")).totals.parameters for form in pair)
            assert left == right


def test_every_classic_of_the_field_is_there():
    assert {"lenet5", "alexnet", "zfnet", "vgg11", "vgg13", "vgg16", "vgg19", "googlenet", *RESNET["networks"]} <= set(
        CLASSICS
    )
    assert set(ALL_CNN["networks"]) <= set(CLASSICS)


@pytest.mark.parametrize("name", CLASSICS)
@pytest.mark.parametrize("size", [8, 9, 17, 28, 32, 127, 512])
def test_every_classic_builds_for_every_image_and_number_of_classes(name, size):
    architecture = classic(name, (1, size, size), 7)
    assert architecture.input == (1, size, size)
    assert architecture.output in ((7,), (7, 1, 1))
    assert architecture.fit == "crop"
    assert classic(name, (1, size, size), 7) == architecture
    for step in architecture.steps:
        if isinstance(step.layer, Conv) and step.layer.kernel != (1, 1):
            assert min(step.input[1:]) >= 2


@pytest.mark.parametrize("name", CLASSICS)
def test_images_that_are_not_square(name):
    assert classic(name, (2, 8, 96), 3).output in ((3,), (3, 1, 1))


@pytest.mark.parametrize("name", CLASSICS)
def test_large_images_change_no_layer_but_the_last(name):
    published = classic(name)
    channels, height, width = published.input
    larger = classic(name, (channels, height + 64, width + 64), 5)
    changed = [a for a, b in zip(published.layers, larger.layers, strict=True) if a != b]
    assert len(changed) == 1


def test_small_images_lose_the_first_downsampling_first():
    assert [layer.kind for layer in classic("vgg16", (3, 16, 16)).layers].count("pool") == 4
    assert [layer.kind for layer in classic("vgg16", (3, 32, 32)).layers].count("pool") == 5
    stem, *rest = classic("resnet18", (3, 32, 32)).layers
    assert stem == Conv(64, 7, stride=1, bias=False)
    assert tuple(rest) == classic("resnet18").layers[1:]


def test_names_are_read_generously_and_unknown_ones_answered():
    assert classic("VGG_16") == classic("vgg-16") == classic("vgg16")
    with pytest.raises(ArchitectureError) as caught:
        classic("vgg17")
    assert "vgg1" in caught.value.remedy
    with pytest.raises(ArchitectureError):
        classic("vgg16", (3, 0, 5))
    with pytest.raises(ArchitectureError):
        classic("vgg16", classes=0)
    with pytest.raises(ArchitectureError, match="1x1"):
        classic("vgg16", (3, 1, 1))


anything = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=4) | st.lists(st.integers(), max_size=3)
)


@given(
    st.sampled_from(["lenet5", "resnet18", "googlenet"]) | st.text(),
    st.tuples(*[st.integers(-1, 40)] * 3) | st.tuples(*[anything] * 3) | anything,
    st.integers(-1, 12) | anything,
)
@example("lenet5", (10**400, 8, 8), 10**400)
def test_any_name_image_and_classes_are_a_network_or_a_project_error(name, image, classes):
    with suppress(ConvscapeError):
        assert classic(name, image, classes).steps
