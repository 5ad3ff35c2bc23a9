"""Slides a network over images: the scores of one pass, of places twice as dense, and the crops they stand for."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING, NamedTuple

import torch

from ...spaces import ArchitectureError

if TYPE_CHECKING:
    from torch import Tensor

    from ...spaces import Pair
    from .network import FullyConvolutional


@torch.inference_mode()
def slide(network: FullyConvolutional, images: Tensor, *, half_stride: bool = False) -> Tensor:
    """Class scores of every place of larger images, (N, C, H, W) -> (N, classes, H', W'), one pass for all of them.

    Where no layer pads, place (i, j) has the scores of the crop of the network's own size at (i, j) times the stride.

    Args:
        network: made by `sliding_network`.
        images: prepared as those that the network was trained on, at least of its own size.
        half_stride: places half as far apart, by passes over the image shifted by half the stride down, right, and
            both, whose scores are put between those of the first (shift-and-stitch: Sermanet et al. 2014, section 3.3;
            Long et al. 2015, section 3.2). Along an axis on which the stride is 1 there is nothing between.

    Raises:
        ArchitectureError: the network cannot slide over images of this size, or its stride has no half.
    """
    over = network.over(images)
    if not half_stride:
        return network(images)
    if over.stride is None:
        raise ArchitectureError("the network's head is a global pooling: it has no stride to halve", "Leave it whole.")
    rows, columns = (
        _axis(*sizes) for sizes in zip(images.shape[2:], network.architecture.input[1:], over.stride, strict=True)
    )
    dense = images.new_empty(len(images), network.architecture.classes, rows.places, columns.places)
    for (row, down), (column, right) in product(rows.passes, columns.passes):
        between = dense[:, :, down, right]
        scores = network(images[:, :, row:, column:])
        between.copy_(scores[:, :, : between.shape[2], : between.shape[3]])  # a rest may have given one place more
    return dense


def average_scores(scores: Tensor) -> Tensor:
    """One vector of scores for each image, (N, classes, H', W') -> (N, classes): the mean over its places.

    Scores are averaged, and not probabilities: so the literature does (CS231n ConvNet notes; Simonyan & Zisserman 2014,
    section 3.2), and so does every network that ends with a global average.
    """
    return scores.mean((2, 3))


def sliding_probabilities(network: FullyConvolutional, images: Tensor, *, half_stride: bool = False) -> Tensor:
    """Probabilities of the classes, (N, C, H, W) -> (N, classes), of the scores averaged over all places of an image.

    Args:
        network: made by `sliding_network`.
        images: prepared as those that the network was trained on, at least of its own size.
        half_stride: average over places half as far apart (see `slide`).

    Raises:
        ArchitectureError: the network cannot slide over images of this size, or its stride has no half.
    """
    return average_scores(slide(network, images, half_stride=half_stride)).softmax(1)


def crops(images: Tensor, size: Pair, stride: Pair) -> Tensor:
    """Every crop of `size` whose corner is a multiple of `stride`, (N, C, H, W) -> a view (N, H', W', C, *size).

    Args:
        images: at least as large as a crop.
        size: cells (rows, columns) of a crop.
        stride: cells (rows, columns) from one crop to the next.
    """
    windows = images.unfold(2, size[0], stride[0]).unfold(3, size[1], stride[1])
    return windows.permute(0, 2, 3, 1, 4, 5)


class _Axis(NamedTuple):
    """The passes that half a stride takes along one axis."""

    places: int
    """Places along it, those of all passes together."""
    passes: tuple[tuple[int, slice], ...]
    """By how many cells of the image each pass is shifted, and which of the places it gives."""


def _axis(size: int, own: int, stride: int) -> _Axis:
    """The passes along an axis of an image of `size` cells, for a network of its `own` size."""
    if stride == 1:
        return _Axis(size - own + 1, ((0, slice(None)),))
    half, rest = divmod(stride, 2)
    if rest:
        raise ArchitectureError(f"a stride of {stride} has no half in whole cells", "Leave the stride whole.")
    places = (size - own) // half + 1
    passes = ((0, slice(0, None, 2)), (half, slice(1, None, 2)))
    return _Axis(places, passes if places > 1 else passes[:1])
