"""Samplers: which of Optuna's, or whose own, proposes designs; made anew for each trial, with a seed of its own."""

from __future__ import annotations

import copy
import inspect
import math
import warnings
from statistics import NormalDist, median
from typing import TYPE_CHECKING, Any

import optuna
from optuna.samplers import (
    BaseSampler,
    CmaEsSampler,
    GPSampler,
    GridSampler,
    NSGAIIISampler,
    NSGAIISampler,
    QMCSampler,
    RandomSampler,
    TPESampler,
)
from optuna.trial import FrozenTrial, TrialState
from threadpoolctl import threadpool_limits

from ...spaces import ConfigError, import_object, is_import_path, nearest
from ..records import is_trained
from .cmaes import CmaEs
from .guarded_sampler import describe_sampler_error
from .history import TrialHistory, violation

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from optuna.distributions import BaseDistribution

SAMPLER_KEY = "search.sampler"
"""The key of a sweep file that errors about the sampler point at."""


class GaussianProcess(GPSampler):
    """Optuna's GPSampler on one thread: beside trials that train, threads that wait for each other slow it tenfold."""

    def sample_relative(
        self, study: optuna.Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        """What Optuna's GPSampler proposes, computed on one thread."""
        with threadpool_limits(1):
            return super().sample_relative(study, trial, search_space)


BUILT_IN: dict[str, tuple[type[BaseSampler], dict[str, Any]]] = {
    # name: (class, settings that differ from Optuna's own; the sweep file may say otherwise)
    # `group`: without it TPE samples conditional settings as if unrelated
    "tpe": (TPESampler, {"n_startup_trials": 10, "multivariate": True, "group": True, "constant_liar": True}),
    "random": (RandomSampler, {}),
    "qmc": (QMCSampler, {"scramble": True, "warn_independent_sampling": False}),
    "gp": (GaussianProcess, {"warn_independent_sampling": False}),
    "cmaes": (CmaEs, {}),
    "nsga2": (NSGAIISampler, {"population_size": 20}),
}
"""For each name of `search.sampler`: the class, and settings that differ from Optuna's own."""
FLAT = (QMCSampler, GPSampler, CmaEs)
"""Samplers that propose only settings which every design has; Optuna draws any other at random."""
RANKED = (GPSampler, CmaEs, NSGAIISampler, NSGAIIISampler)
"""Samplers that learn from complete trials alone: trials that wait at a rung or were stopped there are shown to them as
complete ones."""
LIMITED = (TPESampler, GPSampler)
"""Samplers that look at the trials as a set, so that the most informative ones will do. Others count trials, or go by
generations."""
ONE_SEED = (QMCSampler, GridSampler)
"""Samplers that go on in one sequence from trial to trial, so that all trials must have it from one seed."""
LARGEST_GRID = 100_000
"""Bound on the points of a grid: Optuna's GridSampler makes them all at once, for each trial."""
STUCK = 10
"""Of so many proposals in a row that were duplicates or over budget the last is drawn at random instead."""


class Samplers:
    """Makes the sampler of each trial.

    Args:
        setting: what the sweep file says: a name, an import path, or either under `class` with the class's settings.
        seed: the sweep's seed.
        code: folders where the module of an import path is looked for first.

    Raises:
        ConfigError: no such sampler, a class not derived from Optuna's BaseSampler, or settings that it does not take.
    """

    def __init__(self, setting: str | Mapping[str, Any], seed: int = 0, code: Sequence[Path] = ()) -> None:
        settings = {"class": setting} if isinstance(setting, str) else dict(setting)
        self.name = str(settings.pop("class", ""))
        self._seed, self._history = seed, TrialHistory()
        if self.name in BUILT_IN:
            self.kind, defaults = BUILT_IN[self.name]
        elif is_import_path(self.name):
            self.kind, defaults = _found(self.name, code), {}
        else:
            raise ConfigError(f"{SAMPLER_KEY}: {self.name!r:.80} is no sampler", _remedy(self.name), key=SAMPLER_KEY)
        if issubclass(self.kind, CmaEsSampler):
            raise ConfigError(
                f"{SAMPLER_KEY}: {self.name} keeps its state as a pickle", "Use cmaes, which does not.", key=SAMPLER_KEY
            )
        self._parameters = _parameters(self.kind)
        self._settings = {**defaults, **settings}
        _refuse_unknown(self.name, self._parameters, settings)
        if issubclass(self.kind, GridSampler):
            _refuse_large(settings.get("search_space"))
        try:
            self._made(0, {})
        except Exception as problem:
            raise ConfigError(
                f"{SAMPLER_KEY}: {self.name}() raised {describe_sampler_error(problem)}",
                _settings(self.kind),
                key=SAMPLER_KEY,
            ) from problem

    @property
    def needs_same_settings(self) -> bool:
        """Whether the sampler needs every design to have equal settings."""
        return issubclass(self.kind, FLAT)

    def check_objectives(self, count: int) -> None:
        """Refuses a sampler that knows only one objective where there are more.

        Args:
            count: how many objectives the sweep has.

        Raises:
            ConfigError: the sampler takes one objective, and there are more.
        """
        if count > 1 and issubclass(self.kind, CmaEs):
            raise ConfigError(
                f"{SAMPLER_KEY}: {self.name} takes one objective, not {count}", "Use tpe, nsga2 or gp.", key=SAMPLER_KEY
            )

    def of(self, number: int, trials: Callable[[], Sequence[FrozenTrial]], without_settings: int = 0) -> BaseSampler:
        """The sampler that proposes trial `number`; however often it is asked for, it proposes alike.

        Where STUCK - 1 proposals in a row were not worth training it is a random one, except for TPE, random and QMC.

        Args:
            number: the trial's number, which decides its seed.
            trials: gives the trials before it.
            without_settings: how many of the trials before it the sampler learns nothing from, since the sweep file
                named their designs; TPE draws so many more at random at first.
        """
        if self.name not in ("tpe", "random", "qmc") and _in_vain(trials()) % STUCK == STUCK - 1:
            return RandomSampler(seed=self._seed_of(number))
        if self.name != "tpe":
            return self._made(number, {})
        return self._made(number, {"n_startup_trials": self._settings["n_startup_trials"] + without_settings})

    def as_sampler_sees(self, trials: list[FrozenTrial]) -> list[FrozenTrial]:
        """Makes of a study's trials those that the sampler is to see.

        Designs named in the sweep file have no settings. Samplers that go by the settings all trials have in common
        would find none, so that such trials are shown to TPE alone.

        Args:
            trials: all trials of one study, in the order of their numbers.
        """
        if self.kind is RandomSampler:
            return []
        if self.name != "tpe":
            trials = [trial for trial in trials if trial.distributions]
        if issubclass(self.kind, LIMITED):
            trials = self._history.select(trials)
        return ranked(trials) if issubclass(self.kind, RANKED) else trials

    def _made(self, number: int, settings: Mapping[str, Any]) -> BaseSampler:
        given: dict[str, Any] = {**self._settings, **settings}
        seed = self._seed_of(number)
        if "seed" in self._parameters:
            given["seed"] = self._seed if issubclass(self.kind, ONE_SEED) else seed
        if issubclass(self.kind, QMCSampler):
            given.setdefault("independent_sampler", RandomSampler(seed=seed))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            return self.kind(**given)

    def _seed_of(self, number: int) -> int:
        return (self._seed * 1_000_003 + number) % 2**32


def ranked(trials: list[FrozenTrial]) -> list[FrozenTrial]:
    """Trials of one objective as complete ones, the longer trained before the shorter whatever they reached.

    A value is the normal score of the trial's rank, by the epoch where it stands, then by its accuracy there: a result
    at a low rung is never taken for a final one, and a network that learnt nothing does not outweigh all others. What
    failed or is over budget comes last; as a constraint it would need a Gaussian process of its own. What runs, or
    ended before its first epoch, stays as it is.

    Trials of several objectives are complete already but for those that failed. They keep their values and get one
    constraint, by how much they violate those they have; a trial that failed gets the median of each objective.

    Args:
        trials: trials of one study.

    Returns:
        A trial for each of `trials`, in their order.
    """
    ended = [trial for trial in trials if trial.state in (TrialState.COMPLETE, TrialState.PRUNED)]
    if any(trial.values and len(trial.values) > 1 for trial in ended):
        return _of_several(trials)
    places: dict[int, tuple[float, float]] = {}
    for trial in ended:
        if (place := _standing(trial)) is not None:
            places[trial.number] = place
    order = sorted(set(places.values()))
    score = {place: NormalDist().inv_cdf((index + 0.5) / len(order)) for index, place in enumerate(order)}
    return [
        _complete(trial, [score[places[trial.number]]], {}) if trial.number in places else trial for trial in trials
    ]


def _of_several(trials: list[FrozenTrial]) -> list[FrozenTrial]:
    """Trials of several objectives, which are complete but for those that failed; all with one and the same constraint.

    Those cut short come with a constraint that says how far they came.
    """
    ended = [trial for trial in trials if trial.state in (TrialState.COMPLETE, TrialState.PRUNED)]
    values = [trial.values for trial in ended if trial.values and len(trial.values) > 1]
    middle = [median(each) for each in zip(*values, strict=True)]  # for what failed: it says nothing
    seen = {
        trial.number: _complete(trial, trial.values or middle, {"constraints:feasible": violation(trial)})
        for trial in ended
        if trial.values or violation(trial)
    }
    return [seen.get(trial.number, trial) for trial in trials]


def _complete(trial: FrozenTrial, values: Sequence[float], constraints: Mapping[str, float]) -> FrozenTrial:
    seen = copy.copy(trial)
    seen.state, seen.values = TrialState.COMPLETE, values
    plain = {key: value for key, value in trial.system_attrs.items() if not key.startswith("constraints")}
    seen.system_attrs = {**plain, **constraints}
    return seen


def _standing(trial: FrozenTrial) -> tuple[float, float] | None:
    """The epoch where the trial stands and what it reached, last what failed; None where nothing is known."""
    step = max(trial.intermediate_values, default=0)
    if violation(trial):
        return -1, 0.0
    if trial.state == TrialState.COMPLETE and trial.values:
        return step, trial.values[0]
    reached = trial.intermediate_values.get(step, math.nan)
    return None if math.isnan(reached) else (step, reached)


def _in_vain(trials: Sequence[FrozenTrial]) -> int:
    """How many of the latest in a row were not worth training."""
    count = 0
    for trial in reversed(trials):
        if is_trained(trial.user_attrs.get("state", "paused")):
            break
        count += 1
    return count


def is_optuna_s(path: str) -> bool:
    """Whether an import path names one of Optuna's own samplers, which is no code of somebody's.

    Args:
        path: the import path.
    """
    return path.replace(":", ".").startswith("optuna.samplers.")


def _found(path: str, code: Sequence[Path]) -> type[BaseSampler]:
    folders = () if is_optuna_s(path) else code  # nothing of theirs is taken for Optuna's
    found = import_object(
        path,
        "class",
        folders,
        lambda message, remedy: ConfigError(f"{SAMPLER_KEY}: {message}", remedy, key=SAMPLER_KEY),
    )
    if not (inspect.isclass(found) and issubclass(found, BaseSampler)):
        raise ConfigError(
            f"{SAMPLER_KEY}: {path} is no sampler",
            "Name a class derived from optuna.samplers.BaseSampler.",
            key=SAMPLER_KEY,
        )
    return found


def _remedy(name: str) -> str:
    close = nearest(name, BUILT_IN)
    known = f"{close} Known: {', '.join(BUILT_IN)}." if close.startswith("Did") else close
    return f"{known} Or name one by module and class: my_module.MySampler"


def _parameters(kind: type[BaseSampler]) -> dict[str, inspect.Parameter]:
    try:
        return dict(inspect.signature(kind).parameters)
    except (ValueError, TypeError):
        return {}


def _refuse_unknown(name: str, parameters: Mapping[str, inspect.Parameter], settings: Mapping[str, Any]) -> None:
    if "seed" in settings:
        raise ConfigError(
            f"{SAMPLER_KEY}.seed: a trial's seed comes from the sweep's", "Use search.seed.", key=f"{SAMPLER_KEY}.seed"
        )
    if any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters.values()):
        return
    known = [key for key in parameters if key != "seed"]
    for key in settings:
        if key not in known:
            remedy = nearest(key, known) if known else f"{name} takes no settings."
            raise ConfigError(f"{SAMPLER_KEY}.{key}: unknown key", remedy, key=f"{SAMPLER_KEY}.{key}")


def _refuse_large(grid: object) -> None:
    key = f"{SAMPLER_KEY}.search_space"
    if not isinstance(grid, dict) or not all(isinstance(values, list) for values in grid.values()):
        raise ConfigError(f"{key}: the values of each setting must be a list", "As in {kernel: [3, 5]}.", key=key)
    if (points := math.prod(map(len, grid.values()))) > LARGEST_GRID:
        raise ConfigError(
            f"{key}: a grid of {points:,} points; {LARGEST_GRID:,} (LARGEST_GRID) are the most",
            "Name fewer values, or use qmc, which fills a space evenly.",
            key=key,
        )


def _settings(kind: type[BaseSampler]) -> str:
    known = [key for key in _parameters(kind) if key != "seed"]
    return f"Its settings: {', '.join(known)}." if known else "It takes no settings."
