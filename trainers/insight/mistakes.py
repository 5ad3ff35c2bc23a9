"""The images that a network gets most wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from ..measuring import INTERVAL, evaluate
from . import canvas
from .result import Drawing, Drawn, Omission, one_or_many

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .observation import Observation
    from .sample import Sample

NAMELESS = "Nobody said of which classes the images are. Put them into folders that are called as the classes."


def draw_mistakes(sample: Sample, observation: Observation, classes: Sequence[str]) -> list[Drawn]:
    """The images that were taken for another class with the highest probability.

    Args:
        sample: the images.
        observation: what the network made of them.
        classes: names, in the order of the labels.
    """
    title = "Most confident mistakes"
    if sample.labels is None:
        return [
            Omission(
                title,
                NAMELESS,
            )
        ]
    best = observation.probabilities.max(1)
    name = sample.names.__getitem__ if sample.names else str
    found = evaluate(sample.labels, best.indices.numpy(), best.values.double().numpy(), classes, name)
    low, high = found.interval
    said = (
        f"{found.right:,} of {one_or_many(found.images, 'image')} are right: {found.accuracy:.4f}, {low:.4f} to "
        f"{high:.4f} by {INTERVAL}."
    )
    if not found.mistakes:
        return [Omission(title, f"There is none. {said}")]
    shown = [each.index for each in found.mistakes]
    captions = [
        f"{canvas.short(each.actual, 13)}\n→ {canvas.short(each.predicted, 11)}\n{each.probability:.2f}"
        for each in found.mistakes
    ]
    confused = found.confusions[0]
    first = f" The first is {found.mistakes[0].image}." if sample.names else ""
    return [
        Drawing(
            file="mistakes.png",
            title=title,
            shows="The images that were taken for another class with the highest probability: below each its class, "
            "what it was taken for, and the probability.",
            alarming="Images that are labelled wrongly, or of which a person could not tell either: no network learns "
            "those. Many of one kind, such as dark ones: the training images lack them.",
            found=f"{said} Most often {confused.actual} was taken for {confused.predicted}, in "
            f"{one_or_many(confused.images, 'image')}.{first}",
            png=canvas.grid(
                canvas.enlarged(canvas.as_colour(torch.tensor(sample.pixels[shown]).float() / 255), 80),
                7,
                captions=captions,
                most=16,
            ),
        )
    ]
