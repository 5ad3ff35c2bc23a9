"""Two variants compared over all bases that were trained in both: the difference, how sure it is, and the verdict."""

from __future__ import annotations

import math
import statistics
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .intervals import Interval, mean_interval
from .power import MOST_PAIRS, detectable, pairs_needed
from .significance import holm, permutation_p

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .costs import Costs
    from .pairs import Pair


@dataclass(frozen=True, slots=True, kw_only=True)
class Contrast:
    """What an experiment says of two variants. Differences are of validation accuracy, the first variant's less the
    second's.
    """

    a: str
    b: str
    pairs: tuple[Pair, ...]
    """The bases that were trained in both variants from every seed."""
    interval: Interval | None
    """The 95 % confidence interval of the mean difference; None of fewer than two pairs."""
    p: float
    """Of a permutation test, corrected for the contrasts of the question by Holm's method."""
    level: float
    """What p is compared with."""
    detectable: float | None
    """The smallest mean difference that so many pairs show with a probability of 0.8; None where they show nothing."""
    needed: int | None
    """How many pairs would show the mean difference that was seen; None where nobody can say, or all is settled."""
    costs: tuple[Costs, Costs]
    """What a network of each variant costs, as means over the pairs."""

    @property
    def differences(self) -> tuple[float, ...]:
        """For each pair the difference, the mean over its seeds."""
        return tuple(pair.difference for pair in self.pairs)

    @property
    def difference(self) -> float:
        """The mean difference; 0 where there is no pair."""
        return statistics.fmean(self.differences) if self.pairs else 0.0

    @property
    def median(self) -> float:
        """The median of the differences; 0 where there is no pair."""
        return statistics.median(self.differences) if self.pairs else 0.0

    @property
    def wins(self) -> int:
        """Pairs in which the first variant is better."""
        return sum(difference > 0 for difference in self.differences)

    @property
    def ties(self) -> int:
        """Pairs without a difference."""
        return sum(difference == 0 for difference in self.differences)

    @property
    def settled(self) -> bool:
        """Whether there is a verdict: the interval has no zero in it, and chance is ruled out at the level."""
        return self.interval is not None and self.interval.without_zero and self.p <= self.level

    @property
    def better(self) -> str | None:
        """The variant that is better, None where that is not settled."""
        return (self.a if self.difference > 0 else self.b) if self.settled else None

    @property
    def verdict(self) -> str:
        """The verdict in words: which variant is better, or how many pairs would settle it."""
        if self.better:
            return f"{self.better} is better"
        if not self.pairs:
            return "no pair is complete yet"
        shown = f"not settled at n = {len(self.pairs)}"
        if self.needed:
            return f"{shown}; about {self.needed:,} pairs would"
        return f"{shown}; it would take more than {MOST_PAIRS:,} pairs" if len(self.pairs) > 1 else shown


def contrasts(compared: Sequence[tuple[str, str, Sequence[Pair], tuple[Costs, Costs]]], level: float) -> list[Contrast]:
    """The contrasts of a question, their p-values corrected for being several.

    Args:
        compared: for each contrast its two variants, the pairs, and what each variant costs.
        level: how often all contrasts together may end with a verdict where there is no difference.
    """
    differences = [[pair.difference for pair in pairs] for _, _, pairs, _ in compared]
    corrected = holm([permutation_p(each) for each in differences])
    return [
        _contrast(compared[index], differences[index], corrected[index], level, len(compared))
        for index in range(len(compared))
    ]


def _contrast(
    compared: tuple[str, str, Sequence[Pair], tuple[Costs, Costs]],
    differences: Sequence[float],
    p: float,
    level: float,
    several: int,
) -> Contrast:
    a, b, pairs, costs = compared
    deviation = statistics.stdev(differences) if len(differences) > 1 else math.nan
    known = len(differences) > 1
    interval = mean_interval(differences)
    settled = interval is not None and interval.without_zero and p <= level
    needed = None if settled or not known else pairs_needed(statistics.fmean(differences), deviation, level / several)
    return Contrast(
        a=a,
        b=b,
        pairs=tuple(pairs),
        interval=interval,
        p=p,
        level=level,
        detectable=detectable(deviation, len(differences), level / several) if known else None,
        needed=max(needed, len(differences) + 1) if needed else None,
        costs=costs,
    )
