"""One stage of a network, [CONV -> norm? -> RELU]*N -> POOL? or with blocks for CONV, as a frozen value."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Literal, TypeAlias

from ..errors import GeometryError
from ..geometry import Fit, output_size, span
from ..layers import Conv, Pool
from .blocks import UNITS, Block, Group, Padding, Style, Window, width

Downsampling = Literal["max", "average", "l2", "overlapping", "strided", "convolution", "conv_pool", "none"]
"""How a stage makes its map smaller at its end."""
DOWNSAMPLING: tuple[Downsampling, ...] = (
    "max", "average", "l2", "overlapping", "strided", "convolution", "conv_pool", "none"
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Stage:
    """The choices of one stage that the size of its map depends on.

    Args:
        convolutions: N, how many convolutions or blocks.
        block: what is repeated, one of `blocks.BLOCKS`.
        kernel: F, cells of the filters along each axis.
        form: "single" FxF, or a "stack" of 3x3 with an equal receptive field.
        dilation: D of the filters, 1 for dense ones.
        stride: S of the first convolution or block.
        padding: of all convolutions, "same" where the block needs it.
        downsampling: how the stage ends (see `space.ConvSpace`).
    """

    convolutions: int
    block: Block
    kernel: int
    form: Literal["single", "stack"]
    dilation: int
    stride: int
    padding: Padding
    downsampling: Downsampling

    def groups(self, channels: int, style: Style) -> tuple[Group, ...]:
        """The stage's layers, in groups: each convolution, pooling or block with what follows it cell by cell.

        Args:
            channels: C of the stage's input.
            style: filters, norm, activation and dropout of the stage.
        """
        return _groups(self, channels, style)

    def channels(self, style: Style) -> int:
        """C of the map that the stage gives.

        Args:
            style: the filters of the stage.
        """
        convolved = self.downsampling in ("convolution", "conv_pool")
        return style.filters if convolved else width(self.block, style.filters)

    @property
    def window(self) -> Window:
        """The filter of the stage's convolutions, without their stride."""
        return Window(self.kernel, self.form, self.dilation, self.padding)

    @property
    def strides(self) -> tuple[int, ...]:
        """Stride of each convolution or block of the stage, from the first to the last."""
        result = [self.stride] + [1] * (self.convolutions - 1)
        if self.downsampling == "strided":
            result[-1] *= 2
        return tuple(result)


@lru_cache(maxsize=100_000)
def _groups(stage: Stage, channels: int, style: Style) -> tuple[Group, ...]:
    result: list[Group] = []
    for stride in stage.strides:
        result += UNITS[stage.block](stage.window, channels, stride, style)
        channels = width(stage.block, style.filters)
    result += [style.then(last) if isinstance(last, Conv) else (last,) for last in _ending(stage, style.filters)]
    return (*result, *style.ending)


def _ending(stage: Stage, filters: int) -> tuple[Conv | Pool, ...]:
    """What makes the map smaller once the convolutions or blocks are done."""
    match stage.downsampling:
        case "max" | "average" | "l2":
            return (Pool(stage.downsampling, 2, 2),)
        case "overlapping":
            return (Pool("max", 3, 2),)
        case "convolution":  # All-CNN (Springenberg et al. 2014, section 2)
            return (Conv(filters, 3, 2, stage.padding),)
        case "conv_pool":  # ConvPool-CNN (the same)
            return (Conv(filters, 3, 1, stage.padding), Pool("max", 3, 2))
        case "strided" | "none":
            return ()


def after(stage: Stage, size: tuple[int, int], fit: Fit) -> tuple[int, int] | None:
    """(H, W) of a map after `stage`, None where a window does not fit.

    Args:
        stage: what the map goes through.
        size: (H, W) of the map, in cells.
        fit: what windows do where they do not tile their input.
    """
    return through(shrinking(stage), size, fit)


Shrinking: TypeAlias = tuple[tuple[int, int], ...]
"""Windows (F, S) without padding that change a map as a stage does; what keeps the size is left out."""


@lru_cache(maxsize=100_000)
def shrinking(stage: Stage) -> Shrinking:
    """How `stage` changes the size of a map, as windows (F, S) without padding; all are square.

    A block's branches all change it as its FxF filter at its stride does.
    """
    filters = [conv for stride in stage.strides for conv in stage.window.convolutions(1, stride)]
    result: list[tuple[int, int]] = []
    for window in (*filters, *_ending(stage, 1)):
        loss = 0 if window.padding == "same" else span(window.kernel[0], window.dilation[0]) - 1
        if window.stride[0] == 1 and result and result[-1][1] == 1:
            loss += result.pop()[0] - 1
        if loss or window.stride[0] > 1:
            result.append((loss + 1, window.stride[0]))
    return tuple(result)


def through(windows: Shrinking, size: tuple[int, int], fit: Fit) -> tuple[int, int] | None:
    """(H, W) of a map after square windows without padding, None where one does not fit.

    Args:
        windows: (F, S) of each, in order.
        size: (H, W) of the map, in cells.
        fit: what windows do where they do not tile their input.
    """
    height = _length(windows, size[0], fit)
    width = height and (height if size[1] == size[0] else _length(windows, size[1], fit))
    return (height, width) if height and width else None


@lru_cache(maxsize=1_000_000)
def _length(windows: Shrinking, cells: int, fit: Fit) -> int | None:
    """Cells along one axis."""
    try:
        for kernel, stride in windows:
            cells = output_size(cells, kernel, stride, fit=fit)
    except GeometryError:
        return None
    return cells
