"""Which settings mattered: PED-ANOVA over a sweep's trials, with how far that can be told from chance."""

from __future__ import annotations

import copy
import warnings
from dataclasses import dataclass
from functools import lru_cache
from statistics import stdev
from typing import TYPE_CHECKING, Any

import numpy as np
import optuna
from optuna.distributions import json_to_distribution
from optuna.trial import TrialState, create_trial

from .study import quiet_optuna

if TYPE_CHECKING:
    from collections.abc import Sequence

    from optuna.trial import FrozenTrial

    from ..records import TrialRecord

FEWEST = 20
"""Trials below which nothing is said, of a setting that only some designs have as well."""
GOOD, FEWEST_GOOD = 0.1, 8
"""The share of the trials, the best, that are compared with all; and how many they are at least: PED-ANOVA is unsteady
below five."""
MOST = 2500
"""Trials that are looked at, at most, spread evenly over the sweep: more take long, and tell hardly more."""
RESAMPLES, SHUFFLES = 12, 8
"""Resamples of the trials for the deviation, and shuffles of their results for what chance brings."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SettingImportance:
    """How much one setting decided which trials were among the best."""

    setting: str
    """The setting's name among Optuna's parameters, such as "learning_rate" or "stage2.kernel"."""
    trials: int
    """How many trials had the setting, since some designs have none: the importance rests on these."""
    share: float | None
    """The part of what all settings decided that this one did, 0 to 1; None where there were too few trials."""
    deviation: float | None
    """Standard deviation of the share over resamples of the trials (bootstrap); None where there were too few."""
    chance: float | None
    """The highest share that any setting got when results were shuffled among the trials; None where there were too
    few."""

    @property
    def matters(self) -> bool:
        """Whether the share is above what chance brings any setting."""
        return self.share is not None and self.share > (self.chance or 0.0)


def importances(records: Sequence[TrialRecord]) -> list[SettingImportance]:
    """How much each setting decided which trials were among the best, the most decisive first, unknown ones last.

    By PED-ANOVA (Watanabe et al. 2023), that of conditional settings included: how far the values of the best tenth of
    the trials are from those of all. Trials were trained for unequal numbers of epochs; they are compared as `placed`
    says. Of more than MOST trials those are looked at that are spread evenly over the sweep. Over-budget designs,
    duplicates and finalists' further runs are left out, trials that failed count as the worst. With several
    objectives it is accuracy that is explained.

    Args:
        records: all trials of the sweep, as they were read from disk.
    """
    compared = [record for record in records if record.distributions and record.trained and not record.repetition]
    compared = [record for record in compared if record.accuracies or record.failed]
    spread = np.unique(np.linspace(0, len(compared) - 1, min(MOST, len(compared))).astype(int)).tolist()
    order = placed([compared[at] for at in spread])
    trials = [
        _complete(record.params, {name: _distribution(text) for name, text in record.distributions.items()}, place)
        for place, record in enumerate(order)
    ]
    counts = _counts(trials)
    known = sorted(name for name, count in counts.items() if count >= FEWEST)
    unknown = [
        SettingImportance(setting=name, trials=count, share=None, deviation=None, chance=None)
        for name, count in sorted(counts.items())
        if count < FEWEST
    ]
    return [*_measured(trials, known, counts), *unknown] if known else unknown


def placed(records: Sequence[TrialRecord]) -> list[TrialRecord]:
    """Trials from the worst to the best, any two compared after as many epochs each: no one gains by a longer training.

    All are ordered by their accuracy after as many epochs as the shortest had. Those that were trained further are then
    put in order anew among each other, in the places that they hold, by their accuracies after the next number of
    epochs at which a trial ended, and so on. Those that failed come first.
    """
    order = [record for record in records if not record.failed]
    for epoch in sorted({record.epochs for record in order}):
        places = [place for place, record in enumerate(order) if epoch in record.accuracies]
        anew = sorted((order[place] for place in places), key=lambda record: record.accuracies[epoch])
        for place, record in zip(places, anew, strict=True):
            order[place] = record
    return [*(record for record in records if record.failed), *order]


_distribution = lru_cache(maxsize=1024)(json_to_distribution)


def _complete(params: dict[str, Any], distributions: dict[str, Any], place: float) -> FrozenTrial:
    """A trial as Optuna's evaluators want it: complete, of one value, here its place among all."""
    return create_trial(state=TrialState.COMPLETE, params=params, distributions=distributions, value=float(place))


def _at_place(trial: FrozenTrial, place: float) -> FrozenTrial:
    """The trial as if it stood elsewhere; making it anew would check all of its settings again."""
    moved = copy.copy(trial)
    moved.values = [float(place)]
    return moved


def _counts(trials: Sequence[FrozenTrial]) -> dict[str, int]:
    """How many trials have each setting that was not the same in all of them."""
    values: dict[str, list[Any]] = {}
    for trial in trials:
        for name, value in trial.params.items():
            values.setdefault(name, []).append(value)
    return {name: len(found) for name, found in values.items() if len(set(found)) > 1}


def _measured(trials: list[FrozenTrial], names: list[str], counts: dict[str, int]) -> list[SettingImportance]:
    random, count = np.random.default_rng(0), len(trials)
    evaluator = _Evaluator(max(GOOD, min(0.5, FEWEST_GOOD / count)))
    found = evaluator.of(trials, names)
    total = sum(found.values()) or 1.0
    resamples = [evaluator.of([trials[at] for at in random.integers(0, count, count)], names) for _ in range(RESAMPLES)]
    shuffles = [
        evaluator.of(
            [_at_place(trial, place) for trial, place in zip(trials, random.permutation(count), strict=True)],
            names,
        )
        for _ in range(SHUFFLES)
    ]
    chance = max(max(raw.values()) for raw in shuffles) / total
    shares = [{name: raw[name] / (sum(raw.values()) or 1.0) for name in names} for raw in resamples]
    measured = [
        SettingImportance(
            setting=name,
            trials=counts[name],
            share=found[name] / total,
            deviation=stdev(each[name] for each in shares),
            chance=chance,
        )
        for name in names
    ]
    return sorted(measured, key=lambda each: -(each.share or 0.0))


class _Evaluator:
    """Optuna's PED-ANOVA, asked about trials that are no study's."""

    def __init__(self, good: float) -> None:
        from optuna.importance import PedAnovaImportanceEvaluator  # loads scikit-learn, which takes a second

        quiet_optuna()
        study = optuna.create_study(direction="maximize")
        self._study = _Resampled(study.study_name, study._storage)  # noqa: SLF001
        self._evaluator = PedAnovaImportanceEvaluator(target_quantile=good)

    def of(self, trials: Sequence[FrozenTrial], names: list[str]) -> dict[str, float]:
        """What each setting decided; of a setting that none of the trials has, 0."""
        self._study.resampled = []
        for number, trial in enumerate(trials):
            one = copy.copy(trial)
            one._trial_id = number  # noqa: SLF001 - a trial that was drawn twice is two
            self._study.resampled.append(one)
        there = {name for trial in trials for name in trial.params}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of regimes with few trials: the deviation says it
            found = self._evaluator.evaluate(self._study, [name for name in names if name in there])
        return {name: found.get(name, 0.0) for name in names}


class _Resampled(optuna.Study):
    """A study of trials that are given: adding copies of hundreds to one, again and again, would take seconds."""

    resampled: list[FrozenTrial]

    def get_trials(self, deepcopy: bool = True, states: Any = None) -> list[FrozenTrial]:
        _ = deepcopy, states
        return self.resampled
