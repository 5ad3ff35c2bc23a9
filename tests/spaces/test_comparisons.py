"""The comparisons of the textbooks, with their figures."""

from __future__ import annotations

import pytest
from convscape.spaces.comparisons import Reduction, matrix_product, reduction, sharing, stacks
from convscape.spaces.cost import cost_table
from convscape.spaces.errors import ArchitectureError, GeometryError
from convscape.spaces.layers import Conv
from convscape.spaces.parsing import parse_notation
from hypothesis import given, strategies as st

ALEXNET_FIRST = Conv(96, 11, stride=4, padding="valid")


def test_weight_sharing_in_alexnets_first_layer():
    """CS231n ConvNet notes: 34,944 parameters shared, 290,400 x 364 = 105,705,600 unshared."""
    compared = sharing(ALEXNET_FIRST, (3, 227, 227))
    assert (compared.shared, compared.unshared) == (34_944, 105_705_600)
    assert compared.fully_connected == 290_400 * (3 * 227 * 227 + 1)


@given(st.integers(1, 4), st.integers(4, 9), st.integers(1, 5), st.integers(1, 4), st.booleans())
def test_sharing_is_what_the_layers_themselves_cost(channels, size, filters, kernel, bias):
    tail = "" if bias else " nobias"
    conv = Conv(filters, kernel, padding="valid", bias=bias)
    compared = sharing(conv, (channels, size, size))
    image = f"INPUT[{size}x{size}x{channels}]"
    shared, unshared = (
        cost_table(parse_notation(f"{image} -> {word}{kernel}-{filters} valid{tail} -> GAP")).rows[1]
        for word in ("CONV", "LOCAL")
    )
    neurons = unshared.output[0] * unshared.output[1] * unshared.output[2]
    connected = cost_table(parse_notation(f"{image} -> FC-{neurons}{tail}")).totals
    assert (compared.shared, compared.unshared) == (shared.parameters, unshared.parameters)
    assert compared.fully_connected == connected.parameters


def test_alexnets_first_layer_as_a_matrix_product():
    """CS231n ConvNet notes: W_row [96 x 363] times X_col [363 x 3025] gives [96 x 3025]."""
    product = matrix_product(ALEXNET_FIRST, (3, 227, 227))
    assert (product.filters, product.windows, product.result) == ((96, 363), (363, 3025), (96, 3025))
    assert product.copies == pytest.approx(363 * 3025 / (3 * 227 * 227))


def test_a_matrix_product_has_as_many_multiplications_as_the_convolution():
    product = matrix_product(ALEXNET_FIRST, (3, 227, 227))
    (rows, inner), (_, columns) = product.filters, product.windows
    costs = cost_table(parse_notation("INPUT[227x227x3] -> CONV11-96 s4 valid -> GAP"))
    assert rows * inner * columns == costs.totals.macs


@pytest.mark.parametrize(("kernel", "weights", "layers", "stacked"), [(7, 49, 3, 27), (5, 25, 2, 18)])
def test_one_large_layer_against_a_stack_of_3x3(kernel, weights, layers, stacked):
    """Simonyan & Zisserman 2014, section 2.3: 49C² against 27C², 81 % more."""
    one, several = stacks(Conv(64, kernel, bias=False), (64, 32, 32))
    assert (one.parameters, several.parameters) == (weights * 64**2, stacked * 64**2)
    assert (one.macs, several.macs) == (one.parameters * 32 * 32, several.parameters * 32 * 32)
    assert several.layers == several.nonlinearities == layers
    assert one.nonlinearities == 1
    assert several.activations == layers * one.activations == layers * 64 * 32 * 32
    assert one.receptive_field == several.receptive_field == (kernel, kernel)


@given(
    st.sampled_from([5, 7, 9]), st.integers(1, 4), st.integers(1, 2),
    st.sampled_from(["same", "valid"]) | st.tuples(*[st.integers(0, 9)] * 4), st.sampled_from(["crop", "pad"]),
    st.integers(1, 24), st.integers(1, 24),
)  # fmt: skip
def test_a_stack_sees_as_much_and_gives_as_large_a_map(kernel, stride, dilation, padding, fit, height, width):
    conv = Conv(4, kernel, stride, padding, dilation=dilation, groups=2)
    try:
        one, several = stacks(conv, (2, height, width), fit)
    except GeometryError:
        with pytest.raises(GeometryError):
            sharing(conv, (2, height, width), fit)
        return
    assert one.output == several.output
    assert one.receptive_field == several.receptive_field == (dilation * (kernel - 1) + 1,) * 2


def test_a_reduction_takes_about_its_share():
    """R(C + 1) + K(R·F·F + 1) against K(C·F·F + 1): about R/C of it."""
    compared = reduction(192, 16, Conv(32, 5))
    assert compared == Reduction(direct=32 * (192 * 25 + 1), reduced=16 * 193 + 32 * (16 * 25 + 1))
    assert compared.reduced / compared.direct == pytest.approx(16 / 192, abs=0.03)
    costs = cost_table(parse_notation("INPUT[28x28x192] -> CONV1-16 -> CONV5-32 -> GAP"))
    assert compared.reduced == costs.totals.parameters


def test_what_cannot_be_compared_is_refused():
    for kernel in (4, 3, 1, (7, 5)):
        with pytest.raises(ArchitectureError, match="no stack of 3x3 layers sees"):
            stacks(Conv(8, kernel), (8, 16, 16))
    with pytest.raises(ArchitectureError, match="`groups`"):
        matrix_product(Conv(4, 3, groups=2), (4, 8, 8))
    with pytest.raises(ArchitectureError, match="`groups`"):
        reduction(4, 3, Conv(4, 3, groups=2))
    with pytest.raises(GeometryError):
        sharing(Conv(4, 9, padding="valid"), (3, 8, 8))
