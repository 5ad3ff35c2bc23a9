"""How a class's probability falls where a grey patch covers the image (Zeiler & Fergus 2014)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from ...spaces import cost_table
from .subject import MAC_BUDGET

if TYPE_CHECKING:
    from torch import Tensor

    from ..predicting import Classifier

PATCH = 4
"""The patch's side is this part of the image's, one by."""
MOST_PLACES = 400
"""Places of the patch on an image, at most."""


def occlusion(classifier: Classifier, images: Tensor, classes: Tensor) -> tuple[Tensor, tuple[int, int]]:
    """The probability of a class while a patch covers a pixel, the mean over all places of the patch that cover it.

    The patch is as grey as the mean of the images that were trained on, which is 0 once they are prepared, and a
    quarter as high and wide as the image.

    Args:
        classifier: an `observable` one.
        images: prepared, (N, C, H, W).
        classes: the class of each image whose probability counts, int64 (N,).

    Returns:
        The probabilities, (N, H, W), 0 to 1, and the patch's height and width in pixels.
    """
    from captum.attr import Occlusion

    channels, height, width = classifier.input
    patch = (max(1, height // PATCH), max(1, width // PATCH))
    strides = _strides(classifier, patch, len(images))

    def probabilities(given: Tensor) -> Tensor:
        return classifier.network(given).flatten(1).softmax(1)

    with torch.inference_mode():
        whole = probabilities(images).gather(1, classes.view(-1, 1)).view(-1, 1, 1)
        lost = torch.cat(
            [
                Occlusion(probabilities).attribute(
                    image.unsqueeze(0),
                    sliding_window_shapes=(channels, *patch),
                    strides=(channels, *strides),
                    baselines=0,
                    target=int(label),
                    perturbations_per_eval=classifier.at_a_time,
                )
                for image, label in zip(images, classes, strict=True)
            ]
        )
    return (whole - lost.amax(1)).clamp(0, 1), patch


def _strides(classifier: Classifier, patch: tuple[int, int], images: int) -> tuple[int, int]:
    """Pixels that the patch moves, down and across: as few as time allows, and no more than its own size."""
    _, height, width = classifier.input
    passes = MAC_BUDGET / 2 / max(cost_table(classifier.architecture).totals.macs, 1)
    places = min(MOST_PLACES, max(1, int(passes) // images))
    for step in range(1, max(patch)):
        rows, columns = min(step, patch[0]), min(step, patch[1])
        if (1 + -(-(height - patch[0]) // rows)) * (1 + -(-(width - patch[1]) // columns)) <= places:
            return rows, columns
    return patch
