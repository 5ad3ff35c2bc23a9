"""The designs a sweep file names, in the order they are trained: baselines first, then starts."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

from ...spaces import ConfigError, SweepError
from ...trainers import Recipe
from ..config import NamedNetwork, WarmStart, absolute_paths, network_of
from ..records import Design, Enqueued
from ..study import read_params
from ..sweep import Sweep

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from ...spaces import Trial
    from ..config import SweepConfig
    from ..records import Role

ADAMW_SLOWER = 50
"""AdamW's usual learning rate is so many times below SGD's."""


def initial_designs(config: SweepConfig, input: tuple[int, int, int], classes: int) -> list[Enqueued]:
    """The designs of `search.baselines` and `search.start`, for images of (C, H, W).

    Raises:
        ConfigError: a network that is not there or cannot be built for the images, a sweep without a result or with
            other images, or more starts than trials; names the key.
    """
    baselines = _queued(config, "baselines", "baseline", input, classes)
    starts = _queued(config, "start", "start", input, classes)
    if len(starts) > config.search.trials:
        raise ConfigError(
            f"search.start: {len(starts)} designs, and `search.trials` is {config.search.trials}",
            f"Starts count as trials: raise `search.trials` to at least {len(starts)}, or name fewer.",
            key="search.start",
        )
    return baselines + starts


def _queued(config: SweepConfig, section: str, role: Role, input: tuple[int, int, int], classes: int) -> list[Enqueued]:
    result: list[Enqueued] = []
    for index, entry in enumerate(getattr(config.search, section)):
        key = f"search.{section}[{index}]"
        if isinstance(entry, NamedNetwork):
            network = network_of(entry, key, input, classes)
            recipe = completed(entry.recipe, config)
            result.append(Enqueued(role, Design.of(config.budget.fitted(network, recipe), recipe)))
        else:
            result += [Enqueued(role, *former) for former in _former(entry, key, config, input, classes)]
    return result


def completed(settings: Mapping[str, Any], config: SweepConfig) -> Recipe:
    """A recipe with these settings. The rest is what the sweep's recipe space fixes; where it leaves a choice, what it
    allows that is nearest to `Recipe`'s default: for AdamW, a fiftieth of the default learning rate.
    """
    usual = Recipe().to_json()
    recipes = config.recipe_space()
    optimizer = settings.get("optimizer") or recipes.sample(_Nearest(usual)).optimizer
    if optimizer == "adamw":
        usual["learning_rate"] /= ADAMW_SLOWER
    chance = {"weights": None, "frozen": 0.0}  # the sweep's weights are not this network's
    return Recipe.from_json({**recipes.sample(_Nearest(usual)).to_json(), **chance, **absolute_paths(dict(settings))})


class _Nearest:
    """A trial (`spaces.choices.Trial`) that takes from each choice what is nearest to a wish."""

    def __init__(self, wishes: Mapping[str, Any]) -> None:
        self._wishes = wishes

    def suggest_categorical(self, name: str, choices: Sequence[Any]) -> Any:
        wish = self._wishes[name]
        if wish in choices or not _is_number(wish):
            return wish if wish in choices else choices[0]
        numbers = [choice for choice in choices if _is_number(choice)]
        return min(numbers, key=lambda choice: abs(choice - wish)) if numbers else choices[0]

    def suggest_float(
        self,
        name: str,
        low: float,
        high: float,
        *,
        step: float | None = None,
        log: bool = False,  # noqa: ARG002 - the bounds are the same
    ) -> float:
        wish = self._wishes[name]
        value = min(max(wish if _is_number(wish) else low, low), high)
        if step is None:
            return value
        last = int((high - low) / step + 1e-9)  # a range need not end with a step
        return min(low + min(round((value - low) / step), last) * step, high)

    def suggest_int(self, name: str, low: int, high: int, *, step: int = 1, log: bool = False) -> int:
        return round(self.suggest_float(name, low, high, step=step, log=log))


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _former(
    entry: WarmStart, key: str, config: SweepConfig, input: tuple[int, int, int], classes: int
) -> list[tuple[Design, dict[str, Any]]]:
    """The best designs of a former sweep, each with the sampler's settings where this sweep's space has them too."""
    try:
        folder = entry.folder.expanduser() if entry.folder else config.folder
        itself = (folder / entry.sweep).resolve() == config.sweep_folder
    except (OSError, ValueError, RuntimeError) as error:
        raise ConfigError(f"{key}: no folder of a sweep: {error!s:.80}", key=key) from None
    if itself:
        raise ConfigError(f"{key}: {entry.sweep} is this sweep itself", "Give this one another `name`.", key=key)
    try:
        former = Sweep.open(entry.sweep, folder)
        trials = former.trials()
        records = {record.number: record for record in trials}
        best = [records[summary.trial] for summary in former.summaries(trials)[: entry.best]]
        asked = read_params(former.folder)
    except SweepError as error:
        raise ConfigError(f"{key}: {error.message}", error.remedy, key=key) from None
    if not best:
        raise ConfigError(f"{key}: sweep {entry.sweep} has no result", "Name one that has trained a network.", key=key)
    space, recipes = config.design_space(), config.recipe_space()

    def proposed(trial: Trial) -> Design:
        network, recipe = space.sample(trial, input, classes), recipes.sample(trial)
        return Design.of(config.budget.fitted(network, recipe), recipe)

    result: list[tuple[Design, dict[str, Any]]] = []
    for record in best:
        network, recipe = record.design.architecture, record.design.recipe
        if (network.input, network.classes) != (tuple(input), classes):
            theirs, ours = ("x".join(map(str, image)) for image in (network.input, input))
            raise ConfigError(
                f"{key}: sweep {entry.sweep} is of images of {theirs} in {network.classes} classes, this one of {ours} "
                f"in {classes}",
                "Name a sweep of the same images, or a network of it as notation.",
                key=key,
            )
        design = Design.of(config.budget.fitted(network, recipe), recipe)
        settings = asked.get(record.number, {})
        result.append((design, settings if _leads_to(design, settings, proposed) else {}))
    return result


def _leads_to(design: Design, params: dict[str, Any], proposed: Callable[[Trial], Design]) -> bool:
    """Whether this sweep's space, given these settings, proposes that very design."""
    from optuna.trial import FixedTrial

    if not params:
        return False
    with warnings.catch_warnings():
        # all that Optuna does about a setting outside the space
        warnings.filterwarnings("error", r"(?s)The value .* is out of the range of the distribution", UserWarning)
        try:
            return proposed(FixedTrial(params)).key == design.key
        except Exception:  # noqa: BLE001 - whatever a space does with another's settings: they are not its own
            return False
