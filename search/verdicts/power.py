"""What so many pairs could have shown, and how many would show what was seen."""

from __future__ import annotations

import math

from scipy import optimize, stats

from .significance import attainable

POWER = 0.8
"""How often an effect is to be shown that is called detectable."""
LARGEST = 100.0
"""Standard deviations beyond which no difference is."""
MOST_PAIRS = 1_000
"""Pairs beyond which nobody is told a number."""


def power(effect: float, deviation: float, pairs: int, level: float) -> float:
    """How often a two-sided test of so many paired differences shows an effect, by the noncentral t distribution.

    Args:
        effect: the true mean difference.
        deviation: standard deviation of the differences between bases, above 0.
        pairs: how many there are, at least 2.
        level: of the test; p at or below it shows the effect.

    >>> round(power(0.5, 1.0, 34, 0.05), 2)  # Cohen 1988, table 2.4.1: 34 pairs for d = 0.5
    0.81
    """
    reach = stats.t.ppf(1 - level / 2, pairs - 1)
    shift = abs(effect) / deviation * math.sqrt(pairs)
    wrong_way = stats.nct.cdf(-reach, pairs - 1, shift)  # scipy gives nan where it is next to nothing
    return float(stats.nct.sf(reach, pairs - 1, shift) + (wrong_way if math.isfinite(wrong_way) else 0.0))


def detectable(deviation: float, pairs: int, level: float) -> float | None:
    """The smallest mean difference that so many pairs show with a probability of POWER; None where they show nothing.

    A permutation test of few pairs has only few p-values, and is judged by the largest at or below `level`.

    Args:
        deviation: standard deviation of the differences between bases.
        pairs: how many there are.
        level: of the test.

    >>> round(detectable(1.0, 20, 0.05), 3)
    0.66
    """
    reached = attainable(pairs, level)
    if pairs < 2 or not reached:
        return None
    if deviation == 0:
        return 0.0
    found = optimize.root_scalar(lambda effect: power(effect, 1.0, pairs, reached) - POWER, bracket=(0.0, LARGEST))
    return found.root * deviation


def pairs_needed(effect: float, deviation: float, level: float) -> int | None:
    """How many pairs show a mean difference with a probability of POWER; None where MOST_PAIRS are too few.

    Args:
        effect: the mean difference.
        deviation: standard deviation of the differences between bases.
        level: of the test.

    >>> pairs_needed(0.5, 1.0, 0.05)
    34
    """

    def enough(pairs: int) -> bool:
        found = detectable(deviation, pairs, level)
        return found is not None and found <= abs(effect)

    if not effect or not enough(MOST_PAIRS):
        return None
    low, high = 1, MOST_PAIRS
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if enough(middle) else (middle, high)
    return high
