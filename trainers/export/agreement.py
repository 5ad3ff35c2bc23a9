"""Compares what forms of one network make of the same images: nothing that disagrees is handed over."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch

from ...spaces import ExportError

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor

TOLERANCE = 1e-4
"""Largest difference of two scores, as a part of the largest score, at which two networks count as equal."""
BATCHES = {1: 4, 2: 4, 64: 64}
"""Images at a time with which forms are compared, and how many images that is done on, as far as memory holds them."""


@dataclass(frozen=True, slots=True)
class Agreement:
    """How near a form of a network comes to the trained network, on the same images."""

    differences: dict[int, float]
    """Largest difference of two scores at each batch size, as a part of the largest score."""
    images: int
    """How many images were compared at the largest batch size."""
    same_top1: int
    """For how many of these the class with the largest score was the same."""

    @property
    def largest_difference(self) -> float:
        """Over all batch sizes."""
        return max(self.differences.values())

    def to_json(self) -> dict[str, Any]:
        """All of it as values for JSON."""
        return {
            "largest_difference_at_batch_size": self.differences,
            "images": self.images,
            "same_top1": self.same_top1,
        }


def batches(images: int, at_a_time: int) -> dict[int, int]:
    """Batch sizes to compare at, and on how many of the first images each.

    Args:
        images: how many there are.
        at_a_time: how many fit into memory.
    """
    fitting = {min(size, images, at_a_time): count for size, count in BATCHES.items()}
    return {size: min(count, images) // size * size for size, count in sorted(fitting.items())}


def compare(
    wanted: Callable[[int, int], Tensor], form: Callable[[int, int], Tensor], counts: dict[int, int]
) -> Agreement:
    """Runs a form of a network and the trained network on equal images, at several batch sizes.

    Args:
        wanted: the trained network's scores (N, classes) of the images from one number to before another.
        form: the scores of what is to agree with it.
        counts: batch sizes, and on how many of the first images each.

    Raises:
        ExportError: they disagree: a score by more than TOLERANCE, or a class that is no near tie; says at which size.
    """
    differences: dict[int, float] = {}
    same, compared = 0, 0
    with torch.inference_mode():
        for size, count in counts.items():
            starts = range(0, count, size)
            expected, found = (torch.cat([run(start, start + size) for start in starts]) for run in (wanted, form))
            differences[size] = _difference(expected, found, size)
            same, compared = int((expected.argmax(1) == found.argmax(1)).sum()), count
    return Agreement(differences, compared, same)


def _difference(expected: Tensor, found: Tensor, size: int) -> float:
    """The largest difference of scores, as a part of the largest.

    Raises:
        ExportError: it is beyond TOLERANCE, or a class differs that is no near tie.
    """
    largest = expected.abs().max().clamp(min=1e-12)
    difference = ((found - expected).abs().max() / largest).item()
    if not difference <= TOLERANCE:  # also when it is not a number
        raise ExportError(
            f"its scores differ by {difference:.2g} of the largest score at batch size {size}, more than {TOLERANCE:g}"
        )
    behind = expected.max(1).values - expected.gather(1, found.argmax(1, keepdim=True)).squeeze(1)
    if (apart := (behind / largest).max().item()) > TOLERANCE:
        raise ExportError(
            f"at batch size {size} it gives an image another class, {apart:.2g} of the largest score apart"
        )
    return difference
