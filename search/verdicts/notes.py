"""What is to be known of an experiment before it trains: how much it trains, and what bounds its answer."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from ..records import epochs_in_words
from .significance import fewest_pairs
from .stopping import final_level

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from ..records import Design, Experiment

MOST_REASONS = 3
"""Reasons why bases were left out that are told."""


def plan_lines(experiment: Experiment, epochs: int | str) -> list[str]:
    """Lines that say how much is trained, what is compared, and which learning rates are tried.

    Args:
        experiment: what is trained.
        epochs: of each training, or "auto", as `search.epochs`.
    """
    compared = "; ".join(f"{a} against {b}" for a, b in experiment.contrasts)
    counts = f"{len(experiment.bases)} base designs in {len(experiment.variants)} variants"
    rates = ", ".join(f"{rate:g}" for rate in experiment.rates)
    long = f" of {epochs_in_words(epochs)}" if isinstance(epochs, int) else ""
    bases = f"{experiment.tuned} of the bases" if experiment.tuned > 1 else "one of the bases"
    return [
        f"{counts}, {experiment.trainings:,} trainings{long}",
        f"compared: {compared}",
        f"learning rate: {rates}" if not experiment.tuned else f"learning rates: {rates}, tuned on {bases}",
    ]


def experiment_notes(experiment: Experiment) -> list[str]:
    """Lines that say with how many pairs nothing can be settled, and how many bases were left out and why.

    Args:
        experiment: what is trained.
    """
    pairs, several = len(experiment.bases), len(experiment.contrasts)
    fewest = fewest_pairs(final_level(pairs, several) / several)
    lines = []
    if pairs < fewest:
        compared = f"{several} contrasts take" if several > 1 else "it takes"
        lines.append(f"{pairs} pairs can settle nothing, whatever comes of them: {compared} {fewest} or more.")
    lines += experiment.notes
    if experiment.left_out:
        alike = reasons(experiment.left_out)
        shown = "; ".join(f"{count} since {reason}" for count, reason in alike[:MOST_REASONS])
        more = f"; {sum(count for count, _ in alike[MOST_REASONS:])} for other reasons"
        lines.append(
            f"Left out, of {pairs + len(experiment.left_out)} bases drawn: {shown}{more * (len(alike) > MOST_REASONS)}."
        )
    return lines


def different_networks(bases: Iterable[Mapping[str, Design]]) -> int:
    """How many of the bases differ in some variant's network, dropout aside.

    Args:
        bases: as `Experiment.bases` has them.
    """
    return len({tuple(_DROPOUT.sub("", design.notation) for design in base.values()) for base in bases})


_DROPOUT = re.compile(r" -> (?:SPATIAL)?DROPOUT[\d.e-]+")


def reasons(left_out: Sequence[str]) -> list[tuple[int, str]]:
    """Why bases were left out, each reason with how many, the commonest first; those alike but for numbers are one.

    Args:
        left_out: sentences such as "draw 3: parameters of a and b come to 1,000 and 1,100 at best".
    """
    found: dict[str, list[str]] = {}
    for each in left_out:
        reason = each.partition(": ")[2]
        found.setdefault(re.sub(r"[\d,]+", "", reason), []).append(reason)
    return [(len(of), of[0]) for of in sorted(found.values(), key=len, reverse=True)]
