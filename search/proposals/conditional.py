"""Checks, before anything trains, that every design of a space has equal settings, as some samplers need."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any

import optuna
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.samplers import RandomSampler
from optuna.trial import TrialState

from ...spaces import ConfigError, ConvscapeError
from ..study import SAMPLER_KEY, CmaEs, is_ordered, quiet_optuna

if TYPE_CHECKING:
    from collections.abc import Iterable

    from optuna.trial import FrozenTrial

    from ..config import SweepConfig
    from .design_space import DesignSpace

DRAWN = 200
"""Designs drawn at random. A setting that one design in fifty does not have is overlooked once in fifty times."""
MOST_VALUES = 20
"""Values of a range that are each tried: its ends, and others at equal distances between them."""

Settings = dict[str, tuple[BaseDistribution, Any]]
"""The settings of one design in the order they were asked for, by name: Optuna's distribution and the value."""


def check_conditional(config: SweepConfig, designs: DesignSpace) -> None:
    """Refuses a sampler that proposes only settings which all designs have, where the space has others.

    Designs are drawn at random, and then with each value of each setting in turn, so that what hangs on a single value
    is found however rare the value is. What hangs on several at once may be too rare to be drawn: the study watches for
    it while the sweep runs and logs a warning.

    Args:
        config: the sweep file, which names the sampler.
        designs: the designs the sweep may try.

    Raises:
        ConfigError: names a setting that only some designs have, and which other one it hangs on; or settings without
            an order, where the sampler is CMA-ES.
    """
    samplers = config.samplers()
    if not samplers.needs_same_settings:
        return
    drawn = list(_drawn(designs, config.search.seed))
    every = {name: distribution for settings in drawn for name, (distribution, _) in settings.items()}
    for name, distribution in every.items():
        if any(name not in settings or settings[name][0] != distribution for settings in drawn):
            raise _conditional(config, samplers.name, name, drawn)
    unordered = [name for name, distribution in every.items() if not is_ordered(distribution)]
    if unordered and issubclass(samplers.kind, CmaEs):
        raise ConfigError(
            f"{SAMPLER_KEY}: {samplers.name} needs numbers, or choices of two, and {_listed(config, unordered)} "
            f"{'is' if len(unordered) == 1 else 'are'} neither",
            "Fix what is no number, or name two values of it; or use tpe, gp, qmc, nsga2 or random.",
            key=SAMPLER_KEY,
        )


def _drawn(designs: DesignSpace, seed: int) -> Iterable[Settings]:
    quiet_optuna()
    answers = _Answers(random.Random(seed))  # noqa: S311 - not for secrets
    study = optuna.create_study(sampler=answers)
    while True:
        trial = study.ask()
        try:
            designs.choose(trial)
        except ConvscapeError:  # this one cannot be had: nothing to learn from it
            study.tell(trial, state=TrialState.FAIL)
        else:
            yield answers.asked
        if trial.number + 1 >= DRAWN and not answers.left:
            return
        answers.next(force=trial.number + 1 >= DRAWN)


class _Answers(RandomSampler):
    """Answers at random, but for one setting that is forced; keeps which values of which settings are left to be."""

    def __init__(self, chance: random.Random) -> None:
        super().__init__()
        self._chance = chance
        self._forced: tuple[str, Any] | None = None
        self._known: set[str] = set()
        self.left: list[tuple[str, Any]] = []
        self.asked: Settings = {}

    def next(self, *, force: bool) -> None:
        """Begins another design; where `force`, with one of the values that are left."""
        self.asked = {}
        self._forced = self.left.pop() if force else None

    def sample_independent(
        self,
        study: optuna.Study,  # noqa: ARG002
        trial: FrozenTrial,  # noqa: ARG002
        param_name: str,
        param_distribution: BaseDistribution,
    ) -> Any:
        offered = _values(param_distribution)
        if param_name not in self._known:
            self._known.add(param_name)
            self.left += [(param_name, value) for value in offered]
        forced = [value for value in offered if (param_name, value) == self._forced]
        answer = self._chance.choice(forced or offered)
        self.asked[param_name] = (param_distribution, answer)
        return answer


def _values(distribution: BaseDistribution) -> list[Any]:
    """What is tried of a setting; of a range its ends and what lies between."""
    match distribution:
        case CategoricalDistribution(choices=choices):
            return list(choices)
        case IntDistribution(low=low, high=high, step=step):
            every = range(low, high + 1, step)
            return sorted({every[round(place * (len(every) - 1))] for place in _places()})
        case FloatDistribution(low=low, high=high, step=None):
            return [min(low + (high - low) * place, high) for place in _places()]
        case FloatDistribution(low=low, high=high, step=float(step)):
            last = round((high - low) / step)
            return sorted({min(low + step * round(place * last), high) for place in _places()})
        case _:
            raise AssertionError(distribution)


def _places() -> list[float]:
    return [index / (MOST_VALUES - 1) for index in range(MOST_VALUES)]


def _conditional(config: SweepConfig, sampler: str, name: str, drawn: list[Settings]) -> ConfigError:
    """Names the setting that only some designs have, and the one on which that hangs, where it is a single one."""
    having = [settings for settings in drawn if name in settings]
    lacking = [settings for settings in drawn if name not in settings]
    cause, where = "what it hangs on", "in some designs"
    for other in drawn[0]:
        if other != name and all(other in settings for settings in drawn):
            there = {settings[other][1] for settings in having}
            if there.isdisjoint(settings[other][1] for settings in lacking):
                cause, where = _key(config, other), f"where {_key(config, other)} is {_shown(there)}"
                break
    plain, _, values = name.partition(" in ")
    what = f"{_key(config, plain)} is open" + (f" between {values.replace('|', ', ')}" if values else "")
    return ConfigError(
        f"{SAMPLER_KEY}: {sampler} needs the same settings of every design, and {what} only {where}",
        f"Fix {cause} to one value, or use tpe, nsga2 or random, which take such spaces.",
        key=SAMPLER_KEY,
    )


def _key(config: SweepConfig, name: str) -> str:
    """The setting as the sweep file has it; a space of one's own may call it as it likes."""
    if name in config.recipe_space().settings and name not in config.space:
        return f"recipe.{name}"
    return name if "class" in config.space else f"space.{name}"


def _listed(config: SweepConfig, names: list[str]) -> str:
    keys = [_key(config, name.partition(" in ")[0]) for name in names]
    return ", ".join(keys[:-1]) + f" and {keys[-1]}" if len(keys) > 1 else keys[0]


def _shown(values: set[Any]) -> str:
    return " or ".join(map(str, sorted(values, key=lambda value: (str(type(value)), value))[:5]))
