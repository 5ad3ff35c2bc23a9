"""The confidence interval of a share that was counted. Imports nothing heavy: commands that only look use it, too."""

from __future__ import annotations

import math
from statistics import NormalDist

Z95 = NormalDist().inv_cdf(0.975)
"""Standard deviations to each side of a mean that hold 95 % of a normal distribution."""


def wilson_interval(right: float, count: int) -> tuple[float, float]:
    """Wilson's 95 % confidence interval of a share (Wilson 1927), from 0 to 1.

    Args:
        right: how often it was so; no whole number where it comes of a mean.
        count: of how many draws, at least 1.

    >>> [round(bound, 4) for bound in wilson_interval(81, 263)]
    [0.2553, 0.3662]
    """
    share = right / count
    centre = (share + Z95**2 / (2 * count)) / (1 + Z95**2 / count)
    reach = Z95 / (1 + Z95**2 / count) * math.sqrt(share * (1 - share) / count + (Z95 / (2 * count)) ** 2)
    return max(0.0, centre - reach), min(1.0, centre + reach)
