"""An exported network on larger images: its fully convolutional form, and how far that is from classifying crops."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import torch
from torch.nn.functional import interpolate

from ...spaces import SlidingNetwork, cost_table, fully_convolutional, total_stride
from ..network import build_network
from ..predicting import pictures_at_a_time
from ..sliding import compare_with_crops, convert_weights

if TYPE_CHECKING:
    from ..sliding import CropComparison
    from .trained import Trained

STRIDES = 5
"""By how many strides the images that are compared are larger than the network's own, along each axis: 36 crops."""
MOST_IMAGES = 16
"""Test images that are compared, at most."""
MOST_MACS = 10**12
"""Multiply-accumulates that classifying their crops once may take: of a large network fewer images are compared."""
REPEATS = 3


def as_fully_convolutional(trained: Trained) -> Trained:
    """A trained network with its fully connected layers as convolutions; it shares the memory of the weights.

    Args:
        trained: the network and its data.

    Raises:
        ArchitectureError: the network cannot slide (see `fully_convolutional`).
    """
    architecture = fully_convolutional(trained.architecture)
    with torch.device("meta"):
        network = build_network(architecture)
    weights = convert_weights(trained.architecture, trained.network.state_dict())
    network.load_state_dict(weights, assign=True)
    return replace(trained, architecture=architecture, network=network.eval())


def compare_on_larger(trained: Trained) -> CropComparison | None:
    """Compares one pass over enlarged test images with classifying their crops; None where the head is a pooling.

    Test images are enlarged by bilinear interpolation, to STRIDES strides more than the network's own size.

    Args:
        trained: the network before its fully connected layers became convolutions.

    Raises:
        ArchitectureError: the network cannot slide.
    """
    native = trained.architecture
    stride = total_stride(fully_convolutional(native))
    if stride is None:
        return None
    channels, *own = native.input
    rows, columns = (size + STRIDES * each for size, each in zip(own, stride, strict=True))
    over = SlidingNetwork(native, (channels, rows, columns))
    count = min(
        MOST_IMAGES,
        pictures_at_a_time(over),
        max(MOST_MACS // (over.places * cost_table(native).totals.macs), 1),
        len(trained.dataset.test),
    )
    pixels = trained.pixels(0, count).float()
    enlarged = interpolate(pixels, size=(rows, columns), mode="bilinear", antialias=True) / 255
    mean, std = (torch.tensor(each).view(1, -1, 1, 1) for each in (trained.dataset.mean, trained.dataset.std))
    return compare_with_crops(native, trained.network, (enlarged - mean) / std, repeats=REPEATS)
