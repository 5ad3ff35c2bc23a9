"""Which learning rate each variant of an experiment gets, and how much that mattered."""

from __future__ import annotations

import statistics
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .pairs import counts, reached

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from ..records import Experiment, TrialRecord


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
    def at_the_edge(self) -> bool:
        """Whether the best rate is the lowest or the highest that was tried, so that a better one may lie beyond."""
        return len(self.accuracies) > 1 and self.rate in (min(self.accuracies), max(self.accuracies))


def tuned_rates(experiment: Experiment, records: Iterable[TrialRecord]) -> dict[str, TunedRate] | None:
    """The learning rate of each variant: of those tried, the one with the best mean validation accuracy.

    All variants are tuned alike: on the same bases, from the same seed, with the same rates. Of equal rates the lower
    is taken. None while some training that decides is not over.

    Args:
        experiment: what is trained.
        records: all trials so far.
    """
    if len(experiment.rates) == 1 or not experiment.tuned:
        return {name: TunedRate(variant=name, rate=experiment.rates[0], accuracies={}) for name in experiment.variants}
    found: dict[tuple[str, float], list[float]] = {}
    for record in records:
        if record.pairing is not None and record.pairing.tunes and (record.completed or record.failed):
            key = (record.pairing.variant, record.design.recipe.learning_rate)
            found.setdefault(key, []).append(reached(record) if counts(record) else 0.0)
    tuned: dict[str, TunedRate] = {}
    for name in experiment.variants:
        tried = {rate: found.get((name, rate), []) for rate in experiment.rates}
        if any(len(of) < experiment.tuned for of in tried.values()):
            return None
        means = {rate: statistics.fmean(of) for rate, of in tried.items()}
        best = max(sorted(means), key=means.__getitem__)
        tuned[name] = TunedRate(variant=name, rate=best, accuracies=means)
    return tuned
