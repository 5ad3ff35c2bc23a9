"""Lets a network made for large images run on small ones, by leaving out as little downsampling as possible."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from ..errors import GeometryError
from ..layers import Conv, Layer, Parallel, Pool, Residual
from ..tracing import trace

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..geometry import Fit
    from ..tracing import Shape

SMALLEST_MAP = 2
"""Cells along an axis that a convolution wider than 1x1 works on at least: on a single cell it sees padding only."""


def scaled(layers: Sequence[Layer], input: Shape, fit: Fit = "crop") -> tuple[Layer, ...]:
    """`layers`, changed only as far as they must be to work on images of `input` (C, H, W).

    Where all windows fit and every convolution wider than 1x1 works on at least 2x2 cells, nothing changes.
    Otherwise the layers that make the map smaller stop doing so, one after the other from the image on, until that
    holds: pooling is left out; convolutions get stride 1, size-keeping padding and a window no larger than
    their map; blocks change with all that is inside.

    Args:
        layers: in order.
        input: (C, H, W) of one image.
        fit: the fit rule of layers that have none of their own.

    Raises:
        GeometryError: the image itself is too small, as 1x1 is for any 3x3 convolution.
    """
    slots: list[tuple[Layer, ...]] = [(layer,) for layer in layers]
    for index, layer in enumerate(layers):
        if _works(slots, input, fit):
            break
        slots[index] = _size_keeping(layer, input, fit)
    if not _works(slots, input, fit):
        raise GeometryError(f"these layers cannot work on images of {input[1]}x{input[2]}", "Use larger images.")
    return tuple(layer for slot in slots for layer in slot)


def _works(slots: Sequence[tuple[Layer, ...]], input: Shape, fit: Fit) -> bool:
    try:
        steps = trace([layer for slot in slots for layer in slot], input, fit)
    except GeometryError:
        return False
    return all(
        kernel == 1 or size >= SMALLEST_MAP
        for step in steps
        if isinstance(step.layer, Conv)
        for kernel, size in zip(step.layer.kernel, step.input[1:], strict=True)
    )


def _size_keeping(layer: Layer, map: Shape, fit: Fit) -> tuple[Layer, ...]:
    """`layer` made to keep the size of its `map`, as no layers or one."""
    if isinstance(layer, Residual):
        return (Residual(_all_size_keeping(layer.body, map, fit), _all_size_keeping(layer.shortcut, map, fit)),)
    if isinstance(layer, Parallel):
        return (Parallel(tuple(_all_size_keeping(branch, map, fit) for branch in layer.branches)),)
    if not isinstance(layer, Conv | Pool) or _keeps_size(layer, map, fit):
        return (layer,)
    if isinstance(layer, Pool):
        return ()
    largest = min(map[1:])
    largest -= 1 - largest % 2
    kernel = (min(layer.kernel[0], largest), min(layer.kernel[1], largest))
    return (replace(layer, kernel=kernel, stride=1, padding="same", dilation=1),)


def _all_size_keeping(layers: Sequence[Layer], map: Shape, fit: Fit) -> tuple[Layer, ...]:
    return tuple(kept for layer in layers for kept in _size_keeping(layer, map, fit))


def _keeps_size(layer: Conv | Pool, map: Shape, fit: Fit) -> bool:
    channels = layer.groups if isinstance(layer, Conv) else 1
    try:
        return trace((layer,), (channels, *map[1:]), fit)[-1].output[1:] == map[1:]
    except GeometryError:
        return False
