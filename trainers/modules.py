"""The modules that networks need and PyTorch has not: uneven padding, L2 pooling, unshared filters, blocks.

Their sources are copied into exported models: they may use torch, F, nn, Tensor, math and each other, nothing else.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, cast

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

if TYPE_CHECKING:
    from ..spaces import Pair, Sides

SMALLEST_SQUARE = 1e-12
"""What an L2 window sums to at least: the root's slope at zero is infinite, and ReLU makes windows of zeros."""


REGISTER = 16
"""Numbers of float32 that the widest register of a CPU holds."""


class Network(nn.Sequential):
    """Layers in order, (N, C, H, W) -> class scores (N, classes).

    With `pool_first` a ReLU waits until the max pooling behind it is done. The largest of a window passes it or none
    does, so scores and gradients are equal to the bit, and a quarter of the cells or fewer go through it.
    """

    pool_first = False

    def forward(self, input: Tensor) -> Tensor:
        values = input
        for layer in _pooled_first(self) if self.pool_first else self:
            values = layer(values)
        return values.flatten(1)


def _pooled_first(network: nn.Sequential) -> list[nn.Module]:
    layers = list(network)
    for at in range(len(layers) - 1):
        relu, pool, *after = layers[at : at + 3]
        # A further ReLU may overwrite the pool's output, and would overwrite what this one's gradient needs.
        if isinstance(relu, nn.ReLU) and isinstance(pool, nn.MaxPool2d) and not isinstance((*after, None)[0], nn.ReLU):
            layers[at : at + 2] = pool, relu
    return layers


class Residual(nn.Module):
    """body(x) + shortcut(x), which must agree in shape; an empty shortcut passes its input on."""

    def __init__(self, body: nn.Sequential, shortcut: nn.Sequential) -> None:
        super().__init__()
        self.body = body
        self.shortcut = shortcut

    def forward(self, input: Tensor) -> Tensor:
        return self.body(input) + self.shortcut(input)


class Parallel(nn.Module):
    """Branches over one input, concatenated along the channels."""

    def __init__(self, *branches: nn.Sequential) -> None:
        super().__init__()
        self.branches = nn.ModuleList(branches)

    def forward(self, input: Tensor) -> Tensor:
        return torch.cat([branch(input) for branch in self.branches], dim=1)


class PaddedConv2d(nn.Conv2d):
    """A convolution with its own number of zeros on each side, (N, C, H, W) -> (N, filters, H', W').

    `sides` are the zeros (top, bottom, left, right); `options` are those of nn.Conv2d.
    """

    def __init__(self, channels: int, filters: int, kernel: Pair, sides: Sides, **options: Any) -> None:
        super().__init__(channels, filters, kernel, **options)
        self.sides = sides

    def forward(self, input: Tensor) -> Tensor:
        return super().forward(pad(input, self.sides))

    def extra_repr(self) -> str:
        return f"{super().extra_repr()}, sides={self.sides}"


class OneCellConv2d(nn.Conv2d):
    """A convolution of a map of one cell, (N, C, 1, 1) -> (N, filters, H', W'); on a CPU always in its weights' type.

    There the bfloat16 gradient of such a convolution's weights is garbage where it pads and has a stride above 1
    (torch 2.14.1, oneDNN). One cell costs next to nothing.
    """

    def forward(self, input: Tensor) -> Tensor:
        if input.device.type != "cpu":
            return super().forward(input)
        with torch.autocast("cpu", enabled=False):
            return super().forward(input.to(self.weight.dtype))


