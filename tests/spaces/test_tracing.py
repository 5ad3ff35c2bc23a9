"""Shapes, padding and receptive fields of layers at work."""

from __future__ import annotations

import pytest
from convscape.spaces.architecture import Architecture
from convscape.spaces.classics.catalog import classic
from convscape.spaces.errors import ArchitectureError, GeometryError
from convscape.spaces.layers import (
    Activation,
    Conv,
    Flatten,
    GlobalPool,
    Linear,
    LocallyConnected,
    Parallel,
    Pool,
    Residual,
)
from convscape.spaces.tracing import trace
from hypothesis import given
from strategies import architectures


def test_paths_name_the_layers_and_blocks_follow_their_parts():
    layers = (Conv(4), Residual((Conv(4), Activation()), (Conv(4, 1),)), Parallel(((), (Conv(2),))))
    steps = trace(layers, (3, 8, 8), "crop")
    assert [step.path for step in steps] == ["0", "1.body.0", "1.body.1", "1.shortcut.0", "1", "2.branches.1.0", "2"]
    assert steps[-1].output == (6, 8, 8)


@given(architectures())
def test_each_layer_receives_what_the_one_before_it_gives(architecture):
    outputs = {step.path: step.output for step in architecture.steps}
    for step in architecture.steps:
        prefix, _, index = step.path.rpartition(".")
        before = f"{prefix}.{int(index) - 1}" if prefix else str(int(index) - 1)
        if int(index) > 0:
            assert step.input == outputs[before]


@given(architectures())
def test_the_padding_of_a_step_explains_its_output(architecture):
    for step in architecture.steps:
        if step.padding is None:
            continue
        for axis in (0, 1):
            reach = (step.layer.kernel[axis] - 1) * step.layer.dilation[axis] + 1
            room = step.input[1 + axis] + sum(step.padding[2 * axis : 2 * axis + 2]) - reach
            assert step.output[1 + axis] == room // step.layer.stride[axis] + 1
            if (step.layer.fit or architecture.fit) != "crop":
                assert room % step.layer.stride[axis] == 0


def test_the_receptive_field_of_a_block_covers_its_widest_branch():
    block = Parallel(((Conv(2, 1),), (Conv(2, 3), Conv(2, (5, 3))), (Pool("max", 3, 1, "same"),)))
    rows, columns = trace((block,), (3, 16, 16), "crop")[-1].fields
    assert (rows.size, columns.size) == (7, 5)


def test_a_residual_adds_its_bodys_field_and_keeps_strides():
    layers = (Conv(8, 7, 2), Pool("max", 3, 2, 1), Residual((Conv(8), Conv(8))))
    field = trace(layers, (3, 64, 64), "crop")[-1].fields[0]
    assert (field.size, field.stride) == (7 + 2 * 2 + 4 * 4, 4)


def test_global_pooling_and_flattening_see_the_whole_map():
    for layer in (GlobalPool(), Flatten()):
        rows, columns = trace((Conv(4, 3), layer), (3, 10, 12), "crop")[-1].fields
        assert (rows.size, columns.size) == (12, 14)


def test_alexnet_on_224_under_the_strict_rule_says_why_and_what_works():
    alexnet = classic("alexnet", (3, 224, 224))
    with pytest.raises(GeometryError) as caught:
        Architecture(alexnet.input, alexnet.layers, alexnet.classes, fit="strict")
    assert "layer 0 (Conv 11x11 stride 4) on height 224" in caught.value.message
    assert "(224 - 11 + 0)/4 + 1 is not whole" in caught.value.message
    assert "input 227" in caught.value.remedy
    assert "padding 2 with fit crop (gives 55)" in caught.value.remedy
    published = classic("alexnet")
    assert Architecture(published.input, published.layers, 1000, fit="strict").output == (1000,)


def refused(*layers, message, input=(3, 8, 8), error=ArchitectureError):
    with pytest.raises(error, match=message) as caught:
        trace(layers, input, "crop")
    return caught.value.remedy


def test_layers_that_cannot_follow_each_other_say_where_and_what_to_do():
    assert "Flatten" in refused(Conv(4), Linear(3), message="layer 1: Linear needs a flat input")
    assert "before the Flatten" in refused(Flatten(), Conv(4), message=r"layer 1: Conv needs \(C, H, W\)")
    refused(Flatten(), LocallyConnected(4), message="layer 1: LocallyConnected needs")
    refused(Conv(4, groups=4), message=r"layer 0: input channels \(=3\) must be divisible by `groups` \(=4\)")
    assert "1x1" in refused(Residual((Conv(4),)), message=r"Residual adds \(4, 8, 8\)")
    refused(Parallel(((), (Pool(),))), message="Parallel cannot concatenate")
    refused(Conv(4), Pool("max", 9), message="layer 1 .*on height 8", error=GeometryError)
    refused(Conv(4, (3, 9), padding=0), message="on width 8", error=GeometryError)
