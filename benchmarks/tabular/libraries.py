"""Ray Tune, Syne Tune and NePS as rivals: their own searchers and schedulers, asked and told without their processes.

Ray Tune is there; the others are not, and belong into an environment of their own that sees the project's packages:

    python -m venv rivals
    echo "$PWD/.venv/lib/python3.11/site-packages" > rivals/lib/python3.11/site-packages/project.pth
    rivals/bin/pip install --no-deps syne-tune neural-pipeline-search    and what they miss, until they can be imported

With NePS 0.17 go gpytorch 1.13, botorch 0.12 and linear_operator 0.5.3; newer ones it cannot import.

Each gets the same designs as ours and runs of up to LONG epochs, and the rest as its documentation has it.
"""

from __future__ import annotations

import logging
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import optuna
from convscape.search.config.recipe_space import TEXTBOOK
from convscape.search.proposals.scripted_trials import NearestTrial
from convscape.search.records import Design
from convscape.spaces.conv_space import advice
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution
from world import LONG

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from convscape.search.proposals import DesignSpace
    from optuna.distributions import BaseDistribution

DRAWN = 500
"""Designs drawn at random to see which settings there are."""


class Flat:
    """A design space as libraries have it that know no conditional choices: every setting, always.

    A design has only the settings that it asks for; the others do nothing.

    Args:
        designs: the designs that the settings lead to.
    """

    def __init__(self, designs: DesignSpace) -> None:
        self._designs = designs
        self.settings: dict[str, BaseDistribution] = {}
        """What each setting may be, those with more than one value."""
        study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
        for _ in range(DRAWN):
            trial = study.ask()
            designs.choose(trial)
            for name, found in trial.distributions.items():
                plain = name.partition(" in ")[0]
                self.settings[plain] = _widened(self.settings.get(plain), found)
        self.settings = {name: of for name, of in self.settings.items() if not of.single()}

    def design(self, values: Mapping[str, Any]) -> Design:
        """The design of values for all settings."""
        return Design.of(*self._designs.choose(NearestTrial(values)))

    def textbook(self) -> dict[str, Any]:
        """The textbook's values, of the settings that its design has."""
        trial = NearestTrial({**TEXTBOOK, **advice(self._designs.input, 16)})
        self._designs.choose(trial)
        return {name.partition(" in ")[0]: value for name, value in trial.given.items()}


def _widened(known: BaseDistribution | None, found: BaseDistribution) -> BaseDistribution:
    if isinstance(known, CategoricalDistribution) and isinstance(found, CategoricalDistribution):
        return CategoricalDistribution(list(dict.fromkeys([*known.choices, *found.choices])))
    return found


class Tune:
    """Ray Tune's OptunaSearch with its ASHAScheduler."""

    def __init__(self, designs: DesignSpace, seed: int) -> None:
        from ray.tune.schedulers import ASHAScheduler
        from ray.tune.search.optuna import OptunaSearch

        optuna.logging.set_verbosity(optuna.logging.ERROR)
        drawn: list[Design] = []
        self._drawn, aim = drawn, {"metric": "accuracy", "mode": "max"}
        self._searcher = OptunaSearch(lambda trial: drawn.append(Design.of(*designs.choose(trial))), **aim, seed=seed)
        self._scheduler = ASHAScheduler(**aim, max_t=LONG)
        self._count = 0

    def ask(self) -> tuple[int, Design, int, int] | None:
        self._count += 1
        self._searcher.suggest(str(self._count))
        self._scheduler.on_trial_add(None, SimpleNamespace(trial_id=str(self._count)))  # pyright: ignore[reportArgumentType]
        return self._count, self._drawn[-1], 0, LONG

    def tell(self, number: int, epoch: int, value: float) -> bool:
        result = {"training_iteration": epoch, "accuracy": value}
        trial: Any = SimpleNamespace(trial_id=str(number))
        self._searcher.on_trial_result(trial.trial_id, result)
        goes_on = self._scheduler.on_trial_result(None, trial, result) == "CONTINUE"  # pyright: ignore[reportArgumentType]
        if not goes_on:
            self._searcher.on_trial_complete(trial.trial_id, result)
        return goes_on


