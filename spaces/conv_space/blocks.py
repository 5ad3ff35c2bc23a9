"""What a stage repeats: a plain convolution, or a residual, bottleneck, inception or separable block, as layers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

from ..layers import PAPER_LRN, Activation, ActivationName, BatchNorm, Conv, Dropout, Layer, Parallel, Pool, Residual

Block = Literal["plain", "residual", "bottleneck", "inception", "separable"]
BLOCKS: tuple[Block, ...] = ("plain", "residual", "bottleneck", "inception", "separable")
SIZE_KEEPING: tuple[Block, ...] = ("residual", "bottleneck", "inception")
"""Blocks whose branches must agree in size, so that their convolutions are padded to keep it."""
Norm = Literal["batch", "local_response", "none"]
NORMS: tuple[Norm, ...] = ("batch", "local_response", "none")
Padding = Literal["same", "valid"]
Group: TypeAlias = tuple[Layer, ...]
"""A convolution, pooling or block with what follows it cell by cell."""


@dataclass(frozen=True, slots=True)
class Style:
    """What does not change a stage's map: K, and what follows its convolutions and its end.

    dropout: rate of what zeroes the stage's result; spatial: by whole feature maps.
    """

    filters: int
    norm: Norm = "none"
    activation: ActivationName = "relu"
    dropout: float = 0.0
    spatial: bool = True

    def then(self, *layers: Layer) -> Group:
        """The layers, the normalisation and the activation."""
        return (*self.normed(*layers), Activation(self.activation), *self._responses)

    def normed(self, *layers: Layer) -> Group:
        """The layers and the batch normalisation."""
        return (*layers, BatchNorm()) if self.norm == "batch" else layers

    @property
    def _responses(self) -> Group:
        """After the activation, as in Krizhevsky et al. 2012, 3.3."""
        return (PAPER_LRN,) if self.norm == "local_response" else ()

    @property
    def ending(self) -> tuple[Group, ...]:
        """The dropout after the stage, if any."""
        return ((Dropout(self.dropout, self.spatial),),) if self.dropout else ()


@dataclass(frozen=True, slots=True)
class Window:
    """A filter of FxF: as one, or as a stack of 3x3 with the same receptive field; dilated or not."""

    kernel: int
    form: Literal["single", "stack"] = "single"
    dilation: int = 1
    padding: Padding = "same"

    def convolutions(self, filters: int, stride: int, groups: int = 1) -> list[Conv]:
        """From the first to the last, which has the stride, so that a stack's receptive field is the filter's."""
        kernels = [3] * ((self.kernel - 1) // 2) if self.form == "stack" and self.kernel > 3 else [self.kernel]
        strides = [1] * (len(kernels) - 1) + [stride]
        return [
            Conv(filters, f, s, self.padding, dilation=self.dilation if f > 1 else 1, groups=groups)
            for f, s in zip(kernels, strides, strict=True)
        ]


def plain(window: Window, _: int, stride: int, style: Style) -> tuple[Group, ...]:
    """CONV -> norm -> activation."""
    return tuple(style.then(conv) for conv in window.convolutions(style.filters, stride))


def separable(window: Window, channels: int, stride: int, style: Style) -> tuple[Group, ...]:
    """A filter for each channel, then 1x1 across them (Howard et al. 2017, figure 3)."""
    depthwise = window.convolutions(channels, stride, groups=channels)
    return tuple(style.then(conv) for conv in (*depthwise, Conv(style.filters, 1)))


def residual(window: Window, channels: int, stride: int, style: Style) -> tuple[Group, ...]:
    """Two convolutions beside a shortcut, projected where shapes differ (He et al. 2015, figure 2)."""
    filters = style.filters
    body = [*window.convolutions(filters, stride), *window.convolutions(filters, 1)]
    return _beside_shortcut(body, channels, stride, style)


def bottleneck(window: Window, channels: int, stride: int, style: Style) -> tuple[Group, ...]:
    """1x1 to K/4, FxF, 1x1 back to K, beside a shortcut (He et al. 2015, figure 5)."""
    inner = max(1, style.filters // 4)
    body = [Conv(inner, 1), *window.convolutions(inner, stride), Conv(style.filters, 1)]
    return _beside_shortcut(body, channels, stride, style)


def _beside_shortcut(body: list[Conv], channels: int, stride: int, style: Style) -> tuple[Group, ...]:
    *first, last = body
    layers = tuple(layer for conv in first for layer in style.then(conv))
    changes = stride > 1 or channels != style.filters
    shortcut = style.normed(Conv(style.filters, 1, stride)) if changes else ()
    return ((Residual((*layers, *style.normed(last)), shortcut), Activation(style.activation)),)


def inception(window: Window, _: int, stride: int, style: Style) -> tuple[Group, ...]:
    """1x1, FxF, (F+2)x(F+2) and 3x3 max pooling side by side, in the shares of inception (3a): 2, 4, 1 and 1 eighths
    of K, the large ones after a 1x1 to 3/4 and 1/2 of theirs (Szegedy et al. 2014, table 1).
    """
    one, large, pooled = (max(1, style.filters // share) for share in (4, 8, 8))
    middle = max(1, style.filters - one - large - pooled)
    larger = Window(window.kernel + 2, window.form, window.dilation)
    branches: list[list[Layer]] = [
        [Conv(one, 1, stride)],
        [Conv(max(1, middle * 3 // 4), 1), *window.convolutions(middle, stride)],
        [Conv(max(1, large // 2), 1), *larger.convolutions(large, stride)],
        [Pool("max", 3, stride, "same"), Conv(pooled, 1)],
    ]
    return ((Parallel(tuple(_with_style(branch, style) for branch in branches)),),)


def _with_style(branch: list[Layer], style: Style) -> Group:
    return tuple(part for layer in branch for part in (style.then(layer) if isinstance(layer, Conv) else (layer,)))


def width(block: Block, filters: int) -> int:
    """Channels a block of K gives: K, of inception one a branch at least."""
    return max(4, filters) if block == "inception" else filters


UNITS = {
    "plain": plain,
    "residual": residual,
    "bottleneck": bottleneck,
    "inception": inception,
    "separable": separable,
}
"""The layers of each block from its window, the channels it gets, its stride and its style."""
