"""The confidence interval of a mean difference, by the method that holds its coverage at so many pairs."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Literal

import numpy as np
from scipy import stats

if TYPE_CHECKING:
    from collections.abc import Sequence

LEVEL = 0.95
"""How often such an interval holds the true mean difference."""
STUDENTISED = 20
"""Pairs from which on the symmetric studentised bootstrap is used: with fewer it is far too wide, and with so many it
holds its coverage also where differences are skewed. docs/decisions/0013-verdicts.md has the simulation."""
RESAMPLES = 1_999
"""Times that the bases are drawn anew."""
SEED = 0
"""Decides which bases are drawn: equal differences have an equal interval."""

Method = Literal["Student's t", "studentised bootstrap"]
"""How an interval is made."""


@dataclass(frozen=True, slots=True)
class Interval:
    """A confidence interval, and how it was made."""

    low: float
    high: float
    method: Method

    @property
    def without_zero(self) -> bool:
        """Whether all of the interval is on one side of no difference."""
        return self.low > 0 or self.high < 0


def mean_interval(differences: Sequence[float], level: float = LEVEL) -> Interval | None:
    """The confidence interval of the mean of differences, one from each base; None of fewer than two.

    Bases are what is drawn at random: each has one difference, the mean over its seeds, so that the spread between
    bases holds that between seeds. With few bases Student's t on them is used, with STUDENTISED or more the symmetric
    studentised bootstrap (Hall 1988). Accuracies differ by 1 at most, so the interval ends there.

    Args:
        differences: of the validation accuracies, -1 to 1, one for each base.
        level: how often the interval shall hold the true mean, 0 to 1.

    >>> found = mean_interval([0.01, 0.03, 0.02, 0.04])
    >>> round(found.low, 4), round(found.high, 4), found.method
    (0.0045, 0.0455, "Student's t")
    """
    values = np.asarray(differences, float)
    count = len(values)
    if count < 2:
        return None
    mean, error = float(values.mean()), float(values.std(ddof=1)) / math.sqrt(count)
    studentised = count >= STUDENTISED and error > 0
    reach = error * (_studentised(values, level) if studentised else float(stats.t.ppf((1 + level) / 2, count - 1)))
    return Interval(
        max(-1.0, mean - reach), min(1.0, mean + reach), "studentised bootstrap" if studentised else "Student's t"
    )


def _studentised(values: np.ndarray, level: float) -> float:
    """How far, in its standard errors, the mean of drawn bases is from that of all: the quantile, to either side."""
    count = len(values)
    drawn = values[_draws(count)]
    errors = drawn.std(axis=1, ddof=1) / math.sqrt(count)
    apart = np.abs(drawn.mean(axis=1) - values.mean())[errors > 0] / errors[errors > 0]
    return float(np.quantile(apart, level))


def median_interval(differences: Sequence[float], level: float = LEVEL) -> tuple[float, float] | None:
    """An exact confidence interval of the median of differences, by their order (`scipy.stats.quantile_test`).

    It holds the median at least as often as `level` says, mostly oftener, whatever the differences look like.

    Args:
        differences: of the validation accuracies, -1 to 1, one for each base.
        level: how often the interval shall hold the true median, 0 to 1.

    Returns:
        Both ends; None of fewer than six differences, of which no order says so much.

    >>> median_interval([1, 2, 3, 4, 5, 6]), median_interval([1, 2, 3])
    ((1.0, 6.0), None)
    """
    if len(differences) < 2:
        return None
    found = stats.quantile_test(np.asarray(differences, float), p=0.5).confidence_interval(level)
    return (float(found.low), float(found.high)) if math.isfinite(found.low) and math.isfinite(found.high) else None


@lru_cache(maxsize=8)
def _draws(count: int) -> np.ndarray:
    """Bases that are drawn, with replacement, shape (RESAMPLES, count)."""
    return np.random.default_rng(SEED).integers(0, count, (RESAMPLES, count))
