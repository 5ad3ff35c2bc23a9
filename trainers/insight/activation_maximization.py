"""The images that classes, and filters in the middle of the network, would answer to most."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import torch
from torch import nn

from ...spaces import Activation, cost_table
from . import canvas
from .ascent import Ascent, ascend
from .places import called, spread, stage_ends
from .result import Drawing, Drawn, Omission
from .subject import MAC_BUDGET, pixels_of, watched, watched_inputs

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor

    from ...spaces import Step
    from ..predicting import Classifier
    from .observation import Observation

CLASSES, FILTERS = 10, 10
"""Classes, and filters, whose images are made, at most."""
STEPS, LEAST_STEPS = 96, 32
"""Steps of the ascent, and those of a large network: rather than fewer steps fewer images are made."""
SPECKLE = "Speckle in place of shapes: the network goes by texture, or was hardly regularised."


def draw_classes(classifier: Classifier, seed: int) -> list[Drawn]:
    """The image that raises each class's score most, of up to CLASSES classes spread over all.

    Args:
        classifier: an `observable` one.
        seed: of the ascent's shifts.
    """
    ascent, most = _planned(classifier, CLASSES)
    classes = spread(classifier.architecture.classes, most)

    def score(images: Tensor) -> Tensor:
        return classifier.network(images)[torch.arange(len(classes)), classes]

    made = _made(classifier, score, len(classes), ascent, seed)
    with torch.inference_mode():
        scores = classifier.network(made)
        probabilities = scores.softmax(1)[torch.arange(len(classes)), classes]
        before = classifier.network(torch.zeros(1, *classifier.input))[0, classes]
        after = scores[torch.arange(len(classes)), classes]
    return [
        Drawing(
            file="class-images.png",
            title="What each class looks like to the network",
            shows="For each class the image that gradient ascent makes of the mean image to raise the class's score "
            f"before softmax, held small by an L2 penalty, blurred and clipped now and then; {ascent.steps} steps, "
            "drawn from its darkest to its brightest."
            + _drawn(len(classes), classifier.architecture.classes, "classes"),
            alarming=f"Nothing of the class to be seen, or the same image for many classes. {SPECKLE}",
            found=f"The scores rise from {float(before.mean()):.1f} to {float(after.mean()):.1f} on average; the "
            f"network gives {int((probabilities > 0.9).sum())} of the {len(classes)} images their class with more than "
            "0.9.",
            png=_grid(classifier, made, [classifier.classes[at] for at in classes]),
        )
    ]


def draw_filters_by_ascent(classifier: Classifier, observation: Observation | None, seed: int) -> list[Drawn]:
    """The image that excites each of some filters most, in the stage in the middle of the network.

    Args:
        classifier: an `observable` one.
        observation: what the network made of a sample, to leave dead filters out; None where there were no images.
        seed: of the ascent's shifts.
    """
    found = stage_ends(classifier.architecture)
    if not found:
        return [Omission("What filters look for", "This network has no maps behind its first weights.")]
    _, step = found[(len(found) - 1) // 2]
    ascent, most = _planned(classifier, FILTERS)
    dead = observation.dead.get(step.path) if observation else None
    alive = [at for at in range(step.output[0]) if dead is None or not dead[at]]
    filters = [alive[at] for at in spread(len(alive), most)]
    if not filters:
        return [Omission("What filters look for", f"All filters of {called(step)} are dead.")]
    answer = _answer(classifier, step, filters)
    made = _made(classifier, answer, len(filters), ascent, seed)
    with torch.no_grad():
        rose = int((answer(made) > answer(torch.zeros_like(made))).sum())
    return [
        Drawing(
            file="filter-images.png",
            title=f"What filters look for: {called(step)}",
            shows="For each filter the image that gradient ascent makes of the mean image to raise the mean of the "
            "filter's map, before the nonlinearity; as for the classes."
            + _drawn(len(filters), step.output[0], "filters"),
            alarming=f"Many filters alike: the layer is wider than it needs to be. {SPECKLE}",
            found=f"{rose} of the {len(filters)} filters answer more to their image than to the mean image.",
            png=_grid(classifier, made, [f"#{at}" for at in filters]),
        )
    ]


def _planned(classifier: Classifier, most: int) -> tuple[Ascent, int]:
    """How images are made, and how many, within what time allows; forward and backward count as three passes."""
    size = min(classifier.input[1:])
    ascent = Ascent(steps=STEPS, jitter=-(-size // 28) if size > 12 else 0, blur=min(1.2, max(0.35, size / 40)))
    images = max(1, int(MAC_BUDGET / (3 * max(cost_table(classifier.architecture).totals.macs, 1))))
    if images >= most * min(STEPS, LEAST_STEPS):
        return replace(ascent, steps=min(STEPS, images // most)), most
    return replace(ascent, steps=LEAST_STEPS, rate=2 * ascent.rate), max(2, images // LEAST_STEPS)


def _made(classifier: Classifier, score: Callable[[Tensor], Tensor], count: int, ascent: Ascent, seed: int) -> Tensor:
    """Images within what pixels can be."""
    mean, std = (torch.tensor(values).view(1, -1, 1, 1) for values in (classifier.mean, classifier.std))
    return ascend(score, (count, *classifier.input), ascent, seed, (-mean / std, (1 - mean) / std))


def _answer(classifier: Classifier, step: Step, filters: list[int]) -> Callable[[Tensor], Tensor]:
    """The mean of a filter's map, of another filter for each image, as a function of the images (N, C, H, W).

    Of a nonlinearity it is the mean of what goes in: where that is negative a ReLU has no gradient to follow. The
    network is run no further than to the layer or block that holds the step.
    """
    upto = nn.Sequential(*list(classifier.network.children())[: int(step.path.partition(".")[0]) + 1])
    watching = watched_inputs if isinstance(step.layer, Activation) else watched
    seen: list[Tensor] = []

    def answer(images: Tensor) -> Tensor:
        seen.clear()
        with watching(upto, {step.path: seen.append}):
            upto(images)
        return seen[0].mean((2, 3))[torch.arange(len(filters)), filters]

    return answer


def _grid(classifier: Classifier, images: Tensor, captions: list[str]) -> bytes:
    pixels = canvas.as_colour(pixels_of(classifier, images))
    low, high = (pixels.amin((1, 2, 3), keepdim=True), pixels.amax((1, 2, 3), keepdim=True))
    stretched = (pixels - low) / (high - low).clamp(min=1e-12)
    return canvas.grid(canvas.enlarged(stretched, 112), 5, captions=captions)


def _drawn(count: int, of: int, what: str) -> str:
    return "" if count == of else f" {count:,} of {of:,} {what} are drawn."
