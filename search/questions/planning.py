"""Decides what is trained to settle a question: bases in every variant at matched cost, and the learning rates."""

from __future__ import annotations

import math
from dataclasses import replace
from random import Random
from typing import TYPE_CHECKING, Any

from ...spaces import ConfigError, SpaceError, values
from ..config import RecipeSpace
from ..records import Experiment
from ..verdicts import different_networks, reasons
from .matching import matched
from .variants import Variants

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from ..config import QuestionConfig, SweepConfig
    from ..proposals import DesignSpace
    from ..records import Design

DRAWS, MORE_DRAWS = 5, 40
"""Bases are drawn until there are as many as asked for, at most so many times as many, and so many more."""
HOPELESS = 60
"""Bases that are left out in a row, from the first on, before no more are drawn."""
MANY_RATES = 5
"""Learning rates that are all tried; of more three are."""
MOSTLY = 0.8
"""Share of the bases that are different networks, below which that is said."""
OF_ADAMW = 1 / 50
"""The default rates are those of SGD with momentum; AdamW takes so much of them."""
APART = 3.0
"""Learning rates that are tried beside a single one are so many times as large and as small."""


DECIDED: dict[str, Any] = {
    "sampler": "random",
    "promotion": "none",
    "objectives": ("accuracy",),
    "finalists": 0,
    "seeds": 1,
    "cross_validate": False,
    "refit": False,
    "start": (),
    "baselines": (),
    "trials": 1,
}
"""Settings of `search` that a question decides for itself, `trials` once the experiment is planned."""


def unused_settings(keys: Iterable[str]) -> str:
    """A note about settings that somebody gave and a question decides for itself; "" where there are none.

    Args:
        keys: dotted keys of what was given, such as "search.sampler".
    """
    named = sorted(set(keys) & {f"search.{key}" for key in DECIDED})
    return f"Note: a question decides {', '.join(named)} itself; what was given is not used." if named else ""


def as_question(config: SweepConfig) -> SweepConfig:
    """The config of a sweep whose file asks a question: every training runs to its end, and no winner is sought.

    Args:
        config: the sweep file, with a `question` section.
    """
    search = config.search.model_copy(update=DECIDED)
    return config.model_copy(update={"search": search}).trusting(config.trust, config.mistrust)


def with_trainings(config: SweepConfig, experiment: Experiment) -> SweepConfig:
    """The config with `search.trials` as many as the experiment trains."""
    search = config.search.model_copy(update={"trials": experiment.trainings})
    return config.model_copy(update={"search": search}).trusting(config.trust, config.mistrust)


def experiment_of(config: SweepConfig, designs: DesignSpace) -> Experiment:
    """What is trained to settle the question of a sweep file.

    Bases are drawn from the space until `question.pairs` of them can be built in every variant at matched cost, within
    the budget. What cannot is left out and told.

    Args:
        config: the sweep file.
        designs: its designs, for its images.

    Raises:
        ConfigError: there is no such question, the space cannot ask it, or its recipe is of several optimizers; names
            the key.
        SpaceError: fewer than two bases can be built in every variant, or variants are the same network in all.
    """
    asked = config.question
    assert asked is not None
    variants = Variants.of(config, designs)
    rates = _rates(asked, designs.recipes)
    stages = Random(config.search.seed)  # noqa: S311 - for drawing designs
    bases: list[dict[str, Design]] = []
    left_out: list[str] = []
    known: set[str] = set()
    repeated = 0
    for number in range(DRAWS * asked.pairs + MORE_DRAWS):
        if len(bases) == asked.pairs or (not bases and len(left_out) == HOPELESS):
            break
        try:
            base = matched(variants.draw(number, stages.choice(variants.stages)), asked.match, config.budget)
            _refuse_equal(base, variants)
        except SpaceError as error:
            left_out.append(f"draw {number}: {error.message}")
            continue
        key = at_rate(next(iter(base.values())), rates[0]).key  # what was drawn for the rate is not used
        if key in known:
            repeated += 1
        else:
            known.add(key)
            bases.append(base)
    if len(bases) < 2:
        raise _unsettleable(variants, bases, left_out, repeated=repeated)
    if len(bases) < asked.pairs:
        held = f"{len(bases)} bases in place of {asked.pairs}: the space seems to hold no more that differ."
        variants.notes += [] if len(left_out) > len(bases) else [held]
    variants.notes += _alike(bases)
    several = len(rates) > 1
    tuned = min(len(bases), asked.tuned or math.ceil(len(bases) / 4)) if several else 0
    return Experiment(
        variants=tuple(variant.name for variant in variants.question.variants),
        contrasts=variants.question.contrasts,
        bases=tuple(bases),
        left_out=tuple(left_out),
        notes=tuple(variants.notes),
        rates=rates,
        tuned=tuned,
        seeds=asked.seeds,
    )


