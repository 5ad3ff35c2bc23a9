"""The layer patterns and comparisons of the notes, each said in the notation."""

from __future__ import annotations

import json
from math import prod
from pathlib import Path

import pytest
import torch
from convscape.spaces.classics.catalog import classic
from convscape.spaces.comparisons import stacks
from convscape.spaces.cost import cost_table
from convscape.spaces.layers import Activation, Conv
from convscape.spaces.notation import to_notation
from convscape.spaces.parsing import parse_notation
from convscape.trainers.network import build_network

PATTERNS = json.loads((Path(__file__).parents[1] / "golden" / "patterns.json").read_text())["patterns"]


@pytest.mark.parametrize("case", PATTERNS, ids=lambda case: case["say"])
def test_every_pattern_can_be_said(case):
    architecture = parse_notation(case["network"])
    costs = cost_table(architecture)
    if case["layers"] is not None:
        assert " ".join(row.name.split(" ")[0] for row in costs.rows[1:]) == case["layers"]
    assert costs.totals.parameters == case["parameters"]
    outputs = {row.path: list(row.output) for row in costs.rows}
    for path, output in case.get("outputs", {}).items():
        assert outputs[path] == output
    assert parse_notation(to_notation(architecture)) == architecture


@pytest.mark.parametrize("convolutions", range(4))
@pytest.mark.parametrize("stages", range(4))
@pytest.mark.parametrize("hidden", range(3))
@pytest.mark.parametrize("pool", ["", " -> POOL2"])
def test_the_general_pattern_with_every_usual_n_m_and_k(convolutions, stages, hidden, pool):
    """INPUT -> [[CONV -> RELU]*N -> POOL?]*M -> [FC -> RELU]*K -> FC, 0 <= N <= 3, M >= 0, 0 <= K < 3."""
    said = f"[[CONV3-8 -> RELU]*{convolutions}{pool}]*{stages} -> [FC-16 -> RELU]*{hidden}"
    kinds = [layer.kind for layer in parse_notation(f"INPUT[32x32x3] -> {said} -> FC-10").layers]
    assert kinds.count("conv") == convolutions * stages
    assert kinds.count("pool") == (stages if pool else 0)
    assert kinds.count("activation") == convolutions * stages + hidden
    assert kinds.count("linear") == hidden + 1
    assert kinds[-1] == "linear"


def test_valid_pads_nothing_and_same_keeps_the_size():
    for size in (3, 5, 7):
        valid, same = parse_notation(f"INPUT[32x32x3] -> CONV{size}-4 valid -> CONV{size}-4 -> GAP").steps[:2]
        assert valid.padding == (0, 0, 0, 0)
        assert valid.output == (4, 33 - size, 33 - size)
        assert same.output == valid.output
        assert same.padding == ((size - 1) // 2,) * 4


def test_a_cropped_column_is_never_seen():
    """W7, F3, S3: a column of 99s beside 1s, convolved with ones, gives 9 everywhere."""
    network = build_network(parse_notation("INPUT[7x7x1] -> CONV3-1 s3 valid nobias -> GAP"))
    torch.nn.init.ones_(network.get_submodule("0").weight)
    image = torch.ones(1, 1, 7, 7)
    image[..., -1] = 99
    with torch.no_grad():
        assert torch.equal(network.get_submodule("0")(image), torch.full((1, 1, 2, 2), 9.0))


@pytest.mark.parametrize(("cin", "cout", "size", "kernel"), [(3, 8, 16, 3), (16, 4, 9, 5)])
def test_a_convolution_against_a_fully_connected_layer_of_as_many_units(cin, cout, size, kernel):
    """Parameters (H·W·K)/(F1·F2·Cout) times fewer; the advantage in multiplications is H'·W' times smaller."""
    units = 100
    conv = cost_table(parse_notation(f"INPUT[{size}x{size}x{cin}] -> CONV{kernel}-{cout} nobias -> GAP")).rows[1]
    full = cost_table(parse_notation(f"INPUT[{size}x{size}x{cin}] -> FC-{units} nobias")).rows[2]
    fewer = size * size * units / (kernel * kernel * cout)
    assert full.weights / conv.weights == pytest.approx(fewer)
    assert conv.macs == cin * kernel * kernel * cout * conv.output[1] * conv.output[2]
    assert full.macs / conv.macs == pytest.approx(fewer / prod(conv.output[1:]))


def test_three_3x3_against_one_7x7():
    """27C² against 49C² weights, fields 3, 5, 7, two more nonlinearities, three times the activations."""
    small = cost_table(parse_notation("INPUT[32x32x16] -> [CONV3-16 nobias -> RELU]*3 -> GAP"))
    large = cost_table(parse_notation("INPUT[32x32x16] -> CONV7-16 nobias -> RELU -> GAP"))
    assert (small.totals.weights, large.totals.weights) == (27 * 16**2, 49 * 16**2)
    assert (large.totals.weights, small.totals.weights) == tuple(
        stack.parameters for stack in stacks(Conv(16, 7, bias=False), (16, 32, 32))
    )
    assert [row.receptive_field[0] for row in small.rows[1:6:2]] == [3, 5, 7]
    assert large.rows[1].receptive_field == (7, 7)
    nonlinearities = [sum(isinstance(row.layer, Activation) for row in costs.rows) for costs in (small, large)]
    assert nonlinearities[0] - nonlinearities[1] == 2
    assert sum(row.activations for row in small.rows[1:7]) == 3 * large.rows[1].activations
    assert small.kept_bytes() > large.kept_bytes()


@pytest.mark.parametrize(("name", "kernel", "stride"), [("zfnet", 7, 2), ("alexnet", 11, 4)])
def test_the_compromise_of_a_strided_large_window_is_made_at_the_first_layer_only(name, kernel, stride):
    first, *rest = [layer for layer in classic(name).layers if isinstance(layer, Conv)]
    assert (first.kernel, first.stride) == ((kernel, kernel), (stride, stride))
    assert all(layer.kernel[0] < kernel for layer in rest)


def test_memory_as_the_notes_count_it():
    """Parameters times 3 with gradients and momentum; 8 bytes in double; at test time only what is current."""
    costs = cost_table(classic("vgg16"))
    sgd = costs.training_memory(64)
    assert sgd.parameters + sgd.gradients + sgd.optimizer == 3 * 4 * 138_357_544
    assert costs.training_memory(64, optimizer="adamw").optimizer == 2 * sgd.optimizer
    assert costs.training_memory(64, "float64").parameters == 8 * 138_357_544
    assert costs.training_memory(32).activations == sgd.activations // 2
    assert 4 * costs.totals.activations == 60_950_432  # 61 MB; the notes' 93 MB is not the sum of their rows
    largest = 64 * 224 * 224
    assert costs.inference_memory(1).activations == 4 * (3 * 224 * 224 + 2 * largest)
