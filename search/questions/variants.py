"""The variants of a question as spaces of designs, and the bases that are drawn from all of them alike."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ...spaces import ConfigError, ConvscapeError, SpaceError, nearest, values
from ...spaces.conv_space import ConvSpace
from ..config import STAGE
from ..records import Design
from .catalog import MINE, QUESTIONS, Question, Variant
from .paired_trial import PairedTrial

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from ..config import SweepConfig
    from ..proposals import DesignSpace


def question_of(config: SweepConfig) -> Question:
    """The question that a sweep file asks.

    Raises:
        ConfigError: there is no such question, or fewer than two variants of one's own.
    """
    assert config.question is not None
    name = config.question.ask
    if name == MINE:
        if len(config.variants) < 2:
            raise ConfigError(
                "variants: the question `mine` compares two or more, and the sweep file has "
                f"{len(config.variants) or 'none'}",
                "For example variants: {plain: {block: plain}, residual: {block: residual}}",
                key="variants",
            )
        first, *others = config.variants
        variants = tuple(
            Variant(name=each, settings=lambda _, its=settings: its) for each, settings in config.variants.items()
        )
        return Question(
            name=name, about=("", ""), variants=variants, contrasts=tuple((first, other) for other in others)
        )
    if name not in QUESTIONS:
        raise ConfigError(
            f"question.ask: {name!r:.60} is no question",
            nearest(name, [*QUESTIONS, MINE]) + " `convscape ask --list` explains each.",
            key="question.ask",
        )
    return QUESTIONS[name]


class Variants:
    """The variants of a question, each as the designs that it allows.

    Args:
        question: which is asked.
        config: the sweep file.
        designs: its designs, for its images.
    """

    def __init__(self, question: Question, config: SweepConfig, designs: DesignSpace) -> None:
        self.question, self.config, self.designs = question, config, designs
        self._spaces: dict[tuple[str, int], DesignSpace] = {}
        self.notes: list[str] = []
        """What of the space is not asked, a sentence each."""
        self.stages: tuple[int, ...] = (0,)
        """Numbers of stages that a base may have; (0,) where the space does not say."""

    @staticmethod
    def of(config: SweepConfig, designs: DesignSpace) -> Variants:
        """The variants of a sweep file's question.

        Args:
            config: the sweep file.
            designs: its designs, for its images.

        Raises:
            ConfigError: there is no such question, or the space cannot ask it; names the key.
            SpaceError: some variant has no network for the images.
        """
        found = Variants(question=question_of(config), config=config, designs=designs)
        found._refuse_unasked()
        found.stages = found._stages()
        return found

    def _stages(self) -> tuple[int, ...]:
        """Numbers of stages with which every variant has a network for the images; (0,) where the space has no such."""
        fitting: list[int] = []
        refused: SpaceError | None = None
        for count in self._offered_stages:
            for variant in self.question.variants:
                try:
                    self._designs_of(variant, count).networks.check(self.designs.input)
                except SpaceError as error:
                    message = f"question {self.question.name}, {variant.name}: {error.message}"
                    refused = refused or SpaceError(message, error.remedy, key=error.key)
                    break
            else:
                fitting.append(count)
        if not fitting and refused is not None:
            raise refused
        if refused is not None:
            some = ", ".join(str(count) for count in self._offered_stages if count not in fitting)
            self.notes.append(f"Bases of {some} stages are not asked: {refused.message}.")
        return tuple(fitting)

    @property
    def _offered_stages(self) -> tuple[int, ...]:
        space = self.designs.networks
        if not isinstance(space, ConvSpace):
            return (0,)
        offered: tuple[int, ...] = values(space.settings["stages"]) or ()
        return tuple(count for count in offered if count >= self.question.stages)

    def draw(self, number: int, stages: int) -> dict[str, Design]:
        """A base in every variant: all that is not asked is equal, and drawn from what all variants allow.

        Args:
            number: of the base; decides what is drawn.
            stages: how many it has, where the space says so.

        Raises:
            SpaceError: what is possible in one variant is not in another.
        """
        refused: SpaceError | None = None
        for reference in self.question.variants:
            try:
                known = self._sampled(reference, number, stages, None)[1]
                return {
                    variant.name: self._sampled(variant, number, stages, known)[0] for variant in self.question.variants
                }
            except SpaceError as error:
                refused = refused or error
        assert refused is not None
        raise refused

    def _sampled(
        self, variant: Variant, number: int, stages: int, known: Mapping[str, Any] | None
    ) -> tuple[Design, dict[str, Any]]:
        trial = PairedTrial(self.config.search.seed, number, known, self._varied)
        try:
            network, recipe = self._designs_of(variant, stages).choose(trial)
            network = variant.network(network) if variant.network else network
        except SpaceError as error:
            raise SpaceError(f"{variant.name}: {error.message}", error.remedy, key=error.key) from None
        except ConvscapeError as error:
            raise SpaceError(f"{variant.name}: {error.message}", error.remedy) from None
        return Design.of(network, replace(recipe, **variant.recipe)), trial.answers

    @property
    def _varied(self) -> Collection[str]:
        """Settings in which variants may differ; those of one stage with its name."""
        found: set[str] = set()
        for variant in self.question.variants:
            for stages in self._offered_stages:
                for key, value in variant.settings(stages).items():
                    found |= {f"{key}.{name}" for name in value} if STAGE.fullmatch(key) else {key}
        return found

    def _designs_of(self, variant: Variant, stages: int) -> DesignSpace:
        key = (variant.name, stages)
        if key not in self._spaces:
            settings = self._settings(variant, stages)
            config = self.config.model_copy(update={"space": settings})
            config = config.trusting(self.config.trust, self.config.mistrust)
            self._spaces[key] = replace(self.designs, networks=config.network_space())
        return self._spaces[key]

    def _settings(self, variant: Variant, stages: int) -> dict[str, Any]:
        """The settings of the space, with the variant's own over them, also where a stage has some of its own."""
        space, own = dict(self.config.space), variant.settings(stages)
        if "base" in own or "base" in space or "class" in space:
            return self.config.of_variant(own).space
        if stages:
            space["stages"] = stages
        for key, allowed in self.question.only.items():
            space[key] = [value for value in _offered(self.designs, key) if value in allowed]
        common = {key for key in (*own, *self.question.only) if not STAGE.fullmatch(key)}
        for key in [key for key in space if STAGE.fullmatch(key)]:
            if stages and int(key[5:]) > stages:
                del space[key]
            else:
                space[key] = {name: value for name, value in space[key].items() if name not in common}
        for key, value in own.items():
            space[key] = {**space.get(key, {}), **value} if STAGE.fullmatch(key) else value
        return space

    def _refuse_unasked(self) -> None:
        question, space = self.question, self.config.space
        if question.name == MINE:
            return
        if question.name == "transfer":
            if not self.config.recipe_space().weights:
                raise ConfigError(
                    "question transfer: the recipe names no pretrained weights",
                    "For example --set recipe.weights=torchvision:resnet18",
                    key="recipe.weights",
                )
            if None in (values(self.designs.recipes.settings["weights"]) or ()):
                raise ConfigError(
                    "question transfer: recipe.weights offers null beside weights, and the question has that by itself",
                    "Leave null out.",
                    key="recipe.weights",
                )
            return
        if self.config.recipe_space().weights:
            raise ConfigError(
                f"question {question.name}: the recipe starts from pretrained weights, whose network is what it is",
                "Set recipe.weights=null to ask it of networks that are trained from chance.",
                key="recipe.weights",
            )
        if not isinstance(self.designs.networks, ConvSpace):
            raise ConfigError(
                f"question {question.name}: it is asked of the networks of a ConvSpace, and `space` is "
                f"{'a class of your own' if 'class' in space else 'a classic'}",
                "Leave space.base and space.class out, or name `variants:` of your own and ask `mine`.",
                key="space",
            )
        for key, allowed in question.only.items():
            if not any(value in allowed for value in _offered(self.designs, key)):
                offered = ", ".join(map(str, _offered(self.designs, key)))
                raise ConfigError(
                    f"question {question.name}: space.{key} is {offered}, and it needs one of "
                    f"{', '.join(map(str, allowed))}",
                    f"For example --set space.{key}=[{', '.join(map(str, allowed[:2]))}]",
                    key=f"space.{key}",
                )
        if not self._offered_stages:
            raise ConfigError(
                f"question {question.name}: networks need {question.stages} stages or more",
                f"For example --set space.stages=[{question.stages}, {question.stages + 1}]",
                key="space.stages",
            )
        asked = {key for variant in question.variants for key in variant.settings(1)}
        if "downsampling" in asked and set(_offered(self.designs, "downsampling")) == {"none"}:
            raise ConfigError(
                f"question {question.name}: the space has no downsampling, so there is no pooling in it",
                "Leave space.downsampling out, or let it be more than none.",
                key="space.downsampling",
            )


def _offered(designs: DesignSpace, key: str) -> tuple[Any, ...]:
    """What a ConvSpace offers for a setting, in whatever stage."""
    space = designs.networks
    assert isinstance(space, ConvSpace)
    stages = range(max(values(space.settings["stages"]) or (1,)))
    return tuple(dict.fromkeys(value for stage in stages for value in space.own_settings.options(key, stage)))
