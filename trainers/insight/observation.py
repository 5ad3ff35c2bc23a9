"""One pass of a sample through a network, in which all is counted that several pictures need."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import torch

from .places import head_index, nonlinearities, some_of, stage_ends
from .subject import affordable, watched, watched_inputs

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor

    from ...spaces import Step
    from ..predicting import Classifier
    from .sample import Sample

LAYERS_RANKED = 3
"""Layers of which the most exciting images are looked for, at most."""
LEAST_IMAGES = 64
"""Images that even a large network is shown."""
MOST_FEATURES = 2**26
"""Numbers of the last hidden layer that are kept, at most: 256 MiB. Of a wide one fewer images are."""
CONSTANT = 1e-6
"""Part of a layer's largest activation by which a filter's may differ between images and count as constant."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Activity:
    """How the filters of one nonlinearity did on all images."""

    step: Step
    least: Tensor
    """The smallest activation of each filter, or unit, anywhere in any image, (K,)."""
    largest: Tensor
    """The largest activation of each filter, or unit, anywhere in any image, (K,)."""
    zeros: float
    """Share of all activations that are zero, 0 to 1."""

    @property
    def dead(self) -> Tensor:
        """Which filters have the same activation, usually zero, everywhere in all images; bool (K,)."""
        scale = torch.maximum(self.largest.abs().max(), self.least.abs().max())
        return self.largest - self.least <= CONSTANT * scale


@dataclass(frozen=True, kw_only=True, eq=False)
class TopActivations:
    """How strongly, and where, each image excites each filter of one layer."""

    step: Step
    strongest: Tensor
    """The largest activation in each image's map, (N, K)."""
    place: Tensor
    """Where in the map that is, row by row, int64 (N, K)."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Observation:
    """What a network made of a sample."""

    probabilities: Tensor
    """Of each class, (N, classes)."""
    features: Tensor | None
    """The last hidden layer, (N, D); maps as their means. None where there is none: the scores come of the pixels."""
    activities: tuple[Activity, ...]
    """A value for each nonlinearity."""
    top_activations: tuple[TopActivations, ...]
    """A value for each of up to LAYERS_RANKED stages."""

    @property
    def dead(self) -> dict[str, Tensor]:
        """Which filters are dead, by the path of their nonlinearity."""
        return {each.step.path: each.dead for each in self.activities}


def observable_images(classifier: Classifier, most: int) -> int:
    """How many images a network can be shown, up to `most`: as many as time and memory allow.

    Args:
        classifier: whose network it is.
        most: images that there are.
    """
    head = head_index(classifier.architecture)
    step = next((step for step in classifier.architecture.steps if step.path == str(head)), None)
    features = step.input[0] if step else 1  # D of a flat layer, C of maps
    return max(1, min(affordable(classifier, most, least=min(most, LEAST_IMAGES)), MOST_FEATURES // features))


@torch.inference_mode()
def observe(classifier: Classifier, sample: Sample) -> Observation:
    """Lets a network see a sample once, a batch at a time; of the maps only what is counted is kept.

    Args:
        classifier: an `observable` one.
        sample: the images.
    """
    looked = nonlinearities(classifier.architecture)
    exciting = [step for _, step in some_of(stage_ends(classifier.architecture), LAYERS_RANKED)]
    head = head_index(classifier.architecture)
    counters = {step.path: _Counter() for step in looked}
    strongest: dict[str, list[tuple[Tensor, Tensor]]] = {step.path: [] for step in exciting}
    probabilities: list[Tensor] = []
    features: list[Tensor] = []

    watchers: dict[str, list[Callable[[Tensor], None]]] = {}
    for path, counter in counters.items():
        watchers.setdefault(path, []).append(counter.add)
    for path, found in strongest.items():
        watchers.setdefault(path, []).append(partial(_keep_strongest, found))
    together = {path: partial(_each, several) for path, several in watchers.items()}
    below = {} if head is None else {str(head): partial(_keep_features, features)}

    with watched(classifier.network, together), watched_inputs(classifier.network, below):
        for start in range(0, len(sample), classifier.at_a_time):
            pixels = torch.tensor(sample.pixels[start : start + classifier.at_a_time])
            probabilities.append(classifier.probabilities(pixels))
    return Observation(
        probabilities=torch.cat(probabilities),
        features=torch.cat(features) if features else None,
        activities=tuple(counters[step.path].activity(step) for step in looked),
        top_activations=tuple(
            TopActivations(
                step=step,
                strongest=torch.cat([values for values, _ in strongest[step.path]]),
                place=torch.cat([places for _, places in strongest[step.path]]),
            )
            for step in exciting
        ),
    )


def _each(several: list[Callable[[Tensor], None]], output: Tensor) -> None:
    for watch in several:
        watch(output)


class _Counter:
    """Counts, batch by batch, what an `Activity` tells."""

    def __init__(self) -> None:
        self._least: Tensor | None = None
        self._largest: Tensor | None = None
        self._zeros = self._cells = 0

    def add(self, output: Tensor) -> None:
        """Counts a batch of a nonlinearity's outputs, (N, K) or (N, K, H, W)."""
        cells = output.flatten(2) if output.dim() > 2 else output.unsqueeze(2)
        least, largest = cells.amin((0, 2)), cells.amax((0, 2))
        self._least = least if self._least is None else torch.minimum(self._least, least)
        self._largest = largest if self._largest is None else torch.maximum(self._largest, largest)
        self._zeros += int((output == 0).sum())
        self._cells += output.numel()

    def activity(self, step: Step) -> Activity:
        """What was counted of a step."""
        assert self._least is not None
        assert self._largest is not None
        return Activity(step=step, least=self._least, largest=self._largest, zeros=self._zeros / max(self._cells, 1))


def _keep_strongest(found: list[tuple[Tensor, Tensor]], output: Tensor) -> None:
    values, places = output.flatten(2).max(2)
    found.append((values, places))


def _keep_features(found: list[Tensor], given: Tensor) -> None:
    found.append(given.mean((2, 3)) if given.dim() > 2 else given.clone())
