from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from convscape.spaces import Architecture, parse_notation
from convscape.trainers import Classifier, Recipe, Training, build_network, trained_network
from convscape.trainers.insight import Sample, activation_maximization, clusters, occlusion

if TYPE_CHECKING:
    from convscape.trainers.data.dataset import Dataset


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """Few steps and places: what is drawn is looked at for whether it is there, not for how good it is."""
    monkeypatch.setattr(activation_maximization, "STEPS", 2)
    monkeypatch.setattr(clusters, "STEPS", 250)
    monkeypatch.setattr(clusters, "SEVERAL_STARTS", 1)
    monkeypatch.setattr(occlusion, "MOST_PLACES", 16)


@pytest.fixture(scope="session")
def trained(digits: Dataset, tmp_path_factory: pytest.TempPathFactory) -> Classifier:
    """A network that has learnt the digits, more or less."""
    architecture = parse_notation(
        "INPUT[8x8x1] -> CONV3-8 -> RELU -> POOL2 -> CONV3-16 -> RELU -> FC-16 -> RELU -> FC-10"
    )
    training = Training(architecture, Recipe(batch_size=32), digits, seed=0, epochs=6)
    for _ in range(6):
        training.run_epoch()
    folder = tmp_path_factory.mktemp("trained") / "checkpoint"
    training.save(folder)
    network, normalisation = trained_network(architecture, folder)
    return Classifier(network=network, classes=digits.classes, architecture=architecture, **normalisation)


def untrained(network: str | Architecture, **changes: Any) -> Classifier:
    """A classifier over random weights whose biases are not all zero, for images of any kind."""
    architecture = parse_notation(network) if isinstance(network, str) else network
    built = build_network(architecture).eval()
    for parameter in built.parameters():
        parameter.data.add_(0.01)
    channels, classes = architecture.input[0], architecture.classes
    given = {
        "network": built,
        "classes": tuple(f"class {at}" for at in range(classes)),
        "architecture": architecture,
        "mean": (0.5,) * channels,
        "std": (0.25,) * channels,
    }
    return Classifier(**given | changes)


def noise(classifier: Classifier, count: int, *, labelled: bool = True) -> Sample:
    """Images of noise, of each class in turn."""
    random = np.random.default_rng(0)
    pixels = random.integers(0, 256, (count, *classifier.input), dtype=np.uint8)
    return Sample(pixels=pixels, labels=np.arange(count) % len(classifier.classes) if labelled else None)
