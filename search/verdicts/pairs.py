"""The pairs of an experiment: bases that were trained in two variants from every seed."""

from __future__ import annotations

import statistics
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ..records import Experiment, TrialRecord

Bases: TypeAlias = "dict[int, dict[str, dict[int, TrialRecord]]]"
"""Trials by base, variant and seed."""

LEARNT = 0.1
"""A network has learnt that is so far from chance to all images right, or farther."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """One base in two variants, trained from the same seeds."""

    base: int
    """Which base, from 0 on."""
    a: tuple[TrialRecord, ...]
    """The first variant's trials, one for each seed."""
    b: tuple[TrialRecord, ...]
    """The second variant's trials, from the same seeds."""
    learnt: bool
    """Whether some training of the base, in whatever variant, came to more than chance."""

    @property
    def difference(self) -> float:
        """Validation accuracy of the first variant less that of the second, the mean over seeds."""
        return statistics.fmean(reached(a) - reached(b) for a, b in zip(self.a, self.b, strict=True))


def reached(record: TrialRecord) -> float:
    """Validation accuracy after the last epoch, 0 to 1: the best of all epochs would reward whose curve is noisier.

    A network that will not learn any more has that of guessing: leaving it out would reward the variant that diverges.
    """
    return 1 / record.design.architecture.classes if record.diverged else record.accuracies[record.epochs]


def counts(record: TrialRecord) -> bool:
    """Whether a training says something of its design: it came to its end, or diverged."""
    return record.completed or record.diverged


def trained_bases(experiment: Experiment, records: Iterable[TrialRecord]) -> Bases:
    """The trials of an experiment that came to their end or failed, by base, variant and seed.

    Args:
        experiment: what is trained.
        records: all trials so far.
    """
    found: Bases = {base: {} for base in range(len(experiment.bases))}
    for record in records:
        place = record.pairing
        if place is not None and not place.tunes and (record.completed or record.failed):
            found[place.base].setdefault(place.variant, {})[place.seed] = record
    return found


def is_over(experiment: Experiment, base: dict[str, dict[int, TrialRecord]]) -> bool:
    """Whether every training of a base is over."""
    return all(len(base.get(variant, {})) == experiment.seeds for variant in experiment.variants)


def pairs_of(a: str, b: str, experiment: Experiment, bases: Bases) -> list[Pair]:
    """The pairs of two variants: bases of which every training in both counts.

    Args:
        a: name of the first variant.
        b: name of the second.
        experiment: what is trained.
        bases: trials by base, variant and seed, as `trained_bases` gives them.
    """
    found: list[Pair] = []
    for number, base in bases.items():
        sides = [[base.get(name, {}).get(seed) for seed in range(1, experiment.seeds + 1)] for name in (a, b)]
        first, second = ([each for each in side if each is not None and counts(each)] for side in sides)
        if len(first) == len(second) == experiment.seeds:
            found.append(Pair(base=number, a=tuple(first), b=tuple(second), learnt=_has_learnt(base)))
    return found


def _has_learnt(base: dict[str, dict[int, TrialRecord]]) -> bool:
    trials = [record for seeds in base.values() for record in seeds.values() if counts(record)]
    return any(_beyond_chance(reached(record), record.design.architecture.classes) for record in trials)


def _beyond_chance(accuracy: float, classes: int) -> bool:
    return accuracy >= 1 / classes + LEARNT * (1 - 1 / classes)
