"""Data sets that the checks make themselves: each class has a pattern of its own, under noise."""

from __future__ import annotations

import numpy as np
from convscape.trainers.data import Dataset, Part

PATCHES = 4
"""Patches of one colour along each side of a class's pattern: an image moved by a cell or two is still of its class."""


def dataset(
    input: tuple[int, int, int] = (3, 16, 16),
    classes: int = 10,
    *,
    train: int = 256,
    validation: int = 128,
    test: int = 64,
    seed: int = 0,
) -> Dataset:
    """Images of (C, H, W) that a network can learn; equal arguments give equal pixels.

    Args:
        input: (C, H, W).
        classes: how many there are.
        train: images to train on.
        validation: images to validate on.
        test: images to test on.
        seed: of the pixels.
    """
    random = np.random.default_rng(seed)
    rows, columns = (np.arange(size) * PATCHES // size for size in input[1:])
    own = random.integers(0, 256, (min(classes, 16), input[0], PATCHES, PATCHES))[:, :, rows][..., columns]

    def part(count: int) -> Part:
        labels = np.arange(count, dtype=np.int64) % classes
        noise = random.integers(0, 256, (count, *input))
        return Part(((3 * own[labels % len(own)] + noise) // 4).astype(np.uint8), labels)

    return Dataset(
        name="made by the checks",
        train=part(train),
        validation=part(validation),
        test=part(test),
        classes=tuple(f"class {number}" for number in range(classes)),
        mean=(0.5,) * input[0],
        std=(0.25,) * input[0],
    )
