"""What is to be known of an experiment before it trains: too few pairs for a verdict, and what was left out."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from .significance import fewest_pairs
from .stopping import final_level

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..records import Experiment

MOST_REASONS = 3
"""Reasons why bases were left out that are told."""


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


def reasons(left_out: Sequence[str]) -> list[tuple[int, str]]:
    """Why bases were left out, each reason with how many, the commonest first; those alike but for numbers are one.

    Args:
        left_out: sentences such as "base 3: parameters of a and b come to 1,000 and 1,100 at best".
    """
    found: dict[str, list[str]] = {}
    for each in left_out:
        reason = each.partition(": ")[2]
        found.setdefault(re.sub(r"[\d,]+", "", reason), []).append(reason)
    return [(len(of), of[0]) for of in sorted(found.values(), key=len, reverse=True)]
