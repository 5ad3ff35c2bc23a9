"""How far a network's probabilities can be believed: reliability, calibration error, and the temperature that mends."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

if TYPE_CHECKING:
    from numpy.typing import NDArray

BINS = 10
"""Equal parts of the range of probabilities, 0 to 1, over which accuracy and confidence are compared."""
COOLEST, HOTTEST = 0.05, 20.0
"""Bounds on the temperature."""
TRIED = 25
"""Temperatures of which the best is where the search begins: far from it the loss is flat."""


@dataclass(frozen=True, slots=True)
class Bin:
    """The images whose most probable class has a probability in one part of the range from 0 to 1."""

    low: float
    """Where the part begins."""
    images: int
    confidence: float
    """Mean of these probabilities; 0 where there are no images."""
    accuracy: float
    """Share of these images that is right; 0 where there are no images."""


@dataclass(frozen=True, slots=True)
class Calibration:
    """How the probability of a network's answers agrees with how often they are right."""

    bins: tuple[Bin, ...]
    """The reliability curve, BINS points of it (DeGroot & Fienberg 1983)."""
    error: float
    """Expected calibration error, 0 to 1: the mean over images of |accuracy - confidence| of their bin (Guo et al.
    2017, eq. 3)."""

    def to_json(self) -> dict[str, Any]:
        """All of it as values for JSON."""
        return {"bins": [asdict(each) for each in self.bins], "expected_calibration_error": self.error}


def reliability(probabilities: NDArray[np.floating[Any]], labels: NDArray[np.int64]) -> Calibration:
    """Compares the probability of each answer with how often such answers are right.

    Args:
        probabilities: (N, classes), each row adding up to 1.
        labels: (N,), the classes the images are of.

    >>> sure = np.array([[0.95, 0.05], [0.95, 0.05]])
    >>> round(reliability(sure, np.array([0, 1])).error, 3)  # sure of both, right in one
    0.45
    """
    confidence = probabilities.max(1).astype(np.float64)
    right = probabilities.argmax(1) == labels
    places = np.minimum((confidence * BINS).astype(int), BINS - 1)
    counts = np.bincount(places, minlength=BINS)
    sums = [np.bincount(places, weights=values, minlength=BINS) for values in (confidence, right)]
    confidences, accuracies = (values / np.maximum(counts, 1) for values in sums)
    error = float((counts * np.abs(accuracies - confidences)).sum() / max(1, len(labels)))
    bins = (
        Bin(number / BINS, int(counts[number]), float(confidences[number]), float(accuracies[number]))
        for number in range(BINS)
    )
    return Calibration(tuple(bins), error)


def best_temperature(scores: NDArray[np.floating[Any]], labels: NDArray[np.int64]) -> float:
    """The temperature T at which softmax(scores / T) has the smallest negative log-likelihood (Guo et al. 2017, 4.2).

    It changes no answer, only how sure it is: above 1 it makes the network less sure. Look for it on images that were
    not trained on.

    Args:
        scores: (N, classes).
        labels: (N,), the classes the images are of.

    Returns:
        COOLEST to HOTTEST.

    >>> scores = np.array([[8.0, 0.0], [8.0, 0.0], [8.0, 0.0], [8.0, 0.0]])
    >>> round(best_temperature(scores, np.array([0, 0, 0, 1])), 2)  # softmax gives 3 to 1 at 8 / T = log 3
    7.28
    """
    values, wanted = torch.from_numpy(scores.astype(np.float64)), torch.from_numpy(labels)
    tried = np.geomspace(COOLEST, HOTTEST, TRIED)
    losses = [torch.nn.functional.cross_entropy(values / temperature, wanted).item() for temperature in tried]
    start = math.log(tried[int(np.argmin(losses))])
    log_temperature = torch.tensor(start, dtype=torch.float64, requires_grad=True)
    search = torch.optim.LBFGS([log_temperature], tolerance_grad=1e-12, line_search_fn="strong_wolfe")

    def loss() -> float:
        search.zero_grad()
        found = torch.nn.functional.cross_entropy(values / log_temperature.exp(), wanted)
        found.backward()
        return found.item()

    with torch.enable_grad():
        search.step(loss)
    return math.exp(min(max(log_temperature.item(), math.log(COOLEST)), math.log(HOTTEST)))


def softmax_at_temperature(scores: NDArray[np.floating[Any]], temperature: float) -> NDArray[np.float64]:
    """softmax(scores / temperature), (N, classes).

    Args:
        scores: (N, classes).
        temperature: above 0.
    """
    scaled = scores.astype(np.float64) / temperature
    powers = np.exp(scaled - scaled.max(1, keepdims=True))
    return powers / powers.sum(1, keepdims=True)
