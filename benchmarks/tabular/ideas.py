"""Ideas that are tried on the tables before anything is built: a sampler and rules of promotion, not part of Convscape.

What was found is in docs/decisions/; what did not help stays here, so that it can be tried again on another table.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
from convscape.search.records import TrialRecord, objective_values
from optuna.samplers import BaseSampler, RandomSampler

if TYPE_CHECKING:
    import optuna
    from convscape.search.records import Objective
    from optuna.distributions import BaseDistribution
    from optuna.trial import FrozenTrial

POPULATION, SAMPLE = 50, 10
"""Latest trials that may be parents, and how many of them a parent is the best of (Real et al. 2019: 100 and 25)."""
CHANGED = 0.15
"""Probability with which a setting of the parent's is drawn anew."""
SEEN = 0.5
"""Last part of a learning curve that a straight line is laid through, errors and epochs as logarithms."""
TRUSTED = 0.5
"""Part of the predicted gain that counts."""
COST = 0.003
"""Accuracy that twice the multiply-accumulates are worth."""


class Evolution(BaseSampler):
    """Regularised evolution (Real et al. 2019): the best of some of the latest trials, with a few settings changed.

    Args:
        seed: of all chance.
    """

    def __init__(self, seed: int | None = None) -> None:
        self._chance, self._random = np.random.default_rng(seed), RandomSampler(seed=seed)
        self._parent: dict[str, Any] | None = None

    def infer_relative_search_space(
        self,
        study: optuna.Study,
        trial: FrozenTrial,  # noqa: ARG002
    ) -> dict[str, BaseDistribution]:
        latest = [t for t in study.get_trials(deepcopy=False) if t.params and t.intermediate_values][-POPULATION:]
        if len(latest) >= SAMPLE and self._parent is None:
            some = self._chance.choice(len(latest), SAMPLE, replace=False)
            best = max((latest[at] for at in some), key=lambda each: max(each.intermediate_values.items()))
            self._parent = best.params
        return {}

    def sample_relative(self, *_: Any) -> dict[str, Any]:
        return {}

    def sample_independent(
        self, study: optuna.Study, trial: FrozenTrial, param_name: str, param_distribution: BaseDistribution
    ) -> Any:
        given = (self._parent or {}).get(param_name)
        keeps = given is not None and self._chance.random() >= CHANGED
        if keeps and param_distribution._contains(param_distribution.to_internal_repr(given)):  # noqa: SLF001
            return given
        return self._random.sample_independent(study, trial, param_name, param_distribution)


def predicted(record: TrialRecord, objectives: tuple[Objective, ...], accuracy: float) -> tuple[float, ...]:
    """The trial's accuracy three times as many epochs later, if its error goes on to fall as it did: by a power law."""
    epochs = sorted(record.accuracies)
    some = epochs[int((1 - SEEN) * len(epochs)) :]
    if len(some) < 2:
        return objective_values(record, objectives, accuracy)
    errors = [math.log(max(1e-3, 1 - record.accuracies[epoch])) for epoch in some]
    slope, _ = np.polyfit(np.log(some), errors, 1)
    return (1 - (1 - accuracy) * math.exp(TRUSTED * min(0.0, float(slope)) * math.log(3)),)


def cheap_first(record: TrialRecord, objectives: tuple[Objective, ...], accuracy: float) -> tuple[float, ...]:  # noqa: ARG001
    """Its accuracy less what its seconds cost."""
    return (accuracy - COST * math.log2(record.design.macs + 1),)


def large_first(record: TrialRecord, objectives: tuple[Objective, ...], accuracy: float) -> tuple[float, ...]:  # noqa: ARG001
    """Its accuracy and a little for its size, which is a cheap sign of what it will reach."""
    return (accuracy + COST * math.log2(record.design.macs + 1),)


RULES = {"predicted": predicted, "cheap first": cheap_first, "large first": large_first}
"""What trials are ranked by at a rung, by name."""
