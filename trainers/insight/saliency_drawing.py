"""Where the network looks: the saliency of a few images, by several methods side by side."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from . import canvas
from .activations import different
from .occlusion import occlusion
from .result import Drawing, Drawn, Omission
from .saliency import (
    QUANTILE,
    gradient_saliency,
    guided_saliency,
    likeness_to_random,
    segmented,
    why_not_guided,
)
from .subject import affordable

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray
    from torch import Tensor, nn

    from ..predicting import Classifier
    from .observation import Observation
    from .sample import Sample

IMAGES = 6
"""Images whose saliency is drawn, at most."""
BRIGHTEST = 0.99
"""Share of a map's pixels that are no brighter than its white: the few largest would leave the rest dark."""
LEAST_SPAN = 0.2
"""Difference of probabilities from the darkest to the brightest colour, at least: smaller ones are to look small."""
EDGES = 0.5
"""Correlation with the maps of an untrained network from which on a method's maps are not to be relied on."""
DARKENED = 0.25
"""What is left of the brightness of pixels that a threshold leaves out."""


def draw_saliency(classifier: Classifier, sample: Sample, observation: Observation) -> list[Drawn]:
    """The saliency of a few images of different classes, for the class that the network takes each for.

    Args:
        classifier: an `observable` one.
        sample: the images.
        observation: what the network made of them.
    """
    chosen = different(sample, affordable(classifier, IMAGES, least=3, budget=10**10))
    images = classifier.prepared(torch.tensor(sample.pixels[chosen]))
    probabilities, classes = observation.probabilities[chosen].max(1)
    gradient = _batched(gradient_saliency, classifier, images, classes)
    why_not = why_not_guided(classifier)
    covered, patch = occlusion(classifier, images, classes)
    cut_out = segmented(gradient)

    shown = canvas.as_colour(torch.tensor(sample.pixels[chosen]).float() / 255)
    columns = {"image": shown, "gradient": _bright(gradient)}
    guided = None if why_not else _batched(guided_saliency, classifier, images, classes)
    if guided is not None:
        columns["guided"] = _bright(guided)
    low, high = covered.amin((1, 2)), covered.amax((1, 2))
    span = (high - low).clamp(min=LEAST_SPAN).view(-1, 1, 1)
    columns["covered"] = canvas.heat(1 - (high.view(-1, 1, 1) - covered) / span)
    columns["cut out"] = shown * (DARKENED + (1 - DARKENED) * torch.from_numpy(cut_out).unsqueeze(1))
    size = max(96, min(160, shown.shape[2]))
    tiles = torch.stack([canvas.enlarged(tile, size) for tile in columns.values()], dim=1).flatten(0, 1)
    taken = [
        f"{classifier.classes[label]} {probability:.2f}"
        for label, probability in zip(classes.tolist(), probabilities.tolist(), strict=True)
    ]
    captions = [
        f"{lowest:.2f} to {highest:.2f}" if column == "covered" else ""
        for lowest, highest in zip(low.tolist(), high.tolist(), strict=True)
        for column in columns
    ]
    drawing = Drawing(
        file="saliency.png",
        title="Where the network looks",
        shows="For the class that the network takes an image for, named with its probability: pixels that move its "
        "score, by gradient"
        + ("" if why_not else " and by guided backpropagation")
        + f" (bright); its probability while a grey patch of {patch[0]}x{patch[1]} pixels covers a place, from 0 (dark "
        f"violet) to 1 (yellow); and the largest piece of the {1 - QUANTILE:.0%} of pixels with the largest gradient.",
        alarming="Bright or decisive pixels beside the thing itself, on the background, the border or a caption: the "
        "network learnt a short cut that other images may not have.",
        found=_found(covered, observation.probabilities[chosen], cut_out)
        + _sanity(classifier, images, classes, gradient, guided),
        png=canvas.grid(tiles, len(columns), rows=taken, heads=[*columns], captions=captions, most=26),
    )
    return [drawing, *([Omission("Guided backpropagation", why_not)] if why_not else [])]


def _batched(
    method: Callable[[nn.Module, Tensor, Tensor], Tensor], classifier: Classifier, images: Tensor, classes: Tensor
) -> Tensor:
    """Saliency of images a few at a time: a gradient keeps all maps."""
    few = max(1, classifier.at_a_time // 8)
    pairs = zip(images.split(few), classes.split(few), strict=True)
    return torch.cat([method(classifier.network, some, theirs) for some, theirs in pairs])


def _bright(maps: Tensor) -> Tensor:
    """Maps (N, H, W) in grey, (N, 3, H, W), each by its own brightest."""
    high = torch.quantile(maps.flatten(1), BRIGHTEST, dim=1).view(-1, 1, 1)
    return (maps / high.clamp(min=1e-12)).clamp(0, 1).unsqueeze(1).expand(-1, 3, -1, -1)


def _found(covered: Tensor, probabilities: Tensor, cut_out: NDArray) -> str:
    whole = probabilities.max(1).values
    fall = (whole - covered.amin((1, 2))).mean()
    return (
        f"The patch takes {float(fall):.2f} of the probability at the worst place, and the piece cut out is "
        f"{cut_out.mean():.0%} of an image, on average over these {len(covered)}."
    )


def _sanity(classifier: Classifier, images: Tensor, classes: Tensor, gradient: Tensor, guided: Tensor | None) -> str:
    """How far maps depend on what the network learnt, as sentences: a check of the methods (Adebayo et al. 2018)."""
    alike = {"the gradient": likeness_to_random(classifier, images, classes, gradient)}
    if guided is not None:
        alike["guided backpropagation"] = likeness_to_random(classifier, images, classes, guided, guided_saliency)
    known = {name: value for name, value in alike.items() if value is not None}
    if not known:
        return ""
    told = " and ".join(f"{value:.2f} by {name}" for name, value in known.items())
    said = f" With weights drawn at random the maps correlate with these by {told}"
    edges = [name for name, value in known.items() if value > EDGES]
    if not edges:
        return f"{said}: near 0, they show the network."
    return f"{said}: maps by {' and '.join(edges)} show the images' edges more than the network. Do not rely on them."