class Pointwise(nn.Conv2d):
    """A 1x1 convolution with a stride, (N, C, H, W) -> (N, filters, H', W'), that picks the cells it needs first.

    Left to pick them itself, oneDNN writes past the end of its buffer where a channels_last map has fewer channels than
    a register holds, 8 with AVX2 and 16 with AVX-512: the weights' gradient is wrong, or the process dies
    (oneDNN issue 6035; torch 2.14.1). On other devices it is as any convolution.
    """

    def _conv_forward(self, input: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        if input.device.type != "cpu" or self.padding != (0, 0):
            return super()._conv_forward(input, weight, bias)
        rows, columns = self.stride
        return F.conv2d(input[:, :, ::rows, ::columns], weight, bias, groups=self.groups)


class PaddedPointwise(Pointwise, PaddedConv2d):
    """A `Pointwise` convolution with its own number of zeros on each side, as PaddedConv2d has them."""


class PaddedMaxPool2d(nn.MaxPool2d):
    """Max pooling in which padded cells are never the maximum, (N, C, H, W) -> (N, C, H', W').

    `sides` are the padded cells (top, bottom, left, right). With `some_empty` a window that holds no other cell gives
    zero.
    """

    def __init__(self, kernel: Pair, stride: Pair, sides: Sides, dilation: Pair, *, some_empty: bool) -> None:
        super().__init__(kernel, stride, dilation=dilation)
        self.sides = sides
        self.some_empty = some_empty

    def forward(self, input: Tensor) -> Tensor:
        output: Tensor = F.max_pool2d(
            pad(input, self.sides, -math.inf), self.kernel_size, self.stride, dilation=self.dilation
        )
        return output.masked_fill(output.isneginf(), 0.0) if self.some_empty else output

    def extra_repr(self) -> str:
        return f"{super().extra_repr()}, sides={self.sides}"


class PaddedAvgPool2d(nn.AvgPool2d):
    """Average pooling over a map with zeros around it, which count; (N, C, H, W) -> (N, C, H', W').

    `sides` are the zeros (top, bottom, left, right).
    """

    def __init__(self, kernel: Pair, stride: Pair, sides: Sides) -> None:
        super().__init__(kernel, stride)
        self.sides = sides

    def forward(self, input: Tensor) -> Tensor:
        return super().forward(pad(input, self.sides))

    def extra_repr(self) -> str:
        return f"{super().extra_repr()}, sides={self.sides}"


class L2Pool2d(nn.Module):
    """The root of each window's sum of squares, (N, C, H, W) -> (N, C, H', W').

    `sides` are zeros around the map (top, bottom, left, right).
    """

    def __init__(self, kernel: Pair, stride: Pair, sides: Sides) -> None:
        super().__init__()
        self.kernel, self.stride, self.sides = kernel, stride, sides

    def forward(self, input: Tensor) -> Tensor:
        squares = pad(input.square(), self.sides)
        # Not by divisor_override=1, which the exporter to ONNX leaves out (torch 2.14.1).
        sums = F.avg_pool2d(squares, self.kernel, self.stride) * (self.kernel[0] * self.kernel[1])
        return sums.clamp(min=SMALLEST_SQUARE).sqrt()

    def extra_repr(self) -> str:
        return f"kernel_size={self.kernel}, stride={self.stride}, sides={self.sides}"


class LocallyConnected2d(nn.Module):
    """A convolution with its own filters at each of its places, (N, C, H, W) -> (N, filters, H', W').

    weight: (places, C·F·F, filters); bias: (places, 1, filters). `output` is (H', W'); places go row by row. `sides`
    are zeros around the map (top, bottom, left, right).
    """

    def __init__(
        self,
        channels: int,
        filters: int,
        output: Pair,
        kernel: Pair,
        stride: Pair,
        sides: Sides,
        dilation: Pair,
        *,
        bias: bool,
    ) -> None:
        super().__init__()
        self.output, self.kernel, self.stride, self.sides, self.dilation = output, kernel, stride, sides, dilation
        places = output[0] * output[1]
        self.weight = nn.Parameter(torch.empty(places, channels * kernel[0] * kernel[1], filters))
        self.bias = nn.Parameter(torch.empty(places, 1, filters)) if bias else None

    def forward(self, input: Tensor) -> Tensor:
        windows = F.unfold(pad(input, self.sides), self.kernel, dilation=self.dilation, stride=self.stride)
        windows = windows.permute(2, 0, 1)
        scores = (
            torch.bmm(windows, self.weight) if self.bias is None else torch.baddbmm(self.bias, windows, self.weight)
        )
        return scores.permute(1, 2, 0).unflatten(2, self.output)

    def extra_repr(self) -> str:
        places, cells, filters = self.weight.shape
        return (
            f"{places} places, {cells} cells, {filters} filters, kernel_size={self.kernel}, stride={self.stride}, "
            f"sides={self.sides}, dilation={self.dilation}, bias={self.bias is not None}"
        )


class LocalResponseNorm(nn.LocalResponseNorm):
    """PyTorch's local response norm, for flat inputs (N, D) too: there each value is a channel."""

    def forward(self, input: Tensor) -> Tensor:
        return super().forward(input) if input.dim() > 2 else super().forward(input.unsqueeze(2)).squeeze(2)


def pad(input: Tensor, sides: Sides, value: float = 0.0) -> Tensor:
    """`input` (N, C, H, W) with `sides` (top, bottom, left, right) cells of `value` around it."""
    top, bottom, left, right = sides
    return F.pad(input, (left, right, top, bottom), value=value) if any(sides) else input


def fan_in(module: nn.Module) -> int:
    """How many inputs one output of a weight layer sums: C·F·F of a convolution's group, D of a linear layer."""
    if isinstance(module, LocallyConnected2d):
        return module.weight.shape[1]
    return cast("Tensor", module.weight)[0].numel()