def _alike(bases: Sequence[Mapping[str, Design]]) -> list[str]:
    """A note where many bases are one network, of which the answer knows less than of as many networks."""
    networks = different_networks(bases)
    if networks == 1:
        return ["All bases are one network, trained by different recipes: the answer is about this network."]
    if networks > MOSTLY * len(bases):
        return []
    rest = "the rest repeat one with other dropout or another recipe"
    return [f"Of the {len(bases)} bases {networks} are different networks; {rest}."]


def at_rate(design: Design, rate: float) -> Design:
    """The design, trained with another learning rate."""
    return replace(design, recipe=replace(design.recipe, learning_rate=rate))


def _rates(asked: QuestionConfig, recipes: RecipeSpace) -> tuple[float, ...]:
    """Learning rates that are tried, from the lowest to the highest."""
    if len(values(recipes.settings["optimizer"]) or ()) > 1:
        raise ConfigError(
            "recipe.optimizer: a question's learning rates are tuned for one optimizer, and the recipe names several",
            "For example --set recipe.optimizer=sgd",
            key="recipe.optimizer",
        )
    if asked.rates:
        return tuple(sorted(set(asked.rates)))
    choice = recipes.settings["learning_rate"]
    offered = values(choice)
    if offered is None:
        is_default = choice == RecipeSpace().settings["learning_rate"]
        times = OF_ADAMW if is_default and values(recipes.settings["optimizer"]) == ("adamw",) else 1.0
        low, high = math.log(times * choice.low), math.log(times * choice.high)  # pyright: ignore[reportAttributeAccessIssue]
        offered = tuple(math.exp(low + share / 6 * (high - low)) for share in (1, 3, 5))
    elif len(offered) > MANY_RATES:
        offered = tuple(sorted(offered)[round(share / 6 * (len(offered) - 1))] for share in (1, 3, 5))
    elif len(offered) == 1:
        offered = tuple(float(offered[0]) * times for times in (1 / APART, 1, APART))
    return tuple(sorted({float(f"{rate:.3g}") for rate in offered}))


def _refuse_equal(base: dict[str, Design], variants: Variants) -> None:
    """Leaves out a base in which variants that are compared are the same network, trained alike."""
    for a, b in variants.question.contrasts:
        if base[a].key == base[b].key:
            raise SpaceError(f"{a} and {b} are the same network: {base[a].notation:.100}")


def _unsettleable(
    variants: Variants, bases: list[dict[str, Design]], left_out: list[str], *, repeated: int
) -> SpaceError:
    asked = variants.config.question
    assert asked is not None
    if repeated > len(left_out):
        return SpaceError(
            f"question {asked.ask}: the space and the recipe hold one design, and pairs are of designs that differ",
            "Let them offer more, for example --set space.filters=[16,24,32]",
            key="question.ask",
        )
    commonest = reasons(left_out)[0][1]
    count = f"{len(bases) or 'none'} of {len(bases) + len(left_out)} base designs drawn from the space"
    remedy = "Allow more: a larger space, a larger budget"
    remedy += ", or `--match none`." if asked.match != "none" else "."
    if "same network" in commonest:
        remedy = "Name variants that differ in the networks of this space."
    equal = "" if asked.match == "none" else f" at equal {asked.match}"
    return SpaceError(
        f"question {asked.ask}: {count} can be built in every variant{equal}; most often: {commonest}",
        remedy,
        key="question.ask",
    )
