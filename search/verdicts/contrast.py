"""Two variants compared over all bases that were trained in both: the difference, how sure it is, and the verdict."""

from __future__ import annotations

import statistics
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .intervals import Interval, mean_interval, median_interval
from .power import MOST_PAIRS, detectable, pairs_needed
from .significance import fewest_pairs, holm, permutation_p

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .costs import Costs
    from .pairs import Pair


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """Two variants of which a contrast is made."""

    a: str
    """The first variant's name."""
    b: str
    """The second variant's name."""
    pairs: tuple[Pair, ...]
    """The bases of which every training in both counts."""
    costs: tuple[Costs, Costs]
    """What a network of each variant costs, as means over the pairs."""


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
    median_interval: tuple[float, float] | None
    """A confidence interval of the median difference, of 95 % at least; None of fewer pairs than it takes."""
    p: float
    """Of a permutation test, corrected for the contrasts of the question by Holm's method."""
    level: float | None
    """What p is compared with; None where the pairs so far are no moment to settle anything."""
    detectable: float | None
    """The smallest mean difference that so many pairs show with a probability of 0.8; None where they show nothing."""
    fewest: int
    """With fewer pairs nothing is settled, and no number of pairs is reckoned."""
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
        return _settled(self.interval, self.p, self.level)

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
        if not any(pair.learnt for pair in self.pairs):
            return f"{shown}; no variant learnt anything"
        if len(self.pairs) < self.fewest:
            return f"{shown}; it takes {self.fewest} pairs or more"
        if self.needed:
            return f"{shown}; about {self.needed:,} pairs would"
        return f"{shown}; it would take more than {MOST_PAIRS:,} pairs"


def contrasts(compared: Sequence[Compared], level: float | None, final: float) -> list[Contrast]:
    """The contrasts of a question, their p-values corrected for being several.

    Args:
        compared: for each contrast its two variants, the pairs, and what each variant costs.
        level: what p is compared with now; None where nothing is to be settled yet.
        final: what p is compared with once all pairs are there, by which the pairs that are needed are reckoned.
    """
    corrected = holm([permutation_p([pair.difference for pair in each.pairs]) for each in compared])
    final, shown = final / len(compared), (level or final) / len(compared)
    return [_contrast(each, p, level, shown, final) for each, p in zip(compared, corrected, strict=True)]


def _contrast(compared: Compared, p: float, level: float | None, shown: float, final: float) -> Contrast:
    """One contrast, with its detectable difference at the level `shown`, and the pairs needed at the level `final`."""
    differences = [pair.difference for pair in compared.pairs]
    count, interval = len(differences), mean_interval(differences)
    fewest, least, needed = fewest_pairs(final), None, None
    if interval is not None:
        deviation = statistics.stdev(differences)
        least = detectable(deviation, count, shown)
        if count >= fewest and not _settled(interval, p, level):
            needed = pairs_needed(statistics.fmean(differences), deviation, final)
    return Contrast(
        a=compared.a,
        b=compared.b,
        pairs=compared.pairs,
        interval=interval,
        median_interval=median_interval(differences),
        p=p,
        level=level,
        detectable=least,
        fewest=fewest,
        needed=max(needed, count + 1) if needed else None,
        costs=compared.costs,
    )


def _settled(interval: Interval | None, p: float, level: float | None) -> bool:
    return interval is not None and interval.without_zero and level is not None and p <= level
