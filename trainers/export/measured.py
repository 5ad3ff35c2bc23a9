"""What an exported network does on the test images: accuracy, confusion, calibration, and how fast it is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from ..device import processor
from ..measuring import (
    Calibration,
    Evaluation,
    Timing,
    best_temperature,
    evaluate,
    reliability,
    softmax_at_temperature,
    time_calls,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray
    from torch import Tensor

    from ..sliding import CropComparison
    from .agreement import Agreement
    from .trained import Trained

MOST_VALIDATED = 2_000
"""Validation images by which the temperature is found, at most."""
FEWEST_VALIDATED = 50
"""Validation images below which no temperature is told."""
TIMED = (1, 64)
"""Images at a time for which the time is measured."""


@dataclass(frozen=True, kw_only=True)
class Measurements:
    """How an exported network does on the test images."""

    test: Evaluation
    confusion: NDArray[np.int64]
    """Images of each class (row) that were taken for each class (column)."""
    calibration: Calibration
    """Of the probabilities as `predict` gives them."""
    temperature: float | None
    """What to divide scores by for probabilities that can be believed, found on validation images; None where there
    are too few, or none of them is taken for another class."""
    calibrated: Calibration | None
    """With that temperature, on the test images."""
    validated: int
    """Validation images by which the temperature was found."""

    @property
    def helps(self) -> bool:
        """Whether probabilities at the temperature are nearer to how often they are right, on the test images."""
        return self.calibrated is not None and self.calibrated.error < self.calibration.error

    def to_json(self) -> dict[str, Any]:
        """What proof.json holds of the calibration; confusions are part of the evaluation."""
        calibrated = self.calibrated.to_json() if self.calibrated else None
        return {
            **self.calibration.to_json(),
            "temperature": self.temperature,
            "validation_images": self.validated,
            "with_temperature": calibrated,
        }


def accuracy_on_test(trained: Trained) -> float:
    """The share of the test images that a trained network has right, 0 to 1.

    Args:
        trained: the network and its data.
    """
    part, starts = trained.dataset.test, range(0, len(trained.dataset.test), trained.at_a_time)
    parts = (np.arange(start, min(start + trained.at_a_time, len(part))) for start in starts)
    right = sum(int((trained.scores(part, each).argmax(1).numpy() == part.labels[each]).sum()) for each in parts)
    return right / len(part)


def measure(trained: Trained, exported: Callable[[Tensor], Tensor]) -> Measurements:
    """Runs an exported network over all test images.

    Args:
        trained: whose test images are classified.
        exported: pixels 0 to 255 as uint8 (N, C, H, W) -> scores (N, classes).
    """
    dataset = trained.dataset
    labels, count = dataset.test.labels, len(dataset.classes)
    starts = range(0, len(labels), trained.at_a_time)
    with torch.inference_mode():
        parts = [exported(trained.pixels(start, start + trained.at_a_time)).clone() for start in starts]
    scores = torch.cat(parts).numpy()
    probabilities = softmax_at_temperature(scores, 1.0)
    predicted = probabilities.argmax(1)
    confusion = np.zeros((count, count), dtype=np.int64)
    np.add.at(confusion, (labels, predicted), 1)
    temperature, validated = _temperature(trained)
    return Measurements(
        test=evaluate(labels, predicted, probabilities.max(1), dataset.classes, dataset.test_name),
        confusion=confusion,
        calibration=reliability(probabilities, labels),
        temperature=temperature,
        calibrated=None if temperature is None else reliability(softmax_at_temperature(scores, temperature), labels),
        validated=validated,
    )


def _temperature(trained: Trained) -> tuple[float | None, int]:
    """The temperature that suits the validation images, and how many of them were looked at."""
    part, at_a_time = trained.dataset.validation, trained.at_a_time
    if len(part) < FEWEST_VALIDATED:
        return None, len(part)
    indices = np.linspace(0, len(part) - 1, min(len(part), MOST_VALIDATED)).astype(np.int64)
    parts = [indices[start : start + at_a_time] for start in range(0, len(indices), at_a_time)]
    scores = torch.cat([trained.scores(part, each) for each in parts]).numpy()
    labels = part.labels[indices]
    if (scores.argmax(1) == labels).all():  # the surer the better then: no temperature is the best
        return None, len(indices)
    return best_temperature(scores, labels), len(indices)


@dataclass(frozen=True, kw_only=True)
class Speed:
    """How fast forms of a network are on this machine's CPU."""

    hardware: str
    """The processor."""
    threads: int
    """Threads that torch and onnxruntime used."""
    timings: dict[str, dict[int, Timing]]
    """Seconds a batch, by form and by images at a time."""

    def to_json(self) -> dict[str, Any]:
        """All of it as values for JSON, times in seconds."""
        timings = {
            form: {str(size): timing.to_json() for size, timing in sizes.items()}
            for form, sizes in self.timings.items()
        }
        return {"hardware": self.hardware, "threads": self.threads, "seconds": timings}


def measure_speed(trained: Trained, forms: Mapping[str, Callable[[Tensor], Tensor]]) -> Speed:
    """Times forms of a network on zeros, at each of TIMED images at a time that fit into memory.

    Args:
        trained: whose images' shape it is.
        forms: by name: prepared images (N, C, H, W) -> scores (N, classes).
    """
    sizes = [size for size in TIMED if size <= trained.at_a_time]
    timings: dict[str, dict[int, Timing]] = {}
    with torch.inference_mode():
        for name, form in forms.items():
            timings[name] = {}
            for size in sizes:
                images = torch.zeros(size, *trained.architecture.input)
                timings[name][size] = time_calls(lambda form=form, images=images: form(images))
    return Speed(hardware=processor(), threads=torch.get_num_threads(), timings=timings)


@dataclass(frozen=True, kw_only=True)
class Figures:
    """All that was found of a network before it is handed over."""

    measured: Measurements
    """How it does on the test images."""
    speed: Speed
    """How fast it is."""
    looks: int | None
    """How often the test images were looked at, this time included; None where that is not known."""
    agreements: dict[str, Agreement]
    """How near each form that is handed over comes to the trained network, by the form's name."""
    left_out: dict[str, str]
    """Forms that are not handed over, with the reason."""
    converted_from: str | None
    """Digest of the architecture that it is the fully convolutional form of; None where it is as it was trained."""
    larger: CropComparison | None
    """How one pass over larger images compares with classifying crops; None where it does not slide over them."""
