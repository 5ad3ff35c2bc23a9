"""CMA-ES whose distribution is made again from the trials; Optuna's own keeps it in the study as a pickle."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.samplers import BaseSampler, RandomSampler
from optuna.trial import TrialState

if TYPE_CHECKING:
    from cmaes import CMAwM
    from optuna.study import Study
    from optuna.trial import FrozenTrial

POINT, GENERATION = "cmaes:point", "cmaes:generation"
"""System attributes of a trial: the point it was sampled at, and the number of its generation."""
ENDED = "cmaes:ended"
"""System attribute of the study, with a generation's number behind it: the trials of that generation, best first."""


class CmaEs(BaseSampler):
    """Covariance matrix adaptation with margin (Hamano et al. 2022), for numbers and choices that have an order.

    It is for `samplers.Samplers`, which shows it trials that have ended or wait as complete trials of one objective to
    be maximised.

    Each trial keeps the point it was sampled at, each generation the order its trials came in. From these the
    distribution is made again for every proposal, with an equal result each time.

    Args:
        seed: of this proposal.
        population_size: trials a generation; 4 + 3 ln(settings) when not given.
        sigma: first standard deviation, as a share of each range, above 0 and at most 1.

    Raises:
        ValueError: `population_size` is below 3, or `sigma` out of range.
    """

    def __init__(self, *, seed: int | None = None, population_size: int | None = None, sigma: float = 1 / 6) -> None:
        if population_size is not None and population_size < 3:
            raise ValueError(f"population_size: {population_size} is below 3")
        if not 0 < sigma <= 1:
            raise ValueError(f"sigma: {sigma} is not above 0 and at most 1")
        self._seed, self._population_size, self._sigma = seed, population_size, sigma
        self._random = RandomSampler(seed=seed)

    def infer_relative_search_space(self, study: Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        """The settings of the study's first trial that have an order and more than one value."""
        for known in study.get_trials(deepcopy=False):
            if known.distributions and known.number != trial.number:
                return {
                    name: distribution
                    for name, distribution in sorted(known.distributions.items())
                    if is_ordered(distribution) and not distribution.single()
                }
        return {}

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        """A point of the current generation, as a value for each setting of `search_space`."""
        if not search_space:
            return {}
        axes = [_Axis(distribution) for distribution in search_space.values()]
        optimizer = self._rebuilt(study, axes)
        optimizer.reseed_rng(self._seed or 0)
        decoded, point = optimizer.ask()
        for key, value in ((POINT, point.tolist()), (GENERATION, optimizer.generation)):
            study._storage.set_trial_system_attr(trial._trial_id, key, value)  # noqa: SLF001 - as all samplers do
        return {name: axis.value(at) for name, axis, at in zip(search_space, axes, decoded, strict=True)}

    def sample_independent(
        self, study: Study, trial: FrozenTrial, param_name: str, param_distribution: BaseDistribution
    ) -> Any:
        """A value at random: for every setting of the first trial, and for settings that have no order."""
        return self._random.sample_independent(study, trial, param_name, param_distribution)

    def _rebuilt(self, study: Study, axes: list[_Axis]) -> CMAwM:
        """The distribution after all generations that have ended. One that ends now is kept in the study."""
        from cmaes import CMAwM

        optimizer = CMAwM(
            mean=np.full(len(axes), 0.5),
            sigma=self._sigma,
            bounds=np.tile([0.0, 1.0], (len(axes), 1)),
            steps=np.array([axis.step for axis in axes]),
            n_max_resampling=10 * len(axes),
            population_size=self._population_size,
        )
        storage, study_id = study._storage, study._study_id  # noqa: SLF001
        ended = storage.get_study_system_attrs(study_id)
        sampled = {
            known.number: known
            for known in study.get_trials(deepcopy=False)
            if len(known.system_attrs.get(POINT, ())) == len(axes)
        }
        while True:
            key = f"{ENDED}:{optimizer.generation}"
            order = ended.get(key)
            if order is None:
                ready = [
                    known
                    for known in sampled.values()
                    if known.system_attrs[GENERATION] == optimizer.generation and known.state == TrialState.COMPLETE
                ]
                if len(ready) < optimizer.population_size:
                    return optimizer
                first = sorted(ready[: optimizer.population_size], key=_merit, reverse=True)
                order = [known.number for known in first]
                storage.set_study_system_attr(study_id, key, order)
            points = [np.array(sampled[number].system_attrs[POINT]) for number in order]
            optimizer.tell([(point, float(place)) for place, point in enumerate(points)])


def is_ordered(distribution: BaseDistribution) -> bool:
    """Whether a setting's values can be put in an order: numbers can, and any two choices."""
    if not isinstance(distribution, CategoricalDistribution):
        return True
    return len(distribution.choices) < 3 or all(
        isinstance(choice, int | float) and not isinstance(choice, bool) for choice in distribution.choices
    )


def _merit(trial: FrozenTrial) -> float:
    return trial.values[0]


class _Axis:
    """One setting as a stretch from 0 to 1; choices and whole numbers at equal distances."""

    def __init__(self, distribution: BaseDistribution) -> None:
        self._distribution = distribution
        self._values: list[Any] = []
        match distribution:
            case CategoricalDistribution(choices=choices):
                self._values = sorted(choices) if len(choices) > 2 else list(choices)
            case IntDistribution(log=False, low=low, high=high, step=step):
                self._values = list(range(low, high + 1, step))
            case FloatDistribution(step=float(step), low=low, high=high):
                self._values = [low + step * index for index in range(round((high - low) / step) + 1)]
            case _:
                pass

    @property
    def step(self) -> float:
        """Distance between values, 0 where all between are some too."""
        return 1 / (len(self._values) - 1) if self._values else 0.0

    def value(self, at: float) -> Any:
        """The setting's value there."""
        if self._values:
            return self._values[round(at * (len(self._values) - 1))]
        numbers = self._distribution
        assert isinstance(numbers, FloatDistribution | IntDistribution)
        low, high = float(numbers.low), float(numbers.high)
        found = low * (high / low) ** at if numbers.log else low + (high - low) * at
        found = min(max(found, low), high)
        return round(found) if isinstance(numbers, IntDistribution) else float(found)