class SyneTune:
    """A scheduler of Syne Tune's `baselines`.

    Args:
        name: the scheduler's.
    """

    def __init__(self, name: str, designs: DesignSpace, seed: int) -> None:
        from syne_tune.optimizer import baselines

        logging.getLogger("syne_tune").setLevel(logging.ERROR)
        self._flat, self._trials = Flat(designs), dict[int, Any]()
        space = {setting: _syne(of) for setting, of in self._flat.settings.items()}
        self._scheduler = getattr(baselines, name)(
            space, metric="accuracy", time_attr="epoch", max_t=LONG, do_minimize=False, random_seed=seed
        )

    def ask(self) -> tuple[int, Design, int, int] | None:
        from syne_tune.backend.trial_status import Trial

        number = len(self._trials)
        trial = Trial(number, self._scheduler.suggest().config, datetime.now(UTC))
        self._scheduler.on_trial_add(trial)
        self._trials[number] = trial
        return number, self._flat.design(trial.config), 0, LONG

    def tell(self, number: int, epoch: int, value: float) -> bool:
        trial, result = self._trials[number], {"epoch": epoch, "accuracy": value}
        goes_on = self._scheduler.on_trial_result(trial, result) == "CONTINUE"
        if not goes_on:
            self._scheduler.on_trial_complete(trial, result)
        return goes_on


def _syne(distribution: BaseDistribution) -> Any:
    from syne_tune import config_space as syne

    match distribution:
        case CategoricalDistribution():
            numbers = {type(choice) for choice in distribution.choices} == {int, float}
            return syne.choice([float(choice) if numbers else choice for choice in distribution.choices])  # of one type
        case IntDistribution():
            return (syne.lograndint if distribution.log else syne.randint)(distribution.low, distribution.high)
        case FloatDistribution():
            return (syne.loguniform if distribution.log else syne.uniform)(distribution.low, distribution.high)
        case _:
            raise TypeError(distribution)


class PriorBand:
    """NePS's PriorBand, told the textbook's values as its priors."""

    def __init__(self, designs: DesignSpace, seed: int) -> None:
        import neps
        import numpy as np
        import torch
        from neps.space.parameters import HPOInteger
        from neps.space.search_space import SearchSpace

        for seeded in (np.random.seed, torch.manual_seed):  # it takes its chance from there
            seeded(seed)
        self._flat = Flat(designs)
        priors = self._flat.textbook()
        settings: dict[str, Any] = {name: _neps(of, priors.get(name)) for name, of in self._flat.settings.items()}
        space = SearchSpace({**settings, "epochs": HPOInteger(1, LONG, is_fidelity=True)})
        self._optimizer = neps.AskAndTell(neps.algorithms.priorband(space))
        self._asked: dict[int, tuple[str, int]] = {}

    def ask(self) -> tuple[int, Design, int, int] | None:
        trial = self._optimizer.ask()
        number = int(trial.id.partition("_")[0])  # 7_2 is 7, trained for longer
        before = trial.metadata.previous_trial_id
        start = 0 if before is None else int(self._optimizer.trials[before].config["epochs"])
        self._asked[number] = trial.id, int(trial.config["epochs"])
        return number, self._flat.design(trial.config), start, LONG

    def tell(self, number: int, epoch: int, value: float) -> bool:
        asked, epochs = self._asked[number]
        if epoch < epochs:
            return True
        self._optimizer.tell(asked, 1 - value)
        return False


def _neps(distribution: BaseDistribution, prior: Any) -> Any:
    from neps.space.parameters import HPOCategorical, HPOFloat, HPOInteger

    sure: dict[str, Any] = {} if prior is None else {"prior": prior, "prior_confidence": "medium"}
    match distribution:
        case CategoricalDistribution():
            return HPOCategorical(list(distribution.choices), **sure)  # pyright: ignore[reportArgumentType]
        case IntDistribution():
            return HPOInteger(distribution.low, distribution.high, log=distribution.log, **sure)
        case FloatDistribution():
            return HPOFloat(distribution.low, distribution.high, log=distribution.log, **sure)
        case _:
            raise TypeError(distribution)


def _syne_tune(name: str) -> Callable[[DesignSpace, int], SyneTune]:
    return lambda designs, seed: SyneTune(name, designs, seed)


LIBRARIES: dict[str, Callable[[DesignSpace, int], Any]] = {
    "tune": Tune, "syne-tune asha": _syne_tune("ASHA"), "syne-tune bohb": _syne_tune("BOHB"),
    "syne-tune cqr": _syne_tune("ASHACQR"), "neps priorband": PriorBand,
}  # fmt: skip
"""Ways to search by name, each of which needs its library."""
