"""Experiments with known effects: bases differ, and seeds are nested in them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

BASES, SEEDS = 0.01, 0.01
"""Standard deviations of differences: between bases, and of one seed within a base."""
SIZES = (4, 8, 20, 50)
EXPERIMENTS = 2_000


def normal(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    return rng.normal(size=shape)


def heavy(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """Student's t with 5 degrees of freedom: now and then a base on which one side goes wrong."""
    return rng.standard_t(5, size=shape) / np.sqrt(5 / 3)


def skewed(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """A gamma distribution of shape 4, whose skewness is 1."""
    return (rng.gamma(4, size=shape) - 4) / 2


def experiments(
    rng: np.random.Generator,
    count: int,
    pairs: int,
    *,
    effect: float = 0.0,
    seeds: int = 2,
    between: Callable[[np.random.Generator, tuple[int, ...]], np.ndarray] = normal,
) -> np.ndarray:
    """Differences of so many experiments, shape (count, pairs): each base's, as the mean over its seeds."""
    bases = effect + BASES * between(rng, (count, pairs))
    return bases + (SEEDS * rng.normal(size=(count, pairs, seeds))).mean(axis=2)


def deviation(seeds: int = 2) -> float:
    """The standard deviation of a base's difference."""
    return float(np.hypot(BASES, SEEDS / np.sqrt(seeds)))
