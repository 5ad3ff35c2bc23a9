"""Which learning rate each variant of an experiment gets, and how much that mattered."""

from __future__ import annotations

import math
import statistics
from dataclasses import dataclass
from typing import TYPE_CHECKING

from scipy import stats

from .pairs import counts, reached

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from ..records import Experiment, TrialRecord

OWN = 0.01
"""A variant gets a rate of its own where chance alone would make that so much better with this probability, at most."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TunedRate:
    """The learning rate of a variant, as it was tuned."""

    variant: str
    rate: float
    """The rate that the variant is trained with."""
    accuracies: Mapping[float, float]
    """For each rate that was tried the mean validation accuracy, 0 to 1; {} where there was one alone. A training that
    diverged counts as guessing, one that failed otherwise as 0."""

    @property
    def gain(self) -> float:
        """How much the best rate has before the worst, in validation accuracy."""
        return max(self.accuracies.values()) - min(self.accuracies.values()) if self.accuracies else 0.0

    @property
    def best(self) -> float:
        """The rate with the highest mean accuracy, the lower one of equals."""
        return max(sorted(self.accuracies), key=self.accuracies.__getitem__) if self.accuracies else self.rate

    @property
    def at_the_edge(self) -> bool:
        """Whether the best rate is the lowest or the highest that was tried, so that a better one may lie beyond."""
        return len(self.accuracies) > 1 and self.best in (min(self.accuracies), max(self.accuracies))


def tuned_rates(experiment: Experiment, records: Iterable[TrialRecord]) -> dict[str, TunedRate] | None:
    """The learning rate of each variant, as `choose_rates` chooses it; None while a training that decides is not over.

    All variants are tuned alike: on the same bases, from the same seed, with the same rates.

    Args:
        experiment: what is trained.
        records: all trials so far.
    """
    if len(experiment.rates) == 1 or not experiment.tuned:
        return {name: TunedRate(variant=name, rate=experiment.rates[0], accuracies={}) for name in experiment.variants}
    found: dict[str, dict[float, dict[int, float]]] = {
        name: {rate: {} for rate in experiment.rates} for name in experiment.variants
    }
    for record in records:
        place, rate = record.pairing, record.design.recipe.learning_rate
        if place is not None and place.tunes and (record.completed or record.failed):
            found[place.variant].setdefault(rate, {})[place.base] = reached(record) if counts(record) else 0.0
    bases = range(experiment.tuned)
    if not all(len(of) == experiment.tuned for tried in found.values() for of in tried.values()):
        return None
    tried = {name: {rate: [of[base] for base in bases] for rate, of in rates.items()} for name, rates in found.items()}
    chosen = choose_rates(tried)
    return {
        name: TunedRate(
            variant=name, rate=chosen[name], accuracies={rate: statistics.fmean(of) for rate, of in tried[name].items()}
        )
        for name in experiment.variants
    }


def choose_rates(tried: Mapping[str, Mapping[float, Sequence[float]]]) -> dict[str, float]:
    """The learning rate of each variant: the best for all together, or its own where that is clearly better.

    Were each variant given the rate that happens to be best for it on a few bases, all its pairs would share the luck
    of that draw, and variants that do the same would seem to differ. So a variant leaves the common rate only where its
    own best is better on the same bases by a paired t-test at OWN.

    Args:
        tried: for each variant and rate the accuracies on the bases that are tuned on, in their order.

    >>> equal = {0.1: [0.80, 0.81, 0.79], 0.3: [0.79, 0.82, 0.78]}
    >>> choose_rates({"a": equal, "b": {0.1: [0.70, 0.71, 0.69], 0.3: [0.80, 0.81, 0.80]}})
    {'a': 0.3, 'b': 0.3}
    >>> choose_rates({"a": {0.1: [0.9, 0.9], 0.3: [0.1, 0.1]}, "b": {0.1: [0.7, 0.7], 0.3: [0.8, 0.8]}})
    {'a': 0.1, 'b': 0.3}
    """
    rates = sorted(next(iter(tried.values())))
    means = {name: {rate: statistics.fmean(of[rate]) for rate in rates} for name, of in tried.items()}
    common = max(rates, key=lambda rate: statistics.fmean(of[rate] for of in means.values()))
    chosen: dict[str, float] = {}
    for name, of in tried.items():
        best = max(rates, key=means[name].__getitem__)
        chosen[name] = best if _clearly_better(of[best], of[common]) else common
    return chosen


def _clearly_better(one: Sequence[float], other: Sequence[float]) -> bool:
    differences = [a - b for a, b in zip(one, other, strict=True)]
    if len(differences) < 2 or statistics.fmean(differences) <= 0:
        return False
    spread = statistics.stdev(differences) / math.sqrt(len(differences))
    return spread == 0 or statistics.fmean(differences) / spread > float(stats.t.ppf(1 - OWN, len(differences) - 1))
