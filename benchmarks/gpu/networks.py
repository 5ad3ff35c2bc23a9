"""The networks that are measured, and the images they learn from: noise, since speed does not depend on them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from math import prod
from typing import TYPE_CHECKING

import numpy as np
from convscape.spaces import classic, cost_table, parse_notation
from convscape.trainers import Dataset, Recipe
from convscape.trainers.data import Part

if TYPE_CHECKING:
    from convscape.spaces import Architecture

CLASSES = 10
VALIDATED = 64
"""Validation images; what validating takes is in none of the figures."""
MOST_IMAGES, MOST_BYTES = 51_200, 400 * 2**20
"""Images of an epoch, at most, by number and by size."""
RATE = 1e-4
"""Learning rate: so small that noise leads nowhere."""


@dataclass(frozen=True)
class Network:
    """A network that is measured, with the batch it is measured at."""

    name: str
    text: str
    """In the notation, or a classic's name."""
    batch: int = 128
    """Images a step."""

    @cached_property
    def architecture(self) -> Architecture:
        """The network as `build_network` and `Training` take it."""
        if self.text.startswith("INPUT"):
            return parse_notation(self.text)
        return classic(self.text, classes=CLASSES)

    @property
    def macs(self) -> int:
        """Multiply-accumulates of one image's forward pass."""
        return cost_table(self.architecture).totals.macs

    @property
    def recipe(self) -> Recipe:
        """SGD with Nesterov momentum and whatever else a sweep's trainings have by default."""
        return Recipe(batch_size=self.batch, learning_rate=RATE)

    @property
    def most_steps(self) -> int:
        """Steps of the longest epoch there are images for."""
        each = prod(self.architecture.input)
        return max(2, min(MOST_IMAGES, MOST_BYTES // each) // self.batch)

    def dataset(self, steps: int) -> Dataset:
        """Images for an epoch of so many steps, `most_steps` at most.

        Args:
            steps: of `batch` images each.
        """
        count = min(steps, self.most_steps) * self.batch
        pixels = np.random.default_rng(0).integers(0, 256, (count, *self.architecture.input), dtype=np.uint8)
        labels = np.arange(count) % CLASSES
        few = Part(pixels[:VALIDATED], labels[:VALIDATED])
        channels = self.architecture.input[0]
        return Dataset(
            name="noise",
            train=Part(pixels, labels),
            validation=few,
            test=few,
            classes=tuple(map(str, range(CLASSES))),
            mean=(0.5,) * channels,
            std=(0.29,) * channels,
        )


NETWORKS = (
    Network("small 32", "INPUT[32x32x3] -> [CONV3-16 -> RELU -> POOL2]*2 -> FC-10"),
    Network("middle 32", "INPUT[32x32x3] -> [[CONV3-32 -> BN -> RELU]*2 -> POOL2]*2 -> FC-10"),
    Network(
        "large 32",
        "INPUT[32x32x3] -> [CONV3-64 -> BN -> RELU]*2 -> POOL2 -> [CONV3-128 -> BN -> RELU]*2 -> POOL2"
        " -> [CONV3-256 -> BN -> RELU]*2 -> GAP -> FC-10",
    ),
    Network("small 64", "INPUT[64x64x3] -> [CONV3-16 -> RELU -> POOL2]*3 -> FC-10"),
    Network("middle 64", "INPUT[64x64x3] -> [[CONV3-32 -> BN -> RELU]*2 -> POOL2]*3 -> FC-10"),
    Network(
        "large 64",
        "INPUT[64x64x3] -> [CONV3-64 -> BN -> RELU]*2 -> POOL2 -> [CONV3-128 -> BN -> RELU]*2 -> POOL2"
        " -> [[CONV3-256 -> BN -> RELU]*2 -> POOL2]*2 -> GAP -> FC-10",
    ),
    Network("resnet18 224", "resnet18", batch=64),
)
"""Small to large, 32x32 to 224x224."""
