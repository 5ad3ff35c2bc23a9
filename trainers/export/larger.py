"""An exported network on larger images: its fully convolutional form, and how far that is from classifying crops."""

from __future__ import annotations

import statistics
from dataclasses import replace
from typing import TYPE_CHECKING

import torch
from torch.nn.functional import interpolate

from ...spaces import SlidingNetwork, cost_table, fully_convolutional, total_stride
from ..network import build_network
from ..predicting import pictures_at_a_time
from ..sliding import compare_with_crops, convert_weights
from .markdown import image_size
from .pytorch_source import takes_any_size

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..sliding import CropComparison
    from .measured import Figures
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


def larger_section(trained: Trained, figures: Figures) -> list[str]:
    """The lines of a model card on larger images; none where the network takes images of its own size alone.

    Args:
        trained: the network and its data.
        figures: what was found of it.
    """
    if figures.converted_from is None and not takes_any_size(trained.architecture):
        return []
    if (found := figures.larger) is None:
        told = [
            (
                "The head is a pooling: an image of any size that the windows fit gives one vector of scores. "
                "`predict` takes it; `python model.py --own-size IMAGE` does not resize a larger picture."
            )
        ]
    else:
        told = _compared_with_crops(found)
    return [
        "## Larger images",
        "",
        *told,
        "",
        (
            "Scores of a larger image say more only where the network knows things of that scale: it was trained on "
            f"images of {image_size(trained.architecture.input)}, and its accuracy above is that on such images."
        ),
    ]


def _compared_with_crops(found: CropComparison) -> list[str]:
    rows, columns = found.places
    told = (
        "Fully connected layers are written as convolutions: at the network's own size the scores are those of the "
        "trained network, as the table above shows; a larger image gives scores every "
        f"{_by(found.stride)} pixels in one pass. {found.images} test images, enlarged to {_by(found.size[1:])}, "
        f"against their {rows * columns} crops each:"
    )
    inner = (
        "" if found.inner_difference is None else f", {found.inner_difference:.2g} at places that are not the outermost"
    )
    padding = (
        "Layers pad: around each crop they see zeros where the pass sees the image, so that scores differ."
        if found.pads
        else "No layer pads: scores are those of the crops, but for rounding."
    )
    once, crops = (1e3 * statistics.median(each) for each in (found.pass_seconds, found.crops_seconds))
    ratio, low, high = statistics.median(found.ratios), min(found.ratios), max(found.ratios)
    return [
        told,
        "",
        f"- Largest difference of a score: {found.difference:.2g} of the largest{inner}. {padding}",
        f"- Same class at {found.agreement:.1%} of the places.",
        (
            f"- One pass {once:.3g} ms, crops {crops:.3g} ms: {ratio:.1f} times as long "
            f"({low:.1f} to {high:.1f}, n = {len(found.ratios)})."
        ),
        "",
        "`predict` averages the scores of all places; `network.score_map` gives them one by one.",
    ]


def _by(size: Sequence[int]) -> str:
    return "x".join(map(str, size))
