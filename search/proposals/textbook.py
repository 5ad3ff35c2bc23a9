"""The textbook's designs for a sweep's images: what is trained first, and what the first proposals lean to."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random
from typing import TYPE_CHECKING, Any

from ...spaces import ClassicSpace, ConvscapeError, ConvSpace
from ...spaces.conv_space import WIDTHS, advice
from ...trainers import Recipe
from ..config import TEXTBOOK, TransferSpace
from ..records import Design, Enqueued
from .scripted_trials import LeaningTrial, NearestTrial

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .design_space import DesignSpace

MOST = 4
"""Textbook designs that are trained first: one in the middle, the narrowest, and the widest two."""
KEEP = 0.7
"""The probability with which a proposal that leans to the textbook keeps each of its settings."""
HALF = 10
"""Proposals after which every second one no longer leans to the textbook."""
KEPT = {"width": 1.0, **dict.fromkeys(("head", "pooling", "norm", "activation", "dropout"), "keep")}
"""Settings of a classic's variations that leave the classic as it is."""
TRANSFER_SLOWER = 10
"""Training that starts from pretrained weights takes a rate so many times smaller."""


@dataclass(frozen=True, slots=True)
class TextbookDesign:
    """A design that the textbook gives for a sweep's images, as far as the sweep's space has it."""

    design: Design
    params: dict[str, Any]
    """The answers that lead the space to the design, by Optuna's names."""
    reason: str
    """Why it is one of the first, in a line."""


def textbook_designs(designs: DesignSpace, trials: int) -> list[TextbookDesign]:
    """The textbook's designs for the images of `designs`, a middle one first; the space gives the nearest that it has.

    Of a `base` space they are the classics themselves; with pretrained weights, the networks these are of. A space of
    somebody's own has none.

    Args:
        designs: the designs the sweep may try, and the budget that is kept to.
        trials: those of the sweep; a third of them, at least one and at most MOST, are the textbook's.
    """
    found: dict[str, TextbookDesign] = {}
    for reason, wishes in _wishes(designs):
        trial = NearestTrial(wishes)
        try:
            design = designs.fitted(*designs.choose(trial))
        except ConvscapeError:  # what the space cannot give is no start
            continue
        if not designs.over_budget(design):
            found.setdefault(design.key, TextbookDesign(design, trial.given, reason))
    return list(found.values())[: min(MOST, max(1, trials // 3))]


def leaning_design(designs: DesignSpace, seed: int, number: int, proposed: int) -> Enqueued | None:
    """The design to propose as trial `number` where that leans to the textbook; None where the sampler is to propose.

    The first ones lean, then fewer and fewer: after n proposals one in 1 + n / HALF. Each keeps most settings of a
    textbook design and draws the others at random, so that no value of the space is out of reach.

    Args:
        designs: the designs the sweep may try.
        seed: the sweep's.
        number: of the trial; with the seed it decides the design.
        proposed: designs that were proposed before.
    """
    chance = Random(f"{seed} {number}")  # noqa: S311 - not for secrets
    wishes = [wish for _, wish in _wishes(designs)]
    if not wishes or chance.random() > 1 / (1 + proposed / HALF):
        return None
    trial = LeaningTrial(chance.choice(wishes), chance, KEEP)
    try:
        design = designs.fitted(*designs.choose(trial))
    except ConvscapeError:
        return None
    return Enqueued(role="sampled", design=design, params=trial.given)


def _wishes(designs: DesignSpace) -> list[tuple[str, Mapping[str, Any]]]:
    """What the textbook wishes for in every setting, with the reason; a network of middle width first."""
    space, image = designs.networks, designs.input
    if isinstance(space, TransferSpace):
        rate = float(str(TEXTBOOK["learning_rate"])) / TRANSFER_SLOWER
        return [
            (f"as {source} is, all of it trained on", {**TEXTBOOK, "weights": source, "learning_rate": rate})
            for source in designs.recipes.weights
        ]
    if isinstance(space, ClassicSpace):
        rate = Recipe().learning_rate  # many of them have no batch norm
        return [(f"{base} as it is", {**TEXTBOOK, **KEPT, "base": base, "learning_rate": rate}) for base in space.bases]
    if not isinstance(space, ConvSpace):
        return []
    what = f"the textbook's for images of {image[1]}x{image[2]}: a stage for each halving of a map of 4 cells or more"
    return [(what, {**TEXTBOOK, **advice(image, filters)}) for filters in WIDTHS]
