"""Whether differences could be chance: a permutation test, and Holm's correction where several are tested."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from scipy import stats

if TYPE_CHECKING:
    from collections.abc import Sequence

RESAMPLES = 9_999
"""Random assignments of signs, where there are more than so many."""
BATCH = 4_000_000
"""Differences with signs that are held in memory at a time."""
SEED = 0
"""Decides which these are: equal differences have an equal p."""


def permutation_p(differences: Sequence[float]) -> float:
    """How often a mean difference as large as this one would come of chance: two-sided p of a permutation test.

    Where two variants do the same, each pair's difference may as well have the other sign. All assignments of signs are
    looked at, or RESAMPLES of them where there are more (`scipy.stats.permutation_test`).

    Args:
        differences: one for each pair; of fewer than two p is 1.

    >>> permutation_p([0.01, 0.03, 0.02, 0.04])  # of 16 assignments of signs two are as far from zero
    0.125
    """
    return float(permutation_ps(np.asarray([differences], float))[0]) if len(differences) > 1 else 1.0


def permutation_ps(differences: np.ndarray) -> np.ndarray:
    """What `permutation_p` is of each of several experiments.

    Args:
        differences: shape (experiments, pairs).

    Returns:
        The p of each, shape (experiments,).
    """
    found = stats.permutation_test(
        (differences,),
        np.mean,
        permutation_type="samples",
        n_resamples=RESAMPLES,
        batch=max(1, BATCH // differences.size),
        rng=np.random.default_rng(SEED),
        axis=-1,
    )
    return np.where(differences.any(axis=-1), np.minimum(found.pvalue, 1.0), 1.0)


def smallest_p(pairs: int) -> float:
    """The smallest p that a permutation test of so many pairs can come to.

    >>> smallest_p(4), smallest_p(6)
    (0.125, 0.03125)
    """
    return min(1.0, max(math.ldexp(2.0, -pairs), 2.0 / (RESAMPLES + 1)))


def attainable(pairs: int, level: float) -> float:
    """The largest p at or below `level` that a permutation test of so many pairs can come to; 0 where there is none.

    >>> attainable(4, 0.05), attainable(6, 0.05)
    (0.0, 0.03125)
    """
    step = smallest_p(pairs)
    return math.floor(level / step + 1e-9) * step


def holm(p_values: Sequence[float]) -> list[float]:
    """The p-values corrected for being several, so that all of them together err no oftener than one (Holm 1979).

    >>> holm([0.01, 0.04, 0.03])
    [0.03, 0.06, 0.06]
    """
    order = sorted(range(len(p_values)), key=lambda index: p_values[index])
    corrected, largest = [1.0] * len(p_values), 0.0
    for rank, index in enumerate(order):
        largest = max(largest, min(1.0, (len(p_values) - rank) * p_values[index]))
        corrected[index] = largest
    return corrected


def fewest_pairs(level: float) -> int:
    """With how many pairs a permutation test can come to `level` at all.

    >>> fewest_pairs(0.05), fewest_pairs(0.025)
    (6, 7)
    """
    return next(pairs for pairs in range(2, 64) if attainable(pairs, level))
