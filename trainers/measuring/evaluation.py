"""How a network does on images whose classes are known: accuracy with its interval, recall, confusions, mistakes."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from .wilson import wilson_interval

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

MOST_CONFUSIONS, MOST_MISTAKES = 100, 20
"""Pairs of classes, the most frequent, and wrong answers, the most confident, that are kept at most."""
INTERVAL = "Wilson 95 %"
"""What the intervals are called: Wilson's score interval (1927) at a confidence of 95 %."""


@dataclass(frozen=True, slots=True)
class ClassResult:
    """How a network did on the images of one class."""

    name: str
    images: int
    """Images of this class."""
    right: int
    """How many of them were taken for it."""

    @property
    def recall(self) -> float | None:
        """The share of the class's images that was taken for it, 0 to 1; None where there is no image of it."""
        return self.right / self.images if self.images else None


@dataclass(frozen=True, slots=True)
class Confusion:
    """How many images of one class were taken for another."""

    actual: str
    """The class that the images are of."""
    predicted: str
    """The class that they were taken for."""
    images: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Mistake:
    """An image that was taken for another class, and how sure the network was of it."""

    index: int
    """The image's number among those that were answered on, from 0."""
    image: str
    """What a person calls it: the image's file below the folder of the data, or its number."""
    actual: str
    predicted: str
    probability: float
    """What the network gave the wrong class, 0 to 1."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """What a network answered on images whose classes are known, counted."""

    images: int
    """How many images there were, at least 1."""
    right: int
    """How many of them were taken for their own class."""
    classes: tuple[ClassResult, ...]
    """Every class, in the order of the labels."""
    confusions: tuple[Confusion, ...]
    """The pairs of classes that were confused most, the most frequent first, MOST_CONFUSIONS at most."""
    mistakes: tuple[Mistake, ...]
    """The wrong answers that were given with the highest probability, that one first, MOST_MISTAKES at most."""

    @property
    def accuracy(self) -> float:
        """The share of the images that is right, 0 to 1."""
        return self.right / self.images

    @property
    def interval(self) -> tuple[float, float]:
        """Wilson's 95 % interval of the accuracy: what it may be on other images like these."""
        return wilson_interval(self.right, self.images)

    def to_json(self) -> dict[str, Any]:
        """All of it as values for JSON, accuracy, interval and each class's recall worked out."""
        return {
            "accuracy": self.accuracy,
            "images": self.images,
            "right": self.right,
            "interval_95": list(self.interval),
            "interval": INTERVAL,
            "classes": [{**asdict(each), "recall": each.recall} for each in self.classes],
            "confusions": [asdict(each) for each in self.confusions],
            "mistakes": [asdict(each) for each in self.mistakes],
        }


def evaluate(
    labels: NDArray[np.int64],
    predicted: NDArray[np.int64],
    probabilities: NDArray[np.float64],
    classes: Sequence[str],
    image_name: Callable[[int], str] = str,
) -> Evaluation:
    """Counts what a network answered.

    Args:
        labels: the class of each image, (N,), N at least 1.
        predicted: the class that each was taken for, (N,).
        probabilities: what the network gave that class, (N,), 0 to 1.
        classes: names, in the order of the labels.
        image_name: the name of an image by its number; asked for the mistakes that are kept alone.

    >>> found = evaluate(np.array([0, 0, 1]), np.array([0, 1, 1]), np.array([0.9, 0.7, 0.8]), ("cat", "dog"))
    >>> round(found.accuracy, 3), found.confusions[0], found.mistakes[0].image
    (0.667, Confusion(actual='cat', predicted='dog', images=1), '1')
    """
    count = len(classes)
    wrong = np.flatnonzero(labels != predicted)
    images = np.bincount(labels, minlength=count)
    right = images - np.bincount(labels[wrong], minlength=count)
    pairs, times = np.unique(labels[wrong] * count + predicted[wrong], return_counts=True)
    frequent = np.argsort(-times, kind="stable")[:MOST_CONFUSIONS]
    confused: list[tuple[int, int]] = list(zip(pairs[frequent].tolist(), times[frequent].tolist(), strict=True))
    confident: list[int] = wrong[np.argsort(-probabilities[wrong], kind="stable")[:MOST_MISTAKES]].tolist()
    return Evaluation(
        images=len(labels),
        right=len(labels) - len(wrong),
        classes=tuple(
            ClassResult(name, int(of), int(good)) for name, of, good in zip(classes, images, right, strict=True)
        ),
        confusions=tuple(Confusion(classes[pair // count], classes[pair % count], often) for pair, often in confused),
        mistakes=tuple(
            Mistake(
                index=at,
                image=image_name(at),
                actual=classes[int(labels[at])],
                predicted=classes[int(predicted[at])],
                probability=float(probabilities[at]),
            )
            for at in confident
        ),
    )
