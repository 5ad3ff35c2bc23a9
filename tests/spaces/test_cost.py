"""The layer table against the notes' figures and against PyTorch."""

from __future__ import annotations

import json
from math import prod
from pathlib import Path

import pytest
from convscape.spaces.classics.catalog import CLASSICS, classic
from convscape.spaces.cost import cost_table
from convscape.spaces.parsing import parse_notation
from hypothesis import given, settings
from oracles import macs, on_meta, shapes
from strategies import architectures

COUNTS = json.loads((Path(__file__).parents[1] / "golden" / "counts.json").read_text())["layers"]


@pytest.mark.parametrize("case", COUNTS, ids=lambda case: case["say"])
def test_counts_of_the_notes(case):
    row = cost_table(parse_notation(case["network"])).rows[case["row"]]
    for name, value in case["counts"].items():
        shown = getattr(row, name)
        assert (list(shown) if name == "output" else shown) == value


DEEPEST = ("resnet101", "resnet152")


def agrees_with_torch(architecture):
    costs = cost_table(architecture)
    network = on_meta(architecture)
    assert costs.totals.parameters == sum(parameter.numel() for parameter in network.parameters())
    for row in costs.rows[1:]:
        own = network.get_submodule(row.path).parameters(recurse=False)
        assert row.parameters == sum(parameter.numel() for parameter in own), row.path
    seen = shapes(architecture)
    assert {row.path: row.output for row in costs.rows[1:]} == seen
    assert costs.totals.macs == macs(architecture)
    assert costs.totals.flops == 2 * costs.totals.macs


@given(architectures())
@settings(max_examples=30)
def test_parameters_shapes_and_macs_are_pytorchs(architecture):
    agrees_with_torch(architecture)


@pytest.mark.slow
@given(architectures(largest_image=24, most_layers=12))
@settings(max_examples=250)  # others each time; a thousand that are sampled are in test_exactness
def test_parameters_shapes_and_macs_are_pytorchs_on_hundreds_of_networks(architecture):
    agrees_with_torch(architecture)


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=pytest.mark.slow) if name in DEEPEST else name for name in CLASSICS]
)
def test_parameters_shapes_and_macs_of_the_classics_are_pytorchs(name):
    agrees_with_torch(classic(name))


@given(architectures())
def test_totals_are_the_sums_of_the_rows(architecture):
    costs = cost_table(architecture)
    for name in ("parameters", "weights", "biases", "macs", "activations"):
        assert getattr(costs.totals, name) == sum(getattr(row, name) for row in costs.rows)
    assert costs.totals.parameters == costs.totals.weights + costs.totals.biases
    assert len(costs.rows) == 1 + len(architecture.steps)


def test_rows_are_the_input_then_the_layers():
    costs = cost_table(
        parse_notation("INPUT[8x10x3] -> CONV3-4 s2 -> BN -> RELU -> RESIDUAL[CONV3-4 | CONV1-4] -> FC-5")
    )
    assert [(row.path, row.kind, row.name) for row in costs.rows] == [
        ("input", "input", "INPUT"),
        ("0", "conv", "CONV3-4 s2"),
        ("1", "batch_norm", "BN"),
        ("2", "activation", "RELU"),
        ("3.body.0", "conv", "CONV3-4"),
        ("3.shortcut.0", "conv", "CONV1-4"),
        ("3", "residual", "RESIDUAL"),
        ("4", "flatten", "FLATTEN"),
        ("5", "linear", "FC-5"),
    ]


def test_activations_count_the_maps_a_textbook_counts():
    costs = cost_table(parse_notation("INPUT[8x8x3] -> CONV3-4 -> BN -> RELU -> DROPOUT0.5 -> POOL2 -> LRN5 -> FC-5"))
    counted = {row.kind: row.activations for row in costs.rows if row.activations}
    assert counted == {
        "input": 3 * 64,
        "conv": 4 * 64,
        "pool": 4 * 16,
        "local_response_norm": 4 * 16,
        "linear": 5,
    }
    assert costs.totals.activations == sum(counted.values())


def test_three_3x3_layers_of_64_on_224_take_ten_million_activations():
    """CS231n ConvNet notes: about 10M activations, about 72 MB an image with their gradients."""
    rows = cost_table(parse_notation("INPUT[224x224x64] -> [CONV3-64]*3 -> GAP")).rows[1:4]
    cells = sum(row.activations for row in rows)
    assert cells == 3 * prod((64, 224, 224)) == 9_633_792
    assert 2 * 4 * cells / 2**20 == pytest.approx(73.5)


def test_receptive_fields_grow_as_the_notes_say():
    rows = cost_table(parse_notation("INPUT[32x32x3] -> [CONV3-8]*3 -> CONV3x1-8 -> GAP")).rows
    assert [row.receptive_field for row in rows[:5]] == [(1, 1), (3, 3), (5, 5), (7, 7), (9, 7)]
