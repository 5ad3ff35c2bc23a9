"""The comparisons textbooks make between ways of building a convolution, as numbers."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING, Literal, TypeAlias

from .architecture import Architecture
from .cost import cost_table
from .errors import ArchitectureError
from .layers import Conv, GlobalPool, Sides
from .tracing import trace

if TYPE_CHECKING:
    from .geometry import Fit
    from .tracing import Step

Padding: TypeAlias = Literal["valid", "same"] | Sides


@dataclass(frozen=True, slots=True)
class Sharing:
    """Parameters of one layer, biases included, with filters shared by all places, by none, or fully connected."""

    shared: int
    unshared: int
    fully_connected: int


@dataclass(frozen=True, slots=True)
class MatrixProduct:
    """A convolution as one matrix product W_row · X_col (im2col).

    `filters`, `windows` and `result` are the sizes (rows, columns) of W_row, of the unrolled windows X_col and of the
    product.
    """

    filters: tuple[int, int]
    windows: tuple[int, int]
    result: tuple[int, int]
    copies: float
    """How many times each input cell is copied into the windows, on average."""


@dataclass(frozen=True, slots=True)
class Stack:
    """What `layers` convolutions of `kernel` x `kernel`, one after the other with a nonlinearity after each, cost.

    `output` is (C, H, W) of the last, `macs` the multiply-accumulates for one image.
    """

    layers: int
    kernel: int
    receptive_field: tuple[int, int]
    """Cells (rows, columns) of the first layer's input that one output cell sees."""
    output: tuple[int, int, int]
    parameters: int
    """Weights and biases."""
    macs: int
    nonlinearities: int
    activations: int
    """Cells of all maps that the layers make for one image."""


@dataclass(frozen=True, slots=True)
class Reduction:
    """Parameters, biases included, of a layer alone (`direct`), and behind a 1x1 layer that makes fewer maps.

    `reduced` includes the parameters of the 1x1 layer.
    """

    direct: int
    reduced: int


def sharing(conv: Conv, input: tuple[int, int, int], fit: Fit = "crop") -> Sharing:
    """What weight sharing saves `conv` on an input of (C, H, W): parameters with shared, unshared and full connections.

    Shared (F·F·C/groups)·K + K; unshared as many for each of H'·W' places; fully connected C·H·W + 1 a neuron
    (CS231n ConvNet notes, "parameter sharing").

    Args:
        conv: the convolution; without `bias` no biases are counted.
        input: (C, H, W) of one image.
        fit: the fit rule where `conv` has none of its own.

    Raises:
        GeometryError: a window does not fit.

    >>> from convscape.spaces.layers import Conv
    >>> sharing(Conv(96, 11, stride=4, padding="valid"), (3, 227, 227)).unshared
    105705600
    """
    step = _step(conv, input, fit)
    places = step.output[1] * step.output[2]
    bias = 1 if conv.bias else 0
    shared = conv.filters * (_window(conv, step) + bias)
    return Sharing(shared, shared * places, conv.filters * places * (prod(input) + bias))


def matrix_product(conv: Conv, input: tuple[int, int, int], fit: Fit = "crop") -> MatrixProduct:
    """`conv` on an input of (C, H, W) as one matrix product, its windows unrolled into columns (im2col).

    Args:
        conv: a convolution without groups.
        input: (C, H, W) of one image.
        fit: the fit rule where `conv` has none of its own.

    Raises:
        GeometryError: a window does not fit.
        ArchitectureError: groups, which take one product each.

    >>> from convscape.spaces.layers import Conv
    >>> matrix_product(Conv(96, 11, stride=4, padding="valid"), (3, 227, 227)).windows
    (363, 3025)
    """
    if conv.groups > 1:
        raise ArchitectureError(
            f"`groups` (={conv.groups}) make as many products, not one", "Compare one group's channels and filters."
        )
    step = _step(conv, input, fit)
    window, places = _window(conv, step), step.output[1] * step.output[2]
    return MatrixProduct(
        (conv.filters, window), (window, places), (conv.filters, places), window * places / prod(input)
    )


