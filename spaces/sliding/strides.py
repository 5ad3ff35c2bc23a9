"""How far apart on the image neighbouring scores of a sliding network lie."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..errors import ArchitectureError
from ..layers import Conv, GlobalPool, LocallyConnected, Parallel, Pool, Residual

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..architecture import Architecture
    from ..layers import Layer, Pair


def total_stride(architecture: Architecture) -> Pair | None:
    """Cells of the image (rows, columns) by which a sliding network moves from one place to the next.

    The product of the strides of all convolutions and poolings on the way to the scores; fully connected layers, which
    become convolutions of stride 1, do not change it.

    Args:
        architecture: the network, as it is or made by `fully_convolutional`.

    Returns:
        The stride; None where a global pooling ends the way: there is one vector of scores for an image of any size.

    Raises:
        ArchitectureError: branches of a block differ in stride, so that their maps have equal sizes on the network's
            own input alone.

    >>> from convscape.spaces.classics.catalog import classic
    >>> total_stride(classic("vgg16")), total_stride(classic("resnet18"))
    ((32, 32), None)
    """
    return _stride(architecture.layers, "")


def _stride(layers: Sequence[Layer], prefix: str) -> Pair | None:
    rows = columns = 1
    for index, layer in enumerate(layers):
        if isinstance(layer, Conv | LocallyConnected | Pool):
            own = layer.stride
        elif isinstance(layer, Residual | Parallel):
            own = _of_branches(layer, f"{prefix}{index}")
        elif isinstance(layer, GlobalPool):
            own = None
        else:
            continue
        if own is None:  # from here on the map has one cell, whatever the image's size
            return None
        rows, columns = rows * own[0], columns * own[1]
    return rows, columns


def _of_branches(layer: Residual | Parallel, path: str) -> Pair | None:
    branches = (
        {"body": layer.body, "shortcut": layer.shortcut}
        if isinstance(layer, Residual)
        else {f"branches.{number}": branch for number, branch in enumerate(layer.branches)}
    )
    strides = [_stride(branch, f"{path}.{name}.") for name, branch in branches.items()]
    if len(set(strides)) > 1:
        told = ", ".join("a global pooling" if each is None else f"{each[0]}x{each[1]}" for each in strides)
        raise ArchitectureError(
            f"layer {path}: its branches differ in stride ({told}) and cannot slide together over a larger image",
            "Give all of them the same stride.",
        )
    return strides[0]
