"""What a stage repeats, as layers: a plain convolution, or a residual, bottleneck, inception or separable block."""

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
    """What a stage has that does not change the size of its map.

    Args:
        filters: K of the stage.
        norm: "batch" after each convolution, "local_response" after the activation, or "none".
        activation: after each convolution.
        dropout: rate of the dropout that ends the stage, 0 for none.
        spatial: whether that drops whole feature maps.
    """

    filters: int
    norm: Norm = "none"
    activation: ActivationName = "relu"
    dropout: float = 0.0
    spatial: bool = True

    def then(self, *layers: Layer) -> Group:
        """The layers, followed by the style's normalisation and activation."""
        return (*self.normed(*layers), Activation(self.activation), *self._responses)

    def normed(self, *layers: Layer) -> Group:
        """The layers, followed by batch normalisation where the style has it."""
        return (*layers, BatchNorm()) if self.norm == "batch" else layers

    @property
    def _responses(self) -> Group:
        """After the activation, as in Krizhevsky et al. 2012, 3.3."""
        return (PAPER_LRN,) if self.norm == "local_response" else ()

    @property
    def ending(self) -> tuple[Group, ...]:
        """The dropout that ends the stage, as one group; () where there is none."""
        return ((Dropout(self.dropout, self.spatial),),) if self.dropout else ()


@dataclass(frozen=True, slots=True)
class Window:
    """The filter of a stage's convolutions, FxF.

    Args:
        kernel: F, in cells.
        form: "single" FxF, or a "stack" of 3x3 with an equal receptive field.
        dilation: D, 1 for a dense filter.
        padding: "same" or "valid".
    """

    kernel: int
    form: Literal["single", "stack"] = "single"
    dilation: int = 1
    padding: Padding = "same"

    def convolutions(self, filters: int, stride: int, groups: int = 1) -> list[Conv]:
        """The convolutions that stand for one FxF filter: one, or a stack of 3x3, of which the last has the stride.

        So the receptive field of a stack is the filter's.

        Args:
            filters: K of each.
            stride: S, cells the filter moves.
            groups: of each.
        """
        kernels = [3] * ((self.kernel - 1) // 2) if self.form == "stack" and self.kernel > 3 else [self.kernel]
        strides = [1] * (len(kernels) - 1) + [stride]
        return [
            Conv(filters, f, s, self.padding, dilation=self.dilation if f > 1 else 1, groups=groups)
            for f, s in zip(kernels, strides, strict=True)
        ]


def plain(window: Window, _: int, stride: int, style: Style) -> tuple[Group, ...]:
    """Layers of a plain convolution: CONV -> norm -> activation, for each of a stack.

    Args:
        window: the filter.
        stride: S, cells the filter moves.
        style: filters, norm and activation.
    """
    return tuple(style.then(conv) for conv in window.convolutions(style.filters, stride))


def separable(window: Window, channels: int, stride: int, style: Style) -> tuple[Group, ...]:
    """Layers of a separable convolution: a filter for each channel, then 1x1 across them (Howard et al. 2017, fig. 3).

    Args:
        window: the filter.
        channels: C of the input.
        stride: S, cells the filter moves.
        style: filters, norm and activation.
    """
    depthwise = window.convolutions(channels, stride, groups=channels)
    return tuple(style.then(conv) for conv in (*depthwise, Conv(style.filters, 1)))


def residual(window: Window, channels: int, stride: int, style: Style) -> tuple[Group, ...]:
    """Layers of a residual block: two convolutions beside a shortcut, projected where shapes differ.

    The block is that of He et al. 2015, figure 2.

    Args:
        window: the filter of both convolutions.
        channels: C of the input.
        stride: S of the first convolution.
        style: filters, norm and activation.
    """
    filters = style.filters
    body = [*window.convolutions(filters, stride), *window.convolutions(filters, 1)]
    return _beside_shortcut(body, channels, stride, style)


def bottleneck(window: Window, channels: int, stride: int, style: Style) -> tuple[Group, ...]:
    """Layers of a bottleneck block: 1x1 to K/4, FxF, 1x1 back to K, beside a shortcut (He et al. 2015, figure 5).

    Args:
        window: the FxF filter.
        channels: C of the input.
        stride: S of the FxF filter.
        style: K, norm and activation.
    """
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
    """Layers of an inception block: 1x1, FxF, (F+2)x(F+2) and 3x3 max pooling side by side.

    The branches have the shares of inception (3a): 2, 4, 1 and 1 eighths of K, the large filters after a 1x1 to 3/4 and
    1/2 of their branch's share (Szegedy et al. 2014, table 1).

    Args:
        window: the FxF filter.
        stride: S of all branches.
        style: K, norm and activation.
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
    """Channels that a block gives for `filters` (K): K, but an inception block at least one a branch."""
    return max(4, filters) if block == "inception" else filters


UNITS = {
    "plain": plain,
    "residual": residual,
    "bottleneck": bottleneck,
    "inception": inception,
    "separable": separable,
}
"""For each block, what makes its layers from its window, the channels it gets, its stride and its style."""