def stacks(conv: Conv, input: tuple[int, int, int], fit: Fit = "crop") -> tuple[Stack, Stack]:
    """`conv` on an input of (C, H, W), and the stack of 3x3 that sees as much and gives as large a map.

    Weights F²C² against n·3²C² with n = (F - 1)/2, for as many filters as channels (Simonyan & Zisserman 2014, section
    2.3). The last of the stack has the stride; given padding is spread over them, most to the first.

    Args:
        conv: a convolution with a square, odd kernel larger than 3x3.
        input: (C, H, W) of one image.
        fit: the fit rule where `conv` has none of its own.

    Returns:
        The cost of `conv`, then that of the stack.

    Raises:
        ArchitectureError: F is not odd, not above 3 or not equal along both axes.
        GeometryError: a window does not fit.

    >>> from convscape.spaces.layers import Conv
    >>> [stack.parameters for stack in stacks(Conv(1, 7, bias=False), (1, 32, 32))]
    [49, 27]
    """
    rows, columns = conv.kernel
    if rows != columns or rows <= 3 or rows % 2 == 0:
        raise ArchitectureError(
            f"no stack of 3x3 layers sees {rows}x{columns} in place of one layer",
            "n layers of 3x3 see 2n + 1: 5x5, 7x7 and so on.",
        )
    count = rows // 2
    small = tuple(
        Conv(
            conv.filters, 3, conv.stride if index == count - 1 else 1, _share(conv.padding, index, count),
            dilation=conv.dilation, groups=conv.groups, bias=conv.bias, fit=conv.fit,
        )
        for index in range(count)
    )  # fmt: skip
    return _stack((conv,), input, fit), _stack(small, input, fit)


def reduction(channels: int, reduced: int, conv: Conv) -> Reduction:
    """Parameters of `conv` on `channels` maps, alone and behind a 1x1 layer that makes them `reduced` maps.

    K(C·F·F + 1) against R(C + 1) + K(R·F·F + 1) (Szegedy et al. 2014, section 4). Height and width do not matter.

    Args:
        channels: C, maps of the input.
        reduced: R, maps that the 1x1 layer leaves.
        conv: the convolution; the 1x1 layer has biases where it has.

    Raises:
        ArchitectureError: `channels` or `reduced` cannot be split into the groups of `conv`.

    >>> from convscape.spaces.layers import Conv
    >>> reduction(256, 64, Conv(256, 3))
    Reduction(direct=590080, reduced=164160)
    """
    bias = 1 if conv.bias else 0
    cells = conv.kernel[0] * conv.kernel[1]
    for maps in (channels, reduced):
        if maps < 1 or maps % conv.groups:
            raise ArchitectureError(f"{maps} maps cannot be split into `groups` (={conv.groups})")
    direct = conv.filters * (channels // conv.groups * cells + bias)
    behind = conv.filters * (reduced // conv.groups * cells + bias)
    return Reduction(direct, reduced * (channels + bias) + behind)


def _step(conv: Conv, input: tuple[int, int, int], fit: Fit) -> Step:
    return trace((conv,), input, fit)[-1]


def _share(padding: Padding, index: int, count: int) -> Padding:
    """What one of `count` layers pads of cells that all of them pad."""
    if isinstance(padding, str):
        return padding
    top, bottom, left, right = (cells // count + (index < cells % count) for cells in padding)
    return top, bottom, left, right


def _stack(layers: tuple[Conv, ...], input: tuple[int, int, int], fit: Fit) -> Stack:
    rows = cost_table(Architecture(input, (*layers, GlobalPool()), layers[-1].filters, fit)).rows[1:-1]
    channels, height, width = rows[-1].output
    return Stack(
        layers=len(layers),
        kernel=layers[0].kernel[0],
        receptive_field=rows[-1].receptive_field,
        output=(channels, height, width),
        parameters=sum(row.parameters for row in rows),
        macs=sum(row.macs for row in rows),
        nonlinearities=len(layers),
        activations=sum(row.activations for row in rows),
    )


def _window(conv: Conv, step: Step) -> int:
    """Weights of one filter."""
    return step.input[0] // conv.groups * conv.kernel[0] * conv.kernel[1]
