"""The designs a sweep file names, in the order they are trained: baselines first, then starts."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

from ...spaces import ConfigError, SweepError
from ...trainers import Recipe
from ..config import AUTO, NamedNetwork, WarmStart, absolute_paths, network_of
from ..records import Enqueued
from ..study import read_params
from ..sweep import Sweep
from .scripted_trials import NearestTrial
from .textbook import textbook_designs

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..config import RecipeSpace, SweepConfig
    from ..records import Design, Role
    from .design_space import DesignSpace

ADAMW_SLOWER = 50
"""AdamW's usual learning rate is so many times below SGD's."""


def initial_designs(config: SweepConfig, designs: DesignSpace) -> list[Enqueued]:
    """The designs that `search.baselines` and `search.start` name, for the images of `designs`; baselines come first.

    Args:
        config: the sweep file.
        designs: the designs the sweep may try; a named network need not be one of them.

    Raises:
        ConfigError: a network that is not there or cannot be built for the images, a sweep without a result or with
            other images, or more starts than trials; names the key.
    """
    baselines = _queued(config, "baselines", "baseline", designs)
    if config.search.start == AUTO:
        found = textbook_designs(designs, config.search.trials)
        return baselines + [
            Enqueued(role="start", design=each.design, params=each.params, textbook=True) for each in found
        ]
    starts = _queued(config, "start", "start", designs)
    if len(starts) > config.search.trials:
        raise ConfigError(
            f"search.start: {len(starts)} designs, and `search.trials` is {config.search.trials}",
            f"Starts count as trials: raise `search.trials` to at least {len(starts)}, or name fewer.",
            key="search.start",
        )
    return baselines + starts


def _queued(config: SweepConfig, section: str, role: Role, designs: DesignSpace) -> list[Enqueued]:
    result: list[Enqueued] = []
    for index, entry in enumerate(getattr(config.search, section)):
        key = f"search.{section}[{index}]"
        if isinstance(entry, NamedNetwork):
            network = network_of(entry, key, designs.input, designs.classes)
            recipe = completed(entry.recipe, designs.recipes)
            result.append(Enqueued(role=role, design=designs.fitted(network, recipe)))
        else:
            result += [
                Enqueued(role=role, design=design, params=params)
                for design, params in _former(entry, key, config, designs)
            ]
    return result


def completed(settings: Mapping[str, Any], recipes: RecipeSpace) -> Recipe:
    """The recipe that has the given settings, completed from a recipe space.

    What is not given is what the recipe space fixes; where it leaves a choice, what it allows that is nearest to
    `Recipe`'s default: for AdamW, a fiftieth of the default learning rate. Training starts from random weights unless
    `settings` says otherwise.

    Args:
        settings: settings of a recipe by key, as in `search.start[0].recipe`.
        recipes: the sweep's recipe space.

    Raises:
        ConfigError: a setting that cannot be used; names it and its range.
    """
    usual = Recipe().to_json()
    optimizer = settings.get("optimizer") or recipes.sample(NearestTrial(usual)).optimizer
    if optimizer == "adamw":
        usual["learning_rate"] /= ADAMW_SLOWER
    chance = {"weights": None, "frozen": 0.0}  # the sweep's weights are not this network's
    return Recipe.from_json(
        {**recipes.sample(NearestTrial(usual)).to_json(), **chance, **absolute_paths(dict(settings))}
    )


def _former(
    entry: WarmStart, key: str, config: SweepConfig, designs: DesignSpace
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
    result: list[tuple[Design, dict[str, Any]]] = []
    for record in best:
        network, recipe = record.design.architecture, record.design.recipe
        if (network.input, network.classes) != (tuple(designs.input), designs.classes):
            theirs, ours = ("x".join(map(str, image)) for image in (network.input, designs.input))
            raise ConfigError(
                f"{key}: sweep {entry.sweep} is of images of {theirs} in {network.classes} classes, this one of {ours} "
                f"in {designs.classes}",
                "Name a sweep of the same images, or a network of it as notation.",
                key=key,
            )
        design = designs.fitted(network, recipe)
        settings = asked.get(record.number, {})
        result.append((design, settings if _leads_to(design, settings, designs) else {}))
    return result


def _leads_to(design: Design, params: dict[str, Any], designs: DesignSpace) -> bool:
    """Whether this sweep's space, given these settings, proposes that very design."""
    from optuna.trial import FixedTrial

    if not params:
        return False
    with warnings.catch_warnings():
        # all that Optuna does about a setting outside the space
        warnings.filterwarnings("error", r"(?s)The value .* is out of the range of the distribution", UserWarning)
        try:
            return designs.sample(FixedTrial(params)).key == design.key
        except Exception:  # noqa: BLE001 - whatever a space does with another's settings: they are not its own
            return False
